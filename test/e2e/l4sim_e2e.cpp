// SPDX-License-Identifier: Apache-2.0
// The simulation of L4 agents as a script runs it.
#include <csignal>
#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/support/program.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm::test;
using Catch::Matchers::Contains;

TEST_CASE("l4sim passes with ten agents and reports it in text and in JSON", "[l4sim]") {
    const TempDir dir;
    const std::vector<std::string> environment{"TMPDIR=" + dir.path()};
    const ProgramRun text = run_program(
        {IOSWARM_BINARY, "l4sim", "--duration", "3s", "--block-time", "20ms", "--verbose"}, environment);
    INFO(text.out << text.err);
    CHECK(text.code == 0);
    CHECK_THAT(text.out, Contains("passed: 10 checks"));
    CHECK_THAT(text.out, Contains("l4-010   slow reader"));
    CHECK(std::filesystem::is_empty(dir.path()));

    const ProgramRun json = run_program({IOSWARM_BINARY, "l4sim", "--duration", "3s", "--block-time", "50ms",
                                         "--agents", "20", "--seed", "5", "--json"},
                                        environment);
    INFO(json.out << json.err);
    CHECK(json.code == 0);
    CHECK(json.err.empty());
    const auto report = nlohmann::json::parse(json.out);
    CHECK(report["passed"] == true);
    CHECK(report["seed"] == 5);
    CHECK(report["agents"].size() == 20);
    CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("l4sim ends soon after SIGINT, without a report and without files left", "[l4sim]") {
    const TempDir dir;
    Program program({IOSWARM_BINARY, "l4sim", "--duration", "10m", "--verbose"}, {"TMPDIR=" + dir.path()});
    REQUIRE(program.wait_for("L4 agents join at 127.0.0.1:"));
    program.send(SIGINT);
    CHECK(program.wait() == 130);
    CHECK(program.out().empty());
    CHECK(std::filesystem::is_empty(dir.path()));
}
