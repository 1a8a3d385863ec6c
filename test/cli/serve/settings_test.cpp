// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/settings.hpp"

#include <filesystem>

#include <catch2/catch.hpp>

#include "cli/config/config.hpp"
#include "cli/config/keys.hpp"
#include "cli/serve/diff_peer.hpp"
#include "cli/serve/start_warnings.hpp"
#include "core/crypto/address.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using namespace std::chrono_literals;
using ioswarm::test::TempDir;

namespace {

ServeConfig config_of(const std::string& yaml) {
    const TempDir dir;
    ConfigSources sources;
    sources.environment = [](const std::string& name) -> std::optional<std::string> {
        return name == "HOME" ? std::optional<std::string>("/home/x") : std::nullopt;
    };
    sources.files = {dir.write("c.yaml", "ioswarm: {" + yaml + "}")};
    auto loaded = load_config(sources);
    if (!loaded) FAIL(loaded.error().front().text());
    return loaded->settings;
}

/// Returns the texts of start_warnings().
std::vector<std::string> warning_lines(const ServeConfig& config, const std::string& address) {
    std::vector<std::string> out;
    for (const StartWarning& warning : start_warnings(config, address))
        out.push_back(warning.text);
    return out;
}

}  // namespace

TEST_CASE("every value of the configuration reaches the coordinator", "[serve]") {
    const CoordinatorSettings plain = coordinator_settings(config_of(""));
    CHECK(plain.rewards.epoch_reward_rau == 0);
    CHECK(plain.coinbase.empty());
    CHECK(plain.idle_batch == 45s);
    CHECK_FALSE(plain.rewards.settles_on_chain);
    CHECK_FALSE(plain.rewards.contract);
    CHECK(coordinator_settings(config_of("rewardContract: '0x00000000000000000000000000000000000000c0'"))
              .rewards.contract == *parse_address("0x00000000000000000000000000000000000000c0"));
    const CoordinatorSettings settings = coordinator_settings(config_of(
        "maxAgents: 7, taskLevel: L4, shadowMode: false, pollIntervalMs: 250, taskRedundancy: 3, "
        "taskTimeoutMs: 5000, idleBatchSeconds: 7, "
        "delegateAddress: io1mflp9m6hcgm2qcghchsdqj3z3eccrnekx9p0ms, epochRewardIOTX: 0.5, "
        "chain: {blockTime: 2s}, reward: {delegateCutPct: 12.5, epochBlocks: 9, minTasksForReward: 4, "
        "bonusAccuracyPct: 90, bonusMultiplier: 1.25}"));
    CHECK(settings.max_agents == 7);
    CHECK(settings.task_level == TaskLevel::l4_state_sync);
    CHECK_FALSE(settings.shadow_mode);
    CHECK(settings.poll_interval == 250ms);
    CHECK(settings.task_redundancy == 3);
    CHECK(settings.task_timeout == 5s);
    CHECK(settings.idle_batch == 7s);
    CHECK(settings.block_interval == 2s);
    const std::string node = "node: {grpc: 'n:14014', web3: 'http://n:15014'";
    CHECK(coordinator_settings(config_of(node + "}")).block_interval == 2500ms);
    CHECK(coordinator_settings(config_of(node + ", blockTime: 1s}, chain: {blockTime: 2s}")).block_interval ==
          1s);
    // The address pair is from the tests of iotex-address.
    CHECK(settings.coinbase == "0xda7e12ef57c236a06117c5e0d04a228e7181cf36");
    CHECK(settings.rewards.epoch_reward_rau == *u256_from_decimal("500000000000000000"));
    CHECK(settings.rewards.delegate_cut_pct == Decimal{125, 1});
    CHECK(settings.rewards.epoch_blocks == 9);
    CHECK(settings.rewards.min_tasks_for_reward == 4);
    CHECK(settings.rewards.bonus_accuracy_pct == Decimal{90, 0});
    CHECK(settings.rewards.bonus_multiplier == Decimal{125, 2});
}

TEST_CASE("a connection may have four open calls per agent, and at least a hundred", "[serve]") {
    CHECK(streams_per_connection(config_of("maxAgents: 1")) == 100);
    CHECK(streams_per_connection(config_of("maxAgents: 25")) == 100);
    CHECK(streams_per_connection(config_of("")) == 400);
    CHECK(streams_per_connection(config_of("maxAgents: 1000")) == 4'000);
    CHECK(streams_per_connection(config_of("maxAgents: 4294967295")) == 1'000'000);
    CHECK(streams_per_connection(config_of("maxAgents: 1000, maxStreamsPerConnection: 128")) == 128);
}

TEST_CASE("proxies are given by address or network", "[serve]") {
    CHECK(trusted_proxies(config_of("")).empty());
    const auto proxies = trusted_proxies(config_of("trustedProxies: '192.0.2.10, 10.20.0.0/16'"));
    CHECK(contains(proxies, *parse_ip("192.0.2.10")));
    CHECK(contains(proxies, *parse_ip("10.20.30.40")));
    CHECK_FALSE(contains(proxies, *parse_ip("192.0.2.11")));
}

TEST_CASE("serve listens on every interface with a secret, and on loopback without one", "[serve]") {
    const auto bind = [](const std::string& yaml, bool insecure = false) {
        const auto address = bind_address(config_of(yaml), insecure);
        return address ? "[" + *address + "]" : address.error().text();
    };
    CHECK(bind("") == "[127.0.0.1]");
    CHECK(bind("", true) == "[]");
    CHECK(bind("masterSecret: s") == "[]");
    CHECK(bind("masterSecret: s, listen: 10.0.0.1") == "[10.0.0.1]");
    CHECK(bind("listen: 127.0.0.2") == "[127.0.0.2]");
    CHECK(bind("listen: '::1'") == "[::1]");
    CHECK(bind("listen: 10.0.0.1") ==
          "configuration: listen: 10.0.0.1 is open to others, and without masterSecret everybody may join");
    CHECK(bind("listen: 0.0.0.0", true) == "[0.0.0.0]");
}

TEST_CASE("the start warns of settings that an operator should know", "[serve]") {
    using Lines = std::vector<std::string>;
    const std::string rewards =
        "epochRewardIOTX: 1, delegateAddress: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'";
    CHECK(warning_lines(config_of("masterSecret: s, epochRewardIOTX: 1"), "127.0.0.1")
              .at(0)
              .starts_with("delegateAddress is not set, though rewards are on"));
    CHECK(warning_lines(config_of("masterSecret: s, " + rewards), "127.0.0.1").empty());
    CHECK(warning_lines(config_of("masterSecret: s, " + rewards), "") ==
          Lines{"TLS is off: agents' tokens cross the network in clear unless a proxy in front speaks TLS"});
    const std::string tls = "masterSecret: s, " + rewards + ", tls: {cert: c, key: k}";
    CHECK(
        warning_lines(config_of(tls), "") ==
        Lines{"the monitoring API speaks no TLS: keys that are shown to it cross the network in clear unless a "
              "proxy in front speaks TLS"});
    CHECK(warning_lines(config_of(tls + ", swarmApiPort: 0"), "").empty());
    CHECK(warning_lines(config_of(tls), "127.0.0.1").empty());
    CHECK(warning_lines(config_of(""), "127.0.0.1") ==
          Lines{"no masterSecret: whoever reaches the port may join as any agent",
                "epochRewardIOTX is not set: nothing is accrued or paid"});
    const std::string quiet = "masterSecret: s, " + rewards + ", listen: 127.0.0.1, ";
    CHECK(warning_lines(config_of(quiet + "taskLevel: L4"), "127.0.0.1")
              .empty());  // the embedded chain has diffs
    CHECK(warning_lines(config_of(quiet + "taskLevel: L4, node: {grpc: 'n:14014', web3: 'http://n'}"),
                        "127.0.0.1") ==
          Lines{"taskLevel is L4 without node.diffs: no source of state diffs, agents get tasks up to L3"});
    CHECK(warning_lines(config_of(quiet + "taskLevel: L4, node: {grpc: 'n:14014', web3: 'http://n', "
                                          "diffs: 'n:14689', diffsAgentId: a}"),
                        "127.0.0.1")
              .empty());
    CHECK(warning_lines(config_of(quiet + "node: {diffs: 'n:14689', diffsAgentId: a}"), "127.0.0.1") ==
          Lines{"node.diffs is set without node.grpc: the embedded chain's own state diffs are served"});
}

TEST_CASE("the log of state diffs is in the data directory or at its configured path", "[serve]") {
    CHECK(diff_store_file(config_of("dataDir: /d")) == "/d/statediffs.db");
    CHECK(diff_store_file(config_of("dataDir: /d, diffStorePath: /e/log.db")) == "/e/log.db");
}

TEST_CASE("the configuration gives the source of diffs and the agent id for it", "[serve]") {
    const auto settings = node_diff_settings(config_of("node: {diffs: '[::1]:14688', diffsAgentId: relay-01}"));
    CHECK(settings.peer.target.host == "::1");
    CHECK(settings.peer.target.port == 14688);
    CHECK(settings.peer.target.text() == "[::1]:14688");
    CHECK(settings.peer.agent_id == "relay-01");
    CHECK(settings.peer.token.empty());
}

TEST_CASE("a data directory of the old systemd unit is reported with the two commands that move it",
          "[serve]") {
    const TempDir dir;
    const std::string link = dir.path("ioswarm");
    std::filesystem::create_symlink("private/ioswarm", link);
    const Error refused{ErrorCode::permission_denied, "cannot open the ledger", link, "Permission denied", {}};
    CHECK(
        explain_data_dir(refused, link).hint ==
        "an older systemd unit, with DynamicUser=yes, kept this directory; stop the service and move it: rm " +
            link + " && mv " + dir.path("private/ioswarm") + " " + link + "; chown -R ioswarm:ioswarm " + link);
    CHECK(explain_data_dir(refused, link + "/").hint == explain_data_dir(refused, link).hint);
    // Errors that do not concern the owner get no hint.
    const Error other{ErrorCode::io, "cannot open the ledger", link, "Input/output error", {}};
    CHECK(explain_data_dir(other, link).hint.empty());
    CHECK(explain_data_dir(refused, dir.path()).hint.empty());
}
