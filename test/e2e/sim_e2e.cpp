// SPDX-License-Identifier: Apache-2.0
// `ioswarm sim` as a user runs it.
#include <csignal>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/support/program.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm::test;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

ProgramRun run_sim(std::vector<std::string> more) {
    std::vector<std::string> arguments{IOSWARM_BINARY, "sim", "--accounts", "200", "--tps", "40"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(std::move(arguments));
}

void check_seed(int seed, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"--chaos", "--json", "--seed", std::to_string(seed)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramRun run = run_sim(arguments);
    INFO("seed " << seed << "\n" << run.out << run.err);
    CHECK(run.code == 0);
}

}  // namespace

TEST_CASE("every invariant holds with a few faults of every kind", "[e2e][sim]") {
    const int seed = GENERATE(1, 2, 3);
    check_seed(seed, {"--agents", "20", "--duration", "2s", "--block-time", "500ms"});
}

TEST_CASE("every invariant holds with fifty other seeds", "[.soak]") {
    for (int seed = 101; seed <= 150; ++seed)
        check_seed(seed, {"--agents", "30", "--duration", "5s", "--block-time", "1s"});
}

TEST_CASE("the same seed gives the same figures, another seed others", "[e2e][sim]") {
    const auto by_seed = [](const char* seed) {
        const ProgramRun run =
            run_sim({"--agents", "12", "--duration", "1s", "--block-time", "250ms", "--task-redundancy", "2",
                     "--wrong", "5%", "--forged", "10%", "--twice", "10%", "--seed", seed, "--json"});
        INFO(run.out << run.err);
        CHECK(run.code == 0);
        return json::parse(run.out)["by_seed"];
    };
    const json first = by_seed("5");
    CHECK(first["mismatched"] > 0);
    CHECK(first["forged_rejected"] > 0);
    CHECK(first == by_seed("5"));
    CHECK(first != by_seed("6"));
}

TEST_CASE("agents with the public agent's rules accept forged transactions that honest agents reject",
          "[e2e][sim]") {
    const auto forged = [](const char* rules) {
        const ProgramRun run = run_sim({"--agents", "5", "--duration", "1s", "--block-time", "250ms",
                                        "--forged", "30%", "--agent-rules", rules, "--json"});
        INFO(run.out << run.err);
        CHECK(run.code == 0);
        return json::parse(run.out)["by_seed"];
    };
    const json honest = forged("honest");
    CHECK(honest["forged"] > 3);
    CHECK(honest["forged_accepted"] == 0);
    CHECK(honest["forged_rejected"] == honest["forged"]);
    const json field = forged("field");
    CHECK(field["forged"] == honest["forged"]);
    CHECK(field["forged_accepted"] == field["forged"]);
}

TEST_CASE("a share of its own option replaces the share of --chaos", "[e2e][sim]") {
    const ProgramRun run = run_sim({"--chaos", "--wrong", "5%", "--stall", "0%", "--agents", "20", "--duration",
                                    "500ms", "--block-time", "250ms", "--json"});
    INFO(run.out << run.err);
    CHECK(run.code == 0);
    const std::string command = json::parse(run.out)["command"];
    CHECK_THAT(command, Contains(" --wrong 5%") && Contains(" --late 5%") && !Contains("--stall"));
}

TEST_CASE("a text report has no colours or progress when it is not for a terminal", "[e2e][sim]") {
    const ProgramRun run = run_sim({"--agents", "3", "--duration", "500ms", "--block-time", "250ms"});
    CHECK(run.code == 0);
    CHECK(run.err.empty());
    CHECK_THAT(run.out, Contains("\nBy the seed: the same in every run\n"));
    CHECK_THAT(run.out, Contains("task latency"));
    CHECK_THAT(run.out, Contains("cost projection: 3 agents"));
    CHECK_THAT(run.out, Contains("  holds   payouts add up to the rau\n"));
    CHECK(run.out.find('\x1b') == std::string::npos);
}

TEST_CASE("simulated agents alone load a remote coordinator, with keys made from its secret", "[e2e][sim]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret\n");
    const std::string other = dir.write("other", "another-secret\n");
    Program served({IOSWARM_BINARY,
                    "serve",
                    "--data-dir",
                    dir.path("data"),
                    "--ready-file",
                    dir.path("ready.json"),
                    "--grpc-port",
                    "0",
                    "--swarm-api-port",
                    "0",
                    "--listen",
                    "127.0.0.1",
                    "--master-secret-file",
                    secret,
                    "--block-time",
                    "300ms",
                    "--tps",
                    "30",
                    "--poll-interval-ms",
                    "20",
                    "--max-agents",
                    "20"});
    REQUIRE(served.wait_for("agents join at "));
    const int port = json::parse(dir.read("ready.json"))["grpc_port"];
    const auto alone = [&](const std::string& key, const std::string& agents, std::vector<std::string> more) {
        std::vector<std::string> arguments{"--target",      "127.0.0.1:" + std::to_string(port),
                                           "--secret-file", key,
                                           "--agents",      agents,
                                           "--duration",    "2s",
                                           "--json"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_sim(arguments);
    };
    const ProgramRun refused = alone(other, "3", {});
    CHECK(refused.code == 77);
    const json error = json::parse(refused.err).at("error");
    CHECK(error.at("message") ==
          "agents cannot join: 127.0.0.1:" + std::to_string(port) + ": invalid auth token");
    CHECK(error.at("hint") == "--secret-file must be the file with that coordinator's master secret");
    const ProgramRun run = alone(secret, "10", {"--twice", "10%", "--for-others", "10%", "--vanish", "10%"});
    INFO(run.out << run.err);
    CHECK(run.code == 0);
    const json report = json::parse(run.out);
    CHECK(report["holds"] == true);
    CHECK(report["this_run"]["answers"] > 0);
    CHECK(report["this_run"]["vanished"] == 1);
    CHECK_FALSE(report.contains("by_seed"));
    CHECK_FALSE(report["agents"][0].contains("correct"));  // sim cannot know this of another coordinator
    CHECK_THAT(report["command"].get<std::string>(), Contains(" --secret-file " + secret));
    // At least one of 21 agents finds no place, because --max-agents is 20.
    const ProgramRun full = alone(secret, "21", {});
    CHECK(full.code == 75);
    CHECK_THAT(full.err, Contains("at capacity (20 agents)"));
    served.send(SIGTERM);
    CHECK(served.wait() == 0);
}

TEST_CASE("a run that is impossible is refused with its exit code", "[e2e][sim]") {
    const auto code = [](std::vector<std::string> more) { return run_sim(std::move(more)).code; };
    CHECK(code({"--agents", "0"}) == 64);
    CHECK(code({"--seed", "-1", "--duration", "10ms", "--block-time", "10ms"}) == 64);
    for (const char* no_share : {"20", "100.1%", "0.05%", "0.15%", "-5%", "%"}) {
        INFO(no_share);
        CHECK(code({"--late", no_share, "--duration", "10ms", "--block-time", "10ms"}) == 64);
    }
    CHECK(code({"--late", "60%", "--twice", "60%"}) == 64);
    CHECK(code({"--level", "L4"}) == 64);
    CHECK(code({"--task-redundancy", "11"}) == 64);
    CHECK(code({"--duration", "10000h"}) == 64);
    CHECK(code({"--duration", "10000h", "--block-time", "10ms", "--tps", "0"}) == 64);
    CHECK(code({"--block-time", "1ms"}) == 78);
    CHECK(code({"--secret-file", "x"}) == 64);
    CHECK(code({"--target", "192.0.2.1:14689"}) == 64);
    CHECK(code({"--target", "127.0.0.1"}) == 64);
    CHECK(code({"--target", "127.0.0.1:9", "--secret-file", "/nonexistent"}) == 74);
}
