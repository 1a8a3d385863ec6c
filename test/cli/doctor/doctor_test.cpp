// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "cli/doctor/report.hpp"
#include "test/cli/doctor/doctor_fixture.hpp"
#include "test/cli/run_cli.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace ioswarm::cli::doctor;
using Catch::Matchers::Contains;

TEST_CASE("doctor prints one line per check, in the order of the table", "[doctor]") {
    const TempDir dir;
    const CliRun run = run_cli({"doctor", "--offline", "--json", "--embedded", "--grpc-port", "0",
                                "--swarm-api-port", "0", "--data-dir", dir.path("data")});
    const auto json = nlohmann::json::parse(run.out);
    std::vector<std::string> names;
    for (const auto& one : json["checks"]) {
        if (names.empty() || names.back() != one["check"]) names.push_back(one["check"]);
    }
    std::vector<std::string> expected;
    for (const CheckRow& row : checks())
        expected.emplace_back(row.name);
    CHECK(names == expected);
    CHECK(json["fail"] == 0);
    CHECK(run.code == 0);
    CHECK(run.err.empty());
}

TEST_CASE("doctor exits with 1 when a check fails, and with 3 for warnings with --strict", "[doctor]") {
    const TempDir dir;
    const std::vector<std::string> good{"doctor",           "--offline", "--grpc-port", "0",
                                        "--swarm-api-port", "0",         "--data-dir",  dir.path("data")};
    CHECK(run_cli(good).code == 0);
    std::vector<std::string> strict = good;
    strict.emplace_back("--strict");
    const CliRun warned = run_cli(strict);
    CHECK(warned.code == 3);
    CHECK_THAT(warned.out, Contains("warn  configuration: epochRewardIOTX is not set"));
    strict.insert(strict.end(), {"--tls-cert", dir.path("none"), "--tls-key", dir.path("none")});
    CHECK(run_cli(strict).code == 1);
}

TEST_CASE("doctor runs the other checks when the file of a secret is wrong", "[doctor]") {
    const TempDir dir;
    const CliRun run = run_cli({"doctor", "--offline", "--grpc-port", "0", "--swarm-api-port", "0",
                                "--master-secret-file", dir.path("none"), "--data-dir", dir.path("data")});
    CHECK(run.code == 1);
    CHECK_THAT(run.out, Contains("fail  configuration: ") && Contains("ok    data directory: "));
}

TEST_CASE("doctor runs no other check when the configuration cannot be read", "[doctor]") {
    const TempDir dir;
    const std::string file = dir.write("c.yaml", "ioswarm: {grpcPrt: 1}");
    const CliRun run = run_cli({"doctor", "--config", file});
    CHECK(run.code == 1);
    CHECK_THAT(run.out, Contains("fail  configuration: configuration: " + file) &&
                            Contains("-     node: not checked: the configuration cannot be read"));
}

TEST_CASE("doctor --offline asks neither the node nor the chain", "[doctor]") {
    // Nothing answers at 192.0.2.1 (reserved for documentation, RFC 5737). If doctor connected to it, the test
    // would take the whole time limit.
    const CliRun run =
        run_cli({"doctor", "--offline", "--grpc-port", "0", "--swarm-api-port", "0", "--node-grpc",
                 "192.0.2.1:1", "--node-web3", "http://192.0.2.1:1", "--reward-contract",
                 "0x00000000000000000000000000000000000000aa", "--reward-rpc-url", "http://192.0.2.1:1"});
    for (const std::string name :
         {"node", "state diffs", "reward contract", "signer balance", "signer nonce"}) {
        CHECK_THAT(run.out, Contains("-     " + name + ": not checked: --offline was given\n"));
    }
}

TEST_CASE("doctor's report contains no secret", "[doctor]") {
    const TempDir dir;
    const std::string file =
        dir.write("c.yaml",
                  "ioswarm:\n"
                  "  masterSecret: swordfish\n"
                  "  rewardContract: '0x00000000000000000000000000000000000000aa'\n"
                  "  rewardRpcUrl: http://user:hunter2@127.0.0.1:1/apikey\n"
                  "  node: {grpc: '127.0.0.1:1', web3: 'http://user:hunter2@127.0.0.1:1/apikey'}\n");
    for (const std::string format : {"--offline", "--json", "--strict"}) {
        const CliRun run = run_cli({"doctor", "--config", file, format});
        CHECK_THAT(run.out + run.err, !Contains("swordfish") && !Contains("hunter2") && !Contains("apikey"));
    }
}

TEST_CASE("a line of the report has the result, the reason and the next step", "[doctor]") {
    const std::vector<Finding> findings{{"ports", CheckState::fail, "port\n1", "because", "do it"},
                                        {"node", CheckState::not_checked, "no node", "", ""}};
    CHECK(findings_text(findings) ==
          "fail  ports: port\\x0a1 (because); next: do it\n"
          "-     node: not checked: no node\n"
          "0 ok, 0 warnings, 1 failed, 1 not checked\n");
}
