// SPDX-License-Identifier: Apache-2.0
#include "cli/config/config_checks.hpp"

#include <catch2/catch.hpp>

#include "test/cli/config/loaded_config.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using namespace ioswarm::cli::config_tests;

TEST_CASE("an old master secret needs its end and its successor", "[config]") {
    const std::string until = "masterSecretOldUntil: 2027-01-01T00:00:00Z";
    CHECK(Loaded{Given{{"ioswarm: {masterSecret: new, masterSecretOld: old, " + until + "}"}}}
              .settings()
              .master_secret_old == "old");
    const auto problems = [](const std::string& keys) {
        return Loaded{Given{{"ioswarm: {" + keys + "}"}}}.problems();
    };
    CHECK(problems("masterSecret: new, masterSecretOld: old") ==
          "masterSecretOldUntil: not given, though masterSecretOld is (masterSecretOld came from "
          "c0.yaml:1:30)\n");
    CHECK(problems("masterSecret: new, " + until) ==
          "masterSecretOld: not given, though masterSecretOldUntil is (masterSecretOldUntil came from "
          "c0.yaml:1:30)\n");
    CHECK(problems("masterSecretOld: old, " + until) ==
          "masterSecret: not given, though masterSecretOldUntil is (masterSecretOldUntil came from "
          "c0.yaml:1:33)\n");
    CHECK(
        problems("masterSecret: same, masterSecretOld: same, " + until)
            .starts_with("c0.yaml:1:31: ioswarm.masterSecretOld: the old secret is the same as masterSecret"));
    CHECK(problems("masterSecret: new, masterSecretOld: old, masterSecretOldUntil: tomorrow")
              .find("'tomorrow' is not a time like 2026-12-31T23:00:00Z") != std::string::npos);
    const TempDir dir;
    const std::string file = dir.write("old", "old one\n");
    CHECK(Loaded{Given{{"ioswarm: {masterSecret: new, masterSecretOldFile: " + file + ", " + until + "}"}}}
              .settings()
              .master_secret_old == "old one");
}

TEST_CASE("keys that belong together are checked together", "[config]") {
    CHECK(Loaded{Given{{"ioswarm: {tls: {cert: /c}}"}}}.problems() ==
          "tls.key: not given, though tls.cert is (both are needed, or neither; tls.cert came from "
          "c0.yaml:1:17)\n");
    CHECK(Loaded{Given{{}, {{"IOSWARM_NODE_WEB3", "http://127.0.0.1:15014"}}}}.problems() ==
          "node.grpc: not given, though node.web3 is (both are needed, or neither; node.web3 came from "
          "IOSWARM_NODE_WEB3)\n");
    CHECK(Loaded{Given{{"ioswarm: {grpcPort: 5, swarmApiPort: 5}"}}}.problems() ==
          "c0.yaml:1:24: ioswarm.swarmApiPort: 5 is grpcPort too\n");
    CHECK(Loaded{Given{{"ioswarm: {grpcPort: 0, swarmApiPort: 0}"}}}.result);
    const auto relay = [](const std::string& diffs) {
        return Loaded{Given{{"ioswarm: {node: {diffs: '" + diffs + "', diffsAgentId: a}}"}}}.problems();
    };
    CHECK(relay("127.0.0.1:14689") ==
          "c0.yaml:1:18: ioswarm.node.diffs: 127.0.0.1:14689 is grpcPort of this program too (beside the "
          "node's module give grpcPort "
          "and "
          "swarmApiPort other values in the second file)\n");
    CHECK_FALSE(relay("localhost:14689").empty());
    CHECK_FALSE(relay("[::1]:14689").empty());
    CHECK(relay("127.0.0.1:14688").empty());
    CHECK(relay("node.example:14689").empty());
}

TEST_CASE("a wrong value hides no other mistake and causes none", "[config]") {
    const Loaded loaded{Given{
        {"ioswarm:\n  maxAgents: x\n  masterSecretFile: /no/such/file\n  node: {grpc: x, web3: 'http://h'}\n"
         "  tls: {cert: /c}\n"}}};
    CHECK(loaded.problems() ==
          "c0.yaml:2:3: ioswarm.maxAgents: 'x' is not a whole number from 0 to 4294967295\n"
          "c0.yaml:4:10: ioswarm.node.grpc: 'x' is not host:port\n"
          "/no/such/file: No such file or directory (masterSecretFile names it, from c0.yaml:3:3)\n"
          "tls.key: not given, though tls.cert is (both are needed, or neither; tls.cert came from "
          "c0.yaml:5:9)\n");
}
