// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/reload.hpp"

#include <catch2/catch.hpp>

#include "cli/config/keys.hpp"
#include "cli/serve/seen_agents.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

namespace {
namespace reloads {

/// Loads `text` as the section of a file.
LoadedConfig loaded(const test::TempDir& dir, const std::string& text, bool open_named_files = false) {
    ConfigSources sources;
    sources.files = {dir.write("serve.yaml", "ioswarm:\n  dataDir: /nowhere\n" + text)};
    sources.environment = [](const std::string&) { return std::optional<std::string>(); };
    sources.open_named_files = open_named_files;
    auto out = load_config(sources);
    if (!out) FAIL(out.error().front().text());
    return *std::move(out);
}

AgentView agent(const std::string& id, SeenAgents::Time heartbeat) {
    AgentView out;
    out.id = id;
    out.last_heartbeat = heartbeat;
    return out;
}

Strings ids(const std::vector<AgentView>& agents) {
    Strings out;
    for (const AgentView& one : agents)
        out.push_back(one.id);
    return out;
}

}  // namespace reloads
}  // namespace

TEST_CASE("changed keys are sorted by when they apply: at once, with the next epoch, after a restart",
          "[reload]") {
    const test::TempDir dir;
    const LoadedConfig used = reloads::loaded(dir, "  grpcPort: 1111\n");
    CHECK(config_changes(used, used).after_restart.empty());
    const LoadedConfig fresh = reloads::loaded(dir,
                                               "  grpcPort: 2222\n"
                                               "  epochRewardIOTX: 0.5\n"
                                               "  taskLevel: L3\n"
                                               "  agents: {revoked: /r, allowed: /a}\n"
                                               "  reward: {epochBlocks: 10}\n"
                                               "  metrics: {perAgent: true}\n"
                                               "  log: {level: warn}\n");
    const ConfigChanges changes = config_changes(used, fresh);
    CHECK(changes.now == Strings{"agents.allowed", "agents.revoked", "metrics.perAgent", "log.level"});
    CHECK(changes.next_epoch == Strings{"epochRewardIOTX", "reward.epochBlocks"});
    CHECK(changes.after_restart == Strings{"grpcPort", "taskLevel"});
    // A change that was applied is not reported again. A change that needs a restart is reported each time.
    LoadedConfig now = used;
    take_changes(fresh.settings, now.settings);
    CHECK(now.settings.agents_revoked == "/r");
    CHECK(now.settings.grpc_port == 1111);
    CHECK(config_changes(now, fresh).now.empty());
    CHECK(config_changes(now, fresh).next_epoch.empty());
    CHECK(config_changes(now, fresh).after_restart == Strings{"grpcPort", "taskLevel"});
}

TEST_CASE("limits, proxies and the log change with a reload, and what opens ports needs a restart",
          "[reload]") {
    const test::TempDir dir;
    const LoadedConfig used = reloads::loaded(dir, "  maxAgents: 5\n");
    const LoadedConfig fresh = reloads::loaded(dir,
                                               "  maxAgents: 6\n"
                                               "  taskRedundancy: 2\n"
                                               "  taskTimeoutMs: 2000\n"
                                               "  idleBatchSeconds: 7\n"
                                               "  drainDuration: 1s\n"
                                               "  httpRequestsPerSecond: 9\n"
                                               "  maxStreamsPerConnection: 200\n"
                                               "  trustedProxies: 192.0.2.1\n"
                                               "  log: {format: json, color: never}\n"
                                               "  swarmApiPort: 1\n");
    const ConfigChanges changes = config_changes(used, fresh);
    CHECK(changes.now == Strings{"maxAgents", "trustedProxies", "maxStreamsPerConnection", "taskRedundancy",
                                 "taskTimeoutMs", "idleBatchSeconds", "drainDuration", "httpRequestsPerSecond",
                                 "log.format", "log.color"});
    CHECK(changes.after_restart == Strings{"swarmApiPort"});
    LoadedConfig now = used;
    take_changes(fresh.settings, now.settings);
    CHECK(now.settings.max_agents == 6);
    CHECK(now.settings.max_streams_per_connection == 200);
    CHECK(now.settings.swarm_api_port == 14690);
}

TEST_CASE("a secret that the start read from a file does not count as changed in a reload", "[reload]") {
    const test::TempDir dir;
    const std::string key = "  masterSecretFile: " + dir.write("secret", "a long master secret\n") + "\n";
    const LoadedConfig used = reloads::loaded(dir, key, true);
    REQUIRE(used.settings.master_secret == "a long master secret");
    CHECK(config_changes(used, reloads::loaded(dir, key)).after_restart.empty());
    CHECK(config_changes(used, reloads::loaded(dir, "")).after_restart == Strings{"masterSecretFile"});
    const LoadedConfig direct = reloads::loaded(dir, "  masterSecret: one-secret-of-many\n");
    CHECK(config_changes(direct, reloads::loaded(dir, "  masterSecret: another-secret-here\n")).after_restart ==
          Strings{"masterSecret"});
}

TEST_CASE("without agents.revoked the list is in the data directory and may be missing", "[reload]") {
    const test::TempDir dir;
    const ListFiles files = list_files(reloads::loaded(dir, "").settings);
    CHECK(files.allowed.empty());
    CHECK(files.revoked == "/nowhere/revoked");
    CHECK(files.revoked_may_be_missing);
    const ListFiles named = list_files(reloads::loaded(dir, "  agents: {revoked: /r}\n").settings);
    CHECK(named.revoked == "/r");
    CHECK_FALSE(named.revoked_may_be_missing);
}

TEST_CASE("all problems of a configuration are joined into one error", "[reload]") {
    const Error error = summary({{ErrorCode::usage, "configuration", "a.yaml:3", "is wrong", "hint"},
                                 {ErrorCode::config, "configuration", "a.yaml:4", "too", {}}});
    CHECK(error.code == ErrorCode::config);
    CHECK(error.text() == "configuration: a.yaml:3: is wrong; configuration: a.yaml:4: too");
}

TEST_CASE("an agent that has left is remembered for 24 hours", "[reload]") {
    const SeenAgents::Time start{1'790'000'000s};
    SeenAgents seen;
    seen.note({reloads::agent("a", start), reloads::agent("b", start + 1min)}, start + 1min);
    seen.note({}, start + 23h);
    CHECK(reloads::ids(seen.all(start + 24h)) == Strings{"b", "a"});
    CHECK(reloads::ids(seen.all(start + 24h + 30s)) == Strings{"b"});
    seen.note({reloads::agent("a", start + 30h)}, start + 30h);
    CHECK(reloads::ids(seen.all(start + 30h)) == Strings{"a"});
}

TEST_CASE("of invented ids only the latest are remembered, up to a limit", "[reload]") {
    const SeenAgents::Time start{1'790'000'000s};
    SeenAgents seen(3);
    for (int i = 0; i < 100; ++i)
        seen.note({reloads::agent("id-" + std::to_string(i), start + std::chrono::seconds(i))}, start + 100s);
    CHECK(reloads::ids(seen.all(start + 100s)) == Strings{"id-99", "id-98", "id-97"});
}
