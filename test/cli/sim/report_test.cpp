// SPDX-License-Identifier: Apache-2.0
// What the report of `sim` looks like, from figures made here.
#include "cli/sim/report.hpp"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace ioswarm::cli;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

namespace {

/// A run of 20 agents with figures of many digits. Agent 7 answered five times wrongly, and agent 9 was late.
SimReport large_report() {
    SimReport out;
    out.options.agents = 20;
    out.options.seed = 18'446'744'073'709'551'615U;
    out.options.tps = 10'000;
    out.options.accounts = 100'000;
    SeedFigures& seed = out.seed.emplace();
    seed.planned.transactions = 12'345'678;
    seed.planned.mined = 12'345'000;
    seed.planned.mined_and_failed = 1'234'567;
    seed.planned.replaced = 123'456;
    seed.planned.unaffordable = 123'456;
    seed.planned.forged = 123'456;
    seed.agents.fill(100'000);
    out.run.totals.answers = 123'456'789;
    out.run.totals.batches = 12'345'678;
    out.run.joining = out.run.load = out.run.draining = out.run.leaving = std::chrono::milliseconds(3'723'456);
    out.failures
        ["failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:37789: Failed to "
         "connect to remote host: Connection refused"] = 9;
    for (std::uint32_t i = 0; i < 20; ++i) {
        SimReport::Row row;
        row.id = fmt::format("sim-agent-{:05}", i + 1);
        row.region = "eu-north";
        row.fault = i == 6 ? sim::AgentFault::for_others : sim::AgentFault::none;
        row.tally.answers = 154 - i;
        row.tally.batches = 1'234'567;
        row.tally.compared = 152 - i;
        row.tally.correct = i == 6 ? 152 - i - 5 : 152 - i;
        row.tally.late = i == 8 ? 3 : 0;
        out.agents.push_back(row);
    }
    out.findings = {{"no answer taken twice, and none for others", true, ""},
                    {"payouts add up to the rau", true, ""}};
    return out;
}

std::string printed_report(const SimReport& report) {
    std::ostringstream out;
    print_text(report, out);
    return out.str();
}

std::size_t longest_line(const std::string& text) {
    std::istringstream lines(text);
    std::size_t longest = 0;
    for (std::string line; std::getline(lines, line);) {
        INFO(line);
        CHECK(line.size() <= 80);
        longest = std::max(longest, line.size());
    }
    return longest;
}

}  // namespace

TEST_CASE("the report of sim fits 80 columns", "[sim][report]") {
    SimReport report = large_report();
    CHECK(longest_line(printed_report(report)) > 70);
    report.findings.front() = {
        "no answer taken twice, and none for others", false,
        "agent sim-agent-00007 had its second answer to the task 123456789 accepted, and "
        "the coordinator counted both of them"};
    report.options.level = TaskLevel::l3_full_execute;
    longest_line(printed_report(report));
}

TEST_CASE("the report of sim shows the worst agents and the busiest", "[sim][report]") {
    const std::string text = printed_report(large_report());
    const std::size_t worst = text.find("worst agents");
    REQUIRE(worst != std::string::npos);
    CHECK(text.find("busiest agents") < worst);
    CHECK(text.find("sim-agent-00001") < worst);
    // First the one with wrong answers, then the one whose answers did not count, then those with few answers.
    const std::size_t wrong = text.find("sim-agent-00007", worst);
    const std::size_t late = text.find("sim-agent-00009", worst);
    const std::size_t few = text.find("sim-agent-00020", worst);
    CHECK(wrong < late);
    CHECK(late < few);
    CHECK(few != std::string::npos);
    CHECK_THAT(text, Contains("  and 10 more with "));
}

TEST_CASE("for an honest agent right and compared answers are equal in number", "[sim][report]") {
    const std::string text = printed_report(large_report());
    CHECK_THAT(text, Contains(" 152 of 152 "));  // of 154 answers, two were about transactions never mined
    CHECK_THAT(text, Contains(" 141 of 146 "));  // agent 7, which answered wrongly
}

TEST_CASE("the report of sim ends with a verdict", "[sim][report]") {
    SimReport report = large_report();
    CHECK_THAT(printed_report(report), EndsWith("\npassed: all 2 invariants hold\n"));
    report.findings.front().holds = false;
    CHECK_THAT(printed_report(report), EndsWith("\nFAILED: 1 of 2 invariants do not hold\n") &&
                                           Contains("\nto repeat the run: ioswarm sim --seed "));
    report = large_report();
    report.seed.reset();
    report.stopped = true;
    CHECK_THAT(printed_report(report),
               EndsWith("\nstopped early: no invariant was broken until then\n") && Contains("answers/s"));
}
