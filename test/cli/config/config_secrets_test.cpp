// SPDX-License-Identifier: Apache-2.0
// Secrets in the configuration: where they may stand, and that they are never printed.
#include "cli/config/config.hpp"

#include <catch2/catch.hpp>

#include "cli/config/keys.hpp"
#include "test/cli/config/loaded_config.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using namespace ioswarm::cli::config_tests;

TEST_CASE("a secret may come from a file, and the stronger source counts", "[config]") {
    const TempDir dir;
    const std::string file = dir.write("secret", "from-file\n");
    const std::string key = "ioswarm: {masterSecretFile: " + file + "}";
    const Loaded loaded{Given{{key}}};
    CHECK(loaded.settings().master_secret == "from-file");
    CHECK(Loaded{Given{{key}, {{"IOSWARM_MASTER_SECRET", "from-env"}}}}.settings().master_secret == "from-env");
    CHECK(Loaded{Given{{"ioswarm: {masterSecret: direct}"}, {}, {{"masterSecretFile", file}}}}
              .settings()
              .master_secret == "from-file");
    CHECK(
        Loaded{Given{{"ioswarm: {masterSecret: a, masterSecretFile: " + file + "}"}}}.problems() ==
        "masterSecret and masterSecretFile: both are given (keep one of them; they came from c0.yaml:1:11 and "
        "c0.yaml:1:28)\n");
    const Loaded missing{Given{{"ioswarm: {masterSecretFile: /no/such/file}"}}};
    CHECK(missing.problems() ==
          "/no/such/file: No such file or directory (masterSecretFile names it, from c0.yaml:1:11)\n");
}

TEST_CASE("masterSecretFile - reads standard input", "[config]") {
    int ends[2] = {-1, -1};
    REQUIRE(::pipe(ends) == 0);
    REQUIRE(::write(ends[1], "from-input\n", 11) == 11);
    ::close(ends[1]);
    const int input = ::dup(STDIN_FILENO);
    REQUIRE(::dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
    ::close(ends[0]);
    const Loaded loaded{Given{{}, {}, {{"masterSecretFile", "-"}}}};
    const Loaded empty{Given{{}, {}, {{"masterSecretFile", "-"}}}};
    if (input >= 0) ::dup2(input, STDIN_FILENO);
    ::close(input);
    CHECK(loaded.settings().master_secret == "from-input");
    CHECK(loaded.origin("masterSecret") == "standard input");
    CHECK(empty.problems().starts_with("standard input: it is empty"));
}

TEST_CASE("the relay's key is read from its file, which may contain only a key", "[config]") {
    const TempDir dir;
    const std::string key = "iosw_" + std::string(64, 'a');
    const auto with = [&](const std::string& content) {
        return Given{{"ioswarm: {node: {diffs: 127.0.0.1:14688, diffsAgentId: relay, diffsKeyFile: " +
                      dir.write("key", content) + "}}"}};
    };
    CHECK(Loaded{with(key + "\n")}.settings().node_diffs_key == key);
    const std::string hint = "(node.diffsKeyFile came from c0.yaml:1:63; ioswarm keygen prints keys)\n";
    for (const std::string& other : {std::string(64, 'a'), key + "0", "iosw_" + std::string(64, 'G')}) {
        const std::string problems = Loaded{with(other)}.problems();
        CHECK(problems == dir.path() + "/key: has no agent's key, which is iosw_ and 64 hex digits " + hint);
        CHECK(problems.find(other) == std::string::npos);
    }
    CHECK(
        Loaded{Given{{"ioswarm: {node: {diffs: 'n:1'}}"}}}.problems() ==
        "node.diffsAgentId: not given, though node.diffs is (both are needed, or neither; node.diffs came from "
        "c0.yaml:1:18)\n");
    CHECK(Loaded{Given{{"ioswarm: {node: {diffsKeyFile: " + dir.write("key", key) + "}}"}}}.problems() ==
          "node.diffs: not given, though node.diffsKeyFile is (node.diffsKeyFile came from c0.yaml:1:18)\n");
    CHECK(Loaded{Given{{"ioswarm: {node: {diffs: 'n:1', diffsAgentId: relay}}"}}}
              .settings()
              .node_diffs_key.empty());
}

TEST_CASE("secrets are masked wherever they are printed", "[config]") {
    const Loaded loaded{
        Given{{"ioswarm: {masterSecret: swordfish, rewardRpcUrl: 'https://me:pw@rpc.example/x?y'}"}}};
    REQUIRE(loaded.result);
    CHECK(shown_value(*index_of_key("masterSecret"), *loaded.result) == "********");
    CHECK(shown_value(*index_of_key("rewardSignerKey"), *loaded.result).empty());
    CHECK(shown_value(*index_of_key("rewardRpcUrl"), *loaded.result) ==
          "https://********@rpc.example/********");
    CHECK(Loaded{Given{{"ioswarm: {rewardRpcUrl: 'me:pw@rpc.example/x?key=y'}"}}}.problems().find(
              "'********@rpc.example/********' is not") != std::string::npos);
    CHECK(Loaded{Given{{"ioswarm: {rewardRpcUrl: 'https://me:pw@rpc example/x'}"}}}.problems().find(
              "'https://********@rpc example/********' is not one to 16 http:// or https:// URLs, separated by "
              "commas") != std::string::npos);
    const Loaded wrong{Given{{"ioswarm: {rewardSignerKey: deadbeef, rewardContract: x}"}}};
    CHECK(wrong.problems().find("deadbeef") == std::string::npos);
    CHECK(wrong.problems().find("ioswarm.rewardSignerKey: the value is not 32 bytes in hex") !=
          std::string::npos);
}

TEST_CASE("a secret given as a flag gives a warning", "[config]") {
    const Loaded loaded{Given{{}, {}, {{"masterSecret", "x"}}}};
    REQUIRE(loaded.result);
    REQUIRE_FALSE(loaded.result->warnings.empty());
    CHECK(loaded.result->warnings.front() ==
          "--master-secret: the process list shows it; give masterSecretFile in a file instead");
}

TEST_CASE("a secret given in a variable gives a warning too", "[config]") {
    const Loaded loaded{Given{{},
                              {{"IOSWARM_REWARD_SIGNER_KEY", std::string(64, '7')},
                               {"IOSWARM_REWARD_CONTRACT", "0x236CBF52125E68Db8fA88b893CcaFB2EE542F2d9"},
                               {"IOSWARM_MASTER_SECRET_FILE", ""}}}};
    REQUIRE(loaded.result);
    REQUIRE(loaded.result->warnings.size() == 1);
    CHECK(
        loaded.result->warnings.front() ==
        "IOSWARM_REWARD_SIGNER_KEY: other processes of this user can read it, and child processes inherit it; "
        "give rewardSignerKeyFile in a file instead");
}

TEST_CASE("a missing file of a secret is a mistake of the configuration", "[config]") {
    const TempDir dir;
    {
        const std::string key = "masterSecretFile";
        const Loaded loaded{Given{{"ioswarm: {" + key + ": " + dir.path("none") + "}"}}};
        REQUIRE_FALSE(loaded.result);
        const Error& error = loaded.result.error().front();
        CHECK(error.code == ErrorCode::config);
        CHECK(error.text() == "cannot read the secret: " + dir.path("none") + ": No such file or directory");
        CHECK(error.hint.starts_with(key + " names it, from "));
    }
    const Loaded diffs{
        Given{{"ioswarm: {node: {grpc: 'h:1', web3: 'http://h', diffs: 'h:2', diffsAgentId: a, "
               "diffsKeyFile: " +
               dir.path("none") + "}}"}}};
    REQUIRE_FALSE(diffs.result);
    CHECK(diffs.result.error().front().code == ErrorCode::config);
}
