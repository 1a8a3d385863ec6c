// SPDX-License-Identifier: Apache-2.0
// `ioswarm config show` and `config default`.

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/config/keys.hpp"
#include "test/cli/run_cli.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("config show prints each key with its value and source", "[config]") {
    const TempDir dir;
    const std::string file = dir.write("c.yaml", "ioswarm:\n  masterSecret: swordfish\n  maxAgents: 5\n");
    const CliRun run = run_cli({"config", "show", "--config", file, "--json", "--grpc-port", "77",
                                "--shadow-mode=false", "--enabled"});
    REQUIRE(run.code == 0);
    CHECK_THAT(run.out, !Contains("swordfish"));
    const auto json = nlohmann::json::parse(run.out);
    CHECK(json.size() == ioswarm::cli::config_keys().size());
    CHECK(json["masterSecret"]["value"] == "********");
    CHECK(json["masterSecret"]["origin"] == file + ":2:3");
    CHECK(json["maxAgents"]["value"] == "5");
    CHECK(json["grpcPort"]["value"] == "77");
    CHECK(json["grpcPort"]["origin"] == "--grpc-port");
    CHECK(json["shadowMode"]["value"] == "false");
    CHECK(json["enabled"]["value"] == "true");
    CHECK(json["taskLevel"]["origin"] == "default");
    const CliRun text = run_cli({"config", "show", "--config", file});
    CHECK_THAT(text.out, Contains("\n  maxAgents: 5 ") && Contains("# " + file + ":3:3\n"));
    CHECK_THAT(text.out,
               Contains("\n  #masterSecret: \"********\" ") && Contains("# " + file + ":2:3, masked\n"));
    CHECK_THAT(text.out, !Contains("swordfish"));
}

TEST_CASE("several files are merged in the given order", "[config]") {
    const TempDir dir;
    const std::string node = dir.write("node.yaml", "ioswarm: {grpcPort: 1, maxAgents: 1}");
    const std::string own = dir.write("own.yaml", "ioswarm: {grpcPort: 2}");
    const CliRun run = run_cli({"config", "show", "--config", node, "--config", own, "--json"});
    const auto json = nlohmann::json::parse(run.out);
    CHECK(json["grpcPort"]["value"] == "2");
    CHECK(json["maxAgents"]["value"] == "1");
}

TEST_CASE("the output of config show is read back to the same values", "[config]") {
    const TempDir dir;
    const std::string file = dir.write("c.yaml",
                                       "ioswarm:\n"
                                       "  epochRewardIOTX: 0.5\n"
                                       "  delegateAddress: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'\n"
                                       "  dataDir: '/a b/$$x\\y\"z'\n"
                                       "  chain: {blockTime: 1.5s, tps: 3}\n"
                                       "  log: {level: warn}\n");
    const CliRun first = run_cli({"config", "show", "--config", file});
    REQUIRE(first.code == 0);
    const std::string again = dir.write("again.yaml", first.out);
    const auto values = [](const CliRun& run) {
        auto json = nlohmann::json::parse(run.out);
        for (auto& [key, one] : json.items())
            one.erase("origin");
        return json;
    };
    const CliRun read_back = run_cli({"config", "show", "--config", again, "--json"});
    CHECK(read_back.err.empty());
    CHECK(values(read_back) == values(run_cli({"config", "show", "--config", file, "--json"})));
}

TEST_CASE("config default prints a file with every key and its default", "[config]") {
    const TempDir dir;
    const CliRun run = run_cli({"config", "default"});
    REQUIRE(run.code == 0);
    for (const auto& key : ioswarm::cli::config_keys()) {
        CAPTURE(key.name);
        const std::string word(key.name.substr(key.name.find('.') + 1));
        CHECK_THAT(run.out, Contains("# " + std::string(key.help) + "\n") && Contains(word + ": "));
    }
    const std::string file = dir.write("c.yaml", run.out);
    CHECK_THAT(run_cli({"config", "check", "--config", file, "--embedded"}).err,
               Contains("configuration is good: 2 of "));
    // If the keys are uncommented, the configuration has the same values.
    std::string all = run.out;
    for (std::size_t at = all.find("\n  #"); at != std::string::npos; at = all.find("\n  #", at + 1)) {
        if (all[at + 4] != ' ' || all[at + 5] == ' ') all.erase(at + 3, 1);
    }
    const std::string every = dir.write("all.yaml", all);
    const auto values = [](const CliRun& shown) {
        auto json = nlohmann::json::parse(shown.out);
        for (auto& one : json)
            one.erase("origin");
        return json;
    };
    CHECK_THAT(run_cli({"config", "check", "--config", every}).err, Contains("configuration is good: "));
    CHECK(values(run_cli({"config", "show", "--config", every, "--json"})) ==
          values(run_cli({"config", "show", "--json"})));
}

TEST_CASE("a masked URL in what config show prints is refused by its name", "[config]") {
    const TempDir dir;
    const std::string file =
        dir.write("c.yaml", "ioswarm: {node: {grpc: 'h:1', web3: 'http://user:swordfish@h:2/key'}}");
    const CliRun shown = run_cli({"config", "show", "--config", file});
    REQUIRE(shown.code == 0);
    CHECK_THAT(shown.out, !Contains("swordfish"));
    const CliRun again = run_cli({"config", "check", "--config", dir.write("again.yaml", shown.out)});
    CHECK(again.code == 78);
    CHECK_THAT(again.err, Contains("ioswarm.node.web3: is masked, as 'ioswarm config show' prints it\n"
                                   "hint: enter the value itself\n") &&
                              !Contains("not given"));
}
