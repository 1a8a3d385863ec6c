// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/sim/l4_snapshot.hpp"
#include "cli/sim/l4sim_report.hpp"
#include "cli/sim/l4sim_world.hpp"
#include "test/cli/run_cli.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using Catch::Matchers::Contains;
using ioswarm::test::run_cli;
using ioswarm::test::TempDir;
using namespace std::chrono_literals;

namespace {

sim::L4RunSettings settings_of() {
    sim::L4RunSettings out;
    out.duration = 3s;
    out.chain.block_time = 20ms;
    out.chain.seed = 77;
    return out;
}

sim::L4Report report_of(bool passed) {
    sim::L4Report out;
    out.checks = {{"no_gaps", "no stream had a gap", passed, passed ? "14 streams" : "l4-004: \x1b[31m"},
                  {"no_crash", "nothing crashed", true, ""}};
    sim::L4AgentRecord agent;
    agent.id = "l4-004";
    agent.behaviour = sim::L4Behaviour::late_60;
    agent.height = 12;
    if (!passed) agent.fault = Error{ErrorCode::bad_data, "cannot apply the state diff", "7", "a gap", ""};
    out.agents = {agent};
    out.tip = 150;
    return out;
}

std::string text_of(const sim::L4Report& report, bool verbose) {
    std::ostringstream out;
    print_text(report, settings_of(), verbose, out);
    return out.str();
}

}  // namespace

TEST_CASE("l4sim refuses impossible options and names them", "[l4sim]") {
    const auto refused = [](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "l4sim");
        const auto run = run_cli(arguments);
        CHECK(run.code == 64);
        CHECK(run.out.empty());
        return run.err;
    };
    CHECK_THAT(refused({"--agents", "9"}), Contains("--agents: must be 10 to 1000"));
    CHECK_THAT(refused({"--agents", "1001"}), Contains("--agents: must be 10 to 1000"));
    CHECK_THAT(refused({"--block-time", "9ms"}), Contains("--block-time: must be 10ms to 25s"));
    CHECK_THAT(refused({"--duration", "3s"}), Contains("--duration: must be 4s (20 blocks) to 7 days"));
    CHECK_THAT(refused({"--duration", "soon"}), Contains("--duration: 'soon' is not a duration"));
}

TEST_CASE("l4sim's report names each check, and after a failure the command that repeats the run", "[l4sim]") {
    const std::string good = text_of(report_of(true), false);
    CHECK_THAT(good, Contains("  ok      no stream had a gap  14 streams\n"));
    CHECK_THAT(good, Contains("  ok      nothing crashed\n"));
    CHECK_THAT(good, Contains("passed: 2 checks"));
    CHECK_THAT(good, !Contains("l4-004"));
    const std::string bad = text_of(report_of(false), true);
    CHECK_THAT(bad, Contains("  FAILED  no stream had a gap  l4-004: \\x1b[31m\n"));
    CHECK_THAT(bad, Contains("FAILED: 1 of 2 checks"));
    CHECK_THAT(bad,
               Contains("ioswarm l4sim --duration 3s --block-time 20ms --agents 10 --seed 77 --verbose\n"));
    CHECK_THAT(bad, Contains("l4-004   joins at 60%"));
    CHECK_THAT(bad, Contains("cannot apply the state diff: 7: a gap\n"));
}

TEST_CASE("l4sim's report of a run that was stopped says so", "[l4sim]") {
    sim::L4Report report = report_of(true);
    report.stopped = true;
    report.elapsed = 7s;
    CHECK_THAT(text_of(report, false), Contains("stopped after 7s: nothing was wrong until then\n"));
    CHECK_THAT(text_of(report, false), !Contains("passed:"));
    report = report_of(false);
    report.stopped = true;
    CHECK_THAT(text_of(report, false), Contains("FAILED: 1 of 2 checks"));
}

TEST_CASE("l4sim's JSON has the outcome, each check and each agent", "[l4sim]") {
    std::ostringstream out;
    print_json(report_of(false), settings_of(), out);
    const auto json = nlohmann::json::parse(out.str());
    CHECK(json["passed"] == false);
    CHECK(json["seed"] == 77);
    CHECK(json["checks"][0]["name"] == "no_gaps");
    CHECK(json["checks"][0]["passed"] == false);
    CHECK(json["agents"][0]["behaviour"] == "joins at 60%");
    CHECK(json["agents"][0]["trouble"] == "cannot apply the state diff: 7: a gap");
}

TEST_CASE("half of l4sim's agents speak JSON, and with twenty agents each behaviour uses both encodings",
          "[l4sim]") {
    int json = 0;
    for (int i = 1; i <= 10; ++i) {
        const std::string first = "l4-0" + std::string(i < 10 ? "0" : "") + std::to_string(i);
        CHECK(l4sim_codec(first) != l4sim_codec("l4-0" + std::to_string(i + 10)));
        if (l4sim_codec(first) == proto::Codec::json) ++json;
    }
    CHECK(json == 5);
}

TEST_CASE("an L4 state is restored from a snapshot, and a damaged snapshot is refused", "[l4sim]") {
    const TempDir dir;
    sim::L4State state;
    state.load("Account", Bytes{1, 2}, Bytes(300, 7));
    state.load("Account", Bytes{}, Bytes{});
    state.load("Code", Bytes(32, 9), Bytes{1});
    state.begin_at(41);
    REQUIRE(write_l4_snapshot(state, dir.path("a.snap.gz")));
    const auto read = read_l4_snapshot(dir.path("a.snap.gz"));
    REQUIRE(read);
    CHECK(read->height() == 41);
    CHECK(read->hash() == state.hash());
    std::string damaged = dir.read("a.snap.gz");
    damaged.resize(damaged.size() - 9);
    CHECK(read_l4_snapshot(dir.write("b.snap.gz", damaged)).error().code == ErrorCode::bad_data);
    CHECK(read_l4_snapshot(dir.path("none")).error().code == ErrorCode::not_found);
}

TEST_CASE("l4sim's simulation passes its own checks over real connections, and leaves nothing behind",
          "[l4sim]") {
    sim::L4RunSettings settings = settings_of();
    settings.chain.tps = 200;
    settings.chain.accounts = 50;
    settings.chain.start_held = true;
    settings.agents = 20;
    auto world = L4SimWorld::create(settings.chain, Log());
    REQUIRE(world);
    const auto report = sim::run_l4(settings, (*world)->seen(), {}, {});
    REQUIRE(report);
    for (const sim::L4Check& check : report->checks) {
        INFO(check.name << ": " << check.detail);
        CHECK(check.passed);
    }
    CHECK(report->tip > 5);
}
