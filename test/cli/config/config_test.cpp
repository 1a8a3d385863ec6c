// SPDX-License-Identifier: Apache-2.0
#include "cli/config/config.hpp"

#include <filesystem>
#include <map>
#include <set>

#include <unistd.h>

#include <catch2/catch.hpp>

#include "cli/config/keys.hpp"
#include "cli/config/value.hpp"
#include "test/cli/config/loaded_config.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using namespace ioswarm::cli::config_tests;

TEST_CASE("without any source every key has the default of the specification", "[config]") {
    const Loaded loaded{Given{}};
    const ServeConfig& c = loaded.settings();
    CHECK_FALSE(c.enabled);
    CHECK(c.grpc_port == 14689);
    CHECK(c.swarm_api_port == 14690);
    CHECK(c.max_agents == 100);
    CHECK(c.task_level == "L2");
    CHECK(c.shadow_mode);
    CHECK(c.poll_interval_ms == 1000);
    CHECK(c.master_secret.empty());
    CHECK(c.epoch_reward_iotx == Decimal{});
    CHECK(c.task_redundancy == 1);
    CHECK(c.task_timeout_ms == 10'000);
    CHECK(c.reward_chain_id == 4689);
    CHECK(c.diff_buffer_size == 100);
    CHECK(c.diff_store_enabled);
    CHECK(c.diff_retain_height == 10'000);
    CHECK(c.delegate_cut_pct == Decimal{10, 0});
    CHECK(c.epoch_blocks == 360);
    CHECK(c.min_tasks_for_reward == 10);
    CHECK(c.bonus_accuracy_pct == Decimal{995, 1});
    CHECK(c.bonus_multiplier == Decimal{12, 1});
    CHECK(c.listen.empty());
    CHECK(c.chain_seed == 1);
    CHECK(c.chain_block_time == std::chrono::seconds(5));
    CHECK(c.chain_tps == 10);
    CHECK(c.chain_accounts == 1000);
    CHECK(c.log_format == "auto");
    CHECK(c.log_color == "auto");
    CHECK(c.log_level == "info");
    CHECK(loaded.origin("grpcPort") == "default");
}

TEST_CASE("names of flags and variables follow from the key's name", "[config]") {
    const auto names = [](std::string_view key) {
        const KeyRow& row = config_keys()[*index_of_key(key)];
        return std::pair(flag_name(row), environment_name(row));
    };
    using Pair = std::pair<std::string, std::string>;
    CHECK(names("grpcPort") == Pair("--grpc-port", "IOSWARM_GRPC_PORT"));
    CHECK(names("epochRewardIOTX") == Pair("--epoch-reward-iotx", "IOSWARM_EPOCH_REWARD_IOTX"));
    CHECK(names("node.grpc") == Pair("--node-grpc", "IOSWARM_NODE_GRPC"));
    CHECK(names("node.diffsAgentId") == Pair("--node-diffs-agent-id", "IOSWARM_NODE_DIFFS_AGENT_ID"));
    CHECK(names("reward.delegateCutPct") ==
          Pair("--reward-delegate-cut-pct", "IOSWARM_REWARD_DELEGATE_CUT_PCT"));
    CHECK(names("chain.seed") == Pair("--seed", "IOSWARM_CHAIN_SEED"));
    CHECK(names("chain.blockTime") == Pair("--block-time", "IOSWARM_CHAIN_BLOCK_TIME"));
    std::set<std::string> all;
    for (const KeyRow& row : config_keys())
        CHECK(all.insert(flag_name(row)).second);
}

TEST_CASE("a complete iotex-core configuration is accepted, and foreign keys are ignored", "[config]") {
    const Loaded loaded{Given{{R"(
chain:
  id: 1
  producerPrivKey: $SOMEONE_ELSES_VARIABLE
  blocks: &b [1, 2, {deep: [[[]]]}]
plugins: {gatewayPlugin: null}
ioswarm:
  enabled: true
  grpcPort: 24689   # taken
  taskLevel: L3
  masterSecret: 0123
  epochRewardIOTX: 0.1
  reward:
    delegateCutPct: 12.5
    epochBlocks: 10
api: *b
)"}}};
    const ServeConfig& c = loaded.settings();
    CHECK(c.enabled);
    CHECK(c.grpc_port == 24689);
    CHECK(c.task_level == "L3");
    CHECK(c.master_secret == "0123");  // read as text, even though it looks like a number
    CHECK(c.epoch_reward_iotx == Decimal{1, 1});
    CHECK(c.delegate_cut_pct == Decimal{125, 1});
    CHECK(c.epoch_blocks == 10);
    CHECK(loaded.origin("grpcPort") == "c0.yaml:9:3");
    CHECK(loaded.origin("reward.epochBlocks") == "c0.yaml:15:5");
}

TEST_CASE("later files override earlier ones key by key, variables override files, flags override variables",
          "[config]") {
    const Loaded loaded{
        Given{{"ioswarm: {grpcPort: 1, maxAgents: 1, taskLevel: L1, reward: {epochBlocks: 1}}",
               "ioswarm: {grpcPort: 2, maxAgents: 2, taskLevel: L3, reward: {minTasksForReward: 2}}"},
              {{"IOSWARM_GRPC_PORT", "3"}, {"IOSWARM_MAX_AGENTS", "3"}, {"IOSWARM_TASK_LEVEL", ""}},
              {{"grpcPort", "4"}}}};
    CHECK(loaded.settings().grpc_port == 4);
    CHECK(loaded.settings().max_agents == 3);
    CHECK(loaded.settings().task_level == "L3");
    CHECK(loaded.settings().epoch_blocks == 1);
    CHECK(loaded.settings().min_tasks_for_reward == 2);
    CHECK(loaded.origin("grpcPort") == "--grpc-port");
    CHECK(loaded.origin("maxAgents") == "IOSWARM_MAX_AGENTS");
    CHECK(loaded.origin("taskLevel") == "c1.yaml:1:38");
}

TEST_CASE("a file in which the section is misspelt, missing or empty is an error", "[config]") {
    const std::string hint = " (put the keys under a line 'ioswarm:', indented by two spaces)\n";
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "c0.yaml: section 'ioswarm:' is missing (the file is empty)" + hint},
        {"# nothing\n", "c0.yaml: section 'ioswarm:' is missing (the file is empty)" + hint},
        {"---\n", "c0.yaml: section 'ioswarm:' is missing (the file is empty)" + hint},
        {"{}\n", "c0.yaml: section 'ioswarm:' is missing (the file has no keys)" + hint},
        {"chain:\n  id: 1\nioswrm:\n  grpcPort: 1\n",
         "c0.yaml: section 'ioswarm:' is missing (line 3 has 'ioswrm:') (did you mean 'ioswarm:'?)\n"},
        {"IOSwarm: {grpcPort: 1}",
         "c0.yaml: section 'ioswarm:' is missing (line 1 has 'IOSwarm:') (did you mean 'ioswarm:'?)\n"},
        {"grpcPort: 1\nmaxAgents: 5\n",
         "c0.yaml: section 'ioswarm:' is missing (top-level keys are grpcPort, maxAgents)" + hint},
        {"ioswarm:\n", "c0.yaml:1:1: ioswarm: is empty, so this file sets no keys\n"},
        {"ioswarm: ~\n", "c0.yaml:1:1: ioswarm: is empty, so this file sets no keys\n"},
    };
    for (const auto& [text, problem] : cases) {
        CAPTURE(text);
        CHECK(Loaded{Given{{text}}}.problems() == problem);
    }
    const Loaded second{Given{{"ioswarm: {grpcPort: 1}", "grpcPort: 2\n"}}};
    CHECK(second.problems() == "c1.yaml: section 'ioswarm:' is missing (top-level keys are grpcPort)" + hint);
}

TEST_CASE("keys without a value set nothing", "[config]") {
    for (const std::string text : {"ioswarm: {}\n", "ioswarm:\n  grpcPort:\n  masterSecret: null\n"}) {
        CAPTURE(text);
        const Loaded loaded{Given{{text}}};
        CHECK(loaded.settings().grpc_port == 14689);
        CHECK(loaded.settings().master_secret.empty());
    }
}

TEST_CASE("a mistake in a file is reported with file, line, key and the right form", "[config]") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"\nioswarm:\n  grpcPrt: 1\n",
         "c0.yaml:3:3: ioswarm.grpcPrt: unknown key (did you mean 'grpcPort'?)\n"},
        {"ioswarm: {somethingElse: 1}",
         "c0.yaml:1:11: ioswarm.somethingElse: unknown key ('ioswarm config default' prints all keys)\n"},
        {"ioswarm: {masterSecret: '********'}",
         "c0.yaml:1:11: ioswarm.masterSecret: is masked, as 'ioswarm config show' prints it (enter the value "
         "itself)\n"},
        {"ioswarm: {rewardRpcUrl: 'https://rpc.example/********'}",
         "c0.yaml:1:11: ioswarm.rewardRpcUrl: is masked, as 'ioswarm config show' prints it (enter the value "
         "itself)\n"},
        {"ioswarm: {epochBlocks: 1}",
         "c0.yaml:1:11: ioswarm.epochBlocks: unknown key (did you mean 'reward.epochBlocks'?)\n"},
        {"ioswarm: {reward: {epochBlock: 1}}",
         "c0.yaml:1:20: ioswarm.reward.epochBlock: unknown key (did you mean 'reward.epochBlocks'?)\n"},
        {"ioswarm: {grpcPort: 65536}",
         "c0.yaml:1:11: ioswarm.grpcPort: '65536' is not a whole number from 0 to 65535\n"},
        {"ioswarm: {grpcPort: -1}",
         "c0.yaml:1:11: ioswarm.grpcPort: '-1' is not a whole number from 0 to 65535\n"},
        {"ioswarm: {grpcPort: many}",
         "c0.yaml:1:11: ioswarm.grpcPort: 'many' is not a whole number from 0 to 65535\n"},
        {"ioswarm: {grpcPort: '5'}",
         "c0.yaml:1:11: ioswarm.grpcPort: is a text in quotes, not a whole number from 0 to 65535\n"},
        {"ioswarm: {shadowMode: maybe}", "c0.yaml:1:11: ioswarm.shadowMode: 'maybe' is not true or false\n"},
        {"ioswarm: {taskLevel: L5}", "c0.yaml:1:11: ioswarm.taskLevel: 'L5' is not L1, L2, L3 or L4\n"},
        {"ioswarm: {taskLevel: l2}", "c0.yaml:1:11: ioswarm.taskLevel: 'l2' is not L1, L2, L3 or L4\n"},
        {"ioswarm: {taskLevel: \"\"}", "c0.yaml:1:11: ioswarm.taskLevel: '' is empty\n"},
        {"ioswarm: {pollIntervalMs: 9}",
         "c0.yaml:1:11: ioswarm.pollIntervalMs: '9' is not a whole number from 10 to 10000\n"},
        {"ioswarm: {pollIntervalMs: 10001}",
         "c0.yaml:1:11: ioswarm.pollIntervalMs: '10001' is not a whole number from 10 to 10000\n"},
        {"ioswarm: {epochRewardIOTX: -0.5}",
         "c0.yaml:1:11: ioswarm.epochRewardIOTX: '-0.5' is not a decimal number from 0 to 18446744073709551615 "
         "with up to 18 "
         "decimals\n"},
        {"ioswarm: {epochRewardIOTX: 1e3}",
         "c0.yaml:1:11: ioswarm.epochRewardIOTX: '1e3' is not a decimal number from 0 to 18446744073709551615 "
         "with up to 18 "
         "decimals\n"},
        {"ioswarm: {reward: {delegateCutPct: 100.01}}",
         "c0.yaml:1:20: ioswarm.reward.delegateCutPct: '100.01' is not a decimal number from 0 to 100 with up "
         "to "
         "18 decimals\n"},
        {"ioswarm: {reward: {bonusMultiplier: 0.999}}",
         "c0.yaml:1:20: ioswarm.reward.bonusMultiplier: '0.999' is not a decimal number from 1 to 1000 with up "
         "to "
         "18 decimals\n"},
        {"ioswarm: {trustedProxies: '10.0.0.0/8,nginx'}",
         "c0.yaml:1:11: ioswarm.trustedProxies: '10.0.0.0/8,nginx' has 'nginx': it is not an IP address or a "
         "network such as 192.0.2.0/24\n"},
        {"ioswarm: {taskRedundancy: 17}",
         "c0.yaml:1:11: ioswarm.taskRedundancy: '17' is not a whole number from 1 to 16\n"},
        {"ioswarm: {chain: {blockTime: 26s}}",
         "c0.yaml:1:19: ioswarm.chain.blockTime: '26s' is not a duration from 10ms to 25s\n"},
        {"ioswarm: {listen: localhost}", "c0.yaml:1:11: ioswarm.listen: 'localhost' is not an IP address\n"},
        {"ioswarm: {node: {grpc: 127.0.0.1, web3: http://x}}",
         "c0.yaml:1:18: ioswarm.node.grpc: '127.0.0.1' is not host:port\n"},
        {"ioswarm: {node: {grpc: a:1, web3: a:2}}",
         "c0.yaml:1:29: ioswarm.node.web3: 'a:2' is not an http:// or https:// URL\n"},
        {"ioswarm: {masterSecret: [a]}",
         "c0.yaml:1:11: ioswarm.masterSecret: is a list, a single value is expected\n"},
        {"ioswarm: {reward: 5}", "c0.yaml:1:11: ioswarm.reward: is a map of keys, not a value\n"},
        {"ioswarm: [a]", "c0.yaml:1:10: ioswarm: is not a map of keys\n"},
        {"- a", "c0.yaml:1:1: the file is not a map of keys\n"},
        {"ioswarm:\n  grpcPort: 1\n  maxAgents: 1\n  grpcPort: 2\n",
         "c0.yaml:4:3: ioswarm.grpcPort: is given twice\n"},
        {"ioswarm: {grpcPort: 1}\nioswarm: {grpcPort: 2}\n", "c0.yaml:2:1: ioswarm: is given twice\n"},
        {"ioswarm:\n  a: b: c\n", "c0.yaml:2:7: not YAML: illegal map value\n"},
    };
    for (const auto& [text, expected] : cases) {
        CAPTURE(text);
        const Loaded loaded{Given{{text}}};
        CHECK(loaded.problems() == expected);
        REQUIRE_FALSE(loaded.result);
        CHECK(loaded.result.error().front().code == ErrorCode::config);
    }
}

TEST_CASE("all mistakes are reported together", "[config]") {
    const Loaded loaded{Given{{"ioswarm:\n  grpcPrt: 1\n  maxAgents: x\n"}, {{"IOSWARM_TASK_LEVEL", "L9"}}}};
    CHECK(loaded.problems() ==
          "c0.yaml:2:3: ioswarm.grpcPrt: unknown key (did you mean 'grpcPort'?)\n"
          "c0.yaml:3:3: ioswarm.maxAgents: 'x' is not a whole number from 0 to 4294967295\n"
          "IOSWARM_TASK_LEVEL: 'L9' is not L1, L2, L3 or L4\n");
}

TEST_CASE("times are read as RFC 3339", "[config]") {
    const auto base = parse_time("2026-12-31T23:00:00Z");
    REQUIRE(base);
    CHECK(parse_time("2027-01-01T00:30:00+01:30") == base);
    CHECK(parse_time("2026-12-31T18:00:00.25-05:00") == base);
    for (const std::string text :
         {"", "2026-12-31", "2026-12-31T23:00:00", "2026-12-31T23:00:00.Z", "2026-12-31T23:00:00+1:00",
          "2026-12-31T23:00:00+24:00", "2026-13-31T23:00:00Z", "2026-12-31T23:00:00Zx"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_time(text));
    }
}

TEST_CASE("a wrong flag is reported as an error of the command line", "[config]") {
    const Loaded loaded{Given{{}, {}, {{"grpcPort", "x"}}}};
    REQUIRE_FALSE(loaded.result);
    CHECK(loaded.problems() == "--grpc-port: 'x' is not a whole number from 0 to 65535\n");
    CHECK(loaded.result.error().front().code == ErrorCode::usage);
}

TEST_CASE("variables are replaced as in iotex-core", "[config]") {
    const Environment environment = environment_of({{"A", "x"}, {"B_2", "y z"}, {"EMPTY", ""}});
    const auto expand = [&](std::string_view text) {
        const Result<std::string> out = expand_variables(text, environment);
        return out ? *out : "error: " + out.error().why;
    };
    CHECK(expand("plain") == "plain");
    CHECK(expand("$A") == "x");
    CHECK(expand("a$A.$B_2-") == "ax.y z-");
    CHECK(expand("${A}${B_2}") == "xy z");
    CHECK(expand("${NONE:fallback}") == "fallback");
    CHECK(expand("${NONE:a:b$c}") == "a:b$c");
    CHECK(expand("${A:fallback}") == "x");
    CHECK(expand("${EMPTY:fallback}") == "");
    CHECK(expand("${NONE:\"\"}") == "");
    CHECK(expand("pa$$word") == "pa$word");
    CHECK(expand("$$A") == "$A");
    CHECK(expand("$$$A") == "$x");
    CHECK(expand("5$ $1 $") == "5$ $1 $");
    CHECK(expand("$NONE") == "error: $NONE is not set");
    CHECK(expand("${NONE}") == "error: ${NONE} is not set and has no default");
    CHECK(expand("${A") == "error: '${' without its '}'");
}

TEST_CASE("replaced values keep their type, and a variable's content is never read as YAML", "[config]") {
    const Loaded loaded{Given{{R"(
ioswarm:
  grpcPort: ${PORT}            # $UNSET in a comment is no matter
  swarmApiPort: ${API:14000}
  masterSecret: "${SECRET}"
  delegateAddress: ${DELEGATE:""}
  pollIntervalMs: ${POLL:}
)"},
                              {{"PORT", "1234"}, {"SECRET", "a: b # c $NOT {"}}}};
    CHECK(loaded.settings().grpc_port == 1234);
    CHECK(loaded.settings().swarm_api_port == 14000);
    CHECK(loaded.settings().master_secret == "a: b # c $NOT {");
    CHECK(loaded.settings().poll_interval_ms == 1000);
    CHECK(Loaded{Given{{"ioswarm:\n  masterSecret: $UNSET\n"}}}.problems() ==
          "c0.yaml:2:17: ioswarm.masterSecret: $UNSET is not set (write $$ for a dollar)\n");
    CHECK(Loaded{Given{{"ioswarm:\n  rewardRpcUrl:\n    - \"${B\"\n"}}}.problems() ==
          "c0.yaml:3:7: ioswarm.rewardRpcUrl: '${' without its '}' (write $$ for a dollar)\n");
}

TEST_CASE("every item of a list counts, even an empty first one", "[config]") {
    const auto text = [](const std::string& list) {
        return parse_config_text("ioswarm: {key: " + list + "}", "f", environment_of({})).entries.at(0).text;
    };
    CHECK(text("[a, b]") == "a,b");
    CHECK(text("['', b]") == ",b");
    CHECK(text("[a, '']") == "a,");
    CHECK(parse_config_text("ioswarm: {key: []}", "f", environment_of({})).problems.at(0).why ==
          "has 0 list items; 1 to 16 are allowed");
}

TEST_CASE("durations are in Go's format or in seconds", "[config]") {
    const auto block_time = [](const std::string& text) {
        const Loaded loaded{Given{{}, {}, {{"chain.blockTime", text}}}};
        return loaded.result ? loaded.result->settings.chain_block_time.count() : -1;
    };
    CHECK(block_time("5s") == 5000);
    CHECK(block_time("200ms") == 200);
    CHECK(block_time("1.5s") == 1500);
    CHECK(block_time("1s500ms") == 1500);
    CHECK(block_time("5") == 5000);
    for (const std::string wrong :
         {"", "s", "5x", "-5s", "0s", "0.0001s", "1h", "99999999999999999999s", "5 s", "1e1s"}) {
        CAPTURE(wrong);
        CHECK(block_time(wrong) == -1);
    }
}

TEST_CASE("amounts are read exactly", "[config]") {
    const Loaded loaded{Given{{"ioswarm: {epochRewardIOTX: 0.1, reward: {bonusAccuracyPct: 100}}"}}};
    CHECK(to_decimal(iotx_to_rau(loaded.settings().epoch_reward_iotx)) == "100000000000000000");
    CHECK(loaded.settings().bonus_accuracy_pct == Decimal{100, 0});
}
