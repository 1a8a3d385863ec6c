// SPDX-License-Identifier: Apache-2.0
#include "proto/diffs/probe.hpp"

#include <catch2/catch.hpp>

#include <map>

#include "test/support/fake_diff_node.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using proto::DiffProbe;
using proto::DiffProbeOptions;
using Step = FakeDiffNode::Step;
using Steps = FakeDiffNode::Steps;
using Asked = FakeDiffNode::Asked;

namespace {

Steps probed(std::uint64_t from, std::uint64_t to) {
    Steps steps{accept_step()};
    for (; from <= to; ++from)
        steps.push_back(diff_step(small_diff(from)));
    return steps;
}

/// Runs a probe and stops it after `until` was seen, so that no test has to wait for the duration.
Result<DiffProbe> probe(const FakeDiffNode& node, std::uint64_t until, std::uint64_t catch_up = 3,
                        std::chrono::milliseconds duration = 60s,
                        std::chrono::milliseconds between_streams = 10ms) {
    DiffProbeOptions options;
    options.peer.target = {"127.0.0.1", node.port(), {}};
    options.peer.agent_id = "probe";
    options.catch_up = catch_up;
    options.duration = duration;
    options.between_streams = between_streams;
    std::stop_source stop;
    return proto::probe_diffs(
        options,
        [&](const StateDiff& diff, const DiffProbe&) {
            if (diff.height == until) stop.request_stop();
        },
        stop.get_token());
}

/// The checks that failed.
std::map<std::string, std::string> failed(const Result<DiffProbe>& probed) {
    if (!probed) FAIL(probed.error().text());
    std::map<std::string, std::string> out;
    for (const auto& finding : probed->checks.findings()) {
        if (!finding.passed) out[finding.name] = finding.detail;
    }
    return out;
}

}  // namespace

TEST_CASE("the tip is the first live diff, and the heights before it are caught up", "[diffs]") {
    FakeDiffNode node([](const Asked& asked, std::size_t) {
        return asked.from_height == 0 ? probed(20, 20) : probed(asked.from_height, 22);
    });
    const auto probed = probe(node, 22);
    CHECK(failed(probed).empty());
    CHECK(probed->passed());
    CHECK(probed->tip == 20);
    CHECK(probed->checks.diffs() == 6);
    CHECK(probed->checks.live() == 2);
    CHECK(probed->resumed == 0);
    const auto asked = node.asked();
    REQUIRE(asked.size() == 2);
    CHECK(asked[0].from_height == 0);
    CHECK(asked[1].from_height == 17);
}

TEST_CASE("on a young chain the catch-up begins at height 1", "[diffs]") {
    FakeDiffNode node([](const Asked& asked, std::size_t) {
        return asked.from_height == 0 ? probed(2, 2) : probed(asked.from_height, 4);
    });
    CHECK(probe(node, 4, 10)->passed());
    CHECK(node.asked()[1].from_height == 1);
}

TEST_CASE("a stream that breaks is resumed at the next height, as agents do", "[diffs]") {
    FakeDiffNode node([](const Asked& asked, std::size_t nth) {
        if (nth == 0) return probed(20, 20);
        Steps steps = probed(asked.from_height, nth == 1 ? 18 : 22);
        if (nth == 1) steps.push_back(end_step(0));
        return steps;
    });
    const auto probed = probe(node, 22);
    CHECK(probed->passed());
    CHECK(probed->resumed == 1);
    CHECK(node.asked().back().from_height == 19);
}

TEST_CASE("when the first stream ends early the probe tries again", "[diffs]") {
    FakeDiffNode node([](const Asked& asked, std::size_t nth) {
        if (nth == 0) return Steps{accept_step(), end_step(0)};
        return asked.from_height == 0 ? probed(20, 20) : probed(asked.from_height, 22);
    });
    CHECK(probe(node, 22)->passed());
}

TEST_CASE("a gap and a wrong digest fail the probe", "[diffs]") {
    StateDiff wrong = small_diff(21);
    wrong.digest[3] ^= 1;
    FakeDiffNode node([wrong](const Asked& asked, std::size_t) {
        if (asked.from_height == 0) return probed(20, 20);
        Steps steps = probed(17, 18);
        for (const StateDiff& diff : {small_diff(20), wrong, small_diff(22)})
            steps.push_back(diff_step(diff));
        return steps;
    });
    const auto probed = probe(node, 22);
    CHECK(failed(probed) ==
          std::map<std::string, std::string>{{"heights", "1 wrong, first 20 came where 19 was next"},
                                             {"digests", "1 wrong, first at height 21"}});
    CHECK_FALSE(probed->passed());
}

TEST_CASE("a catch-up that the coordinator refuses fails at once with its reason", "[diffs]") {
    FakeDiffNode node([](const Asked& asked, std::size_t) {
        if (asked.from_height == 0) return probed(20, 20);
        return Steps{accept_step(), end_step(11, "heights 18 to 20 are held")};
    });
    const auto probed = probe(node, 22);
    REQUIRE(probed);
    CHECK_FALSE(probed->passed());
    REQUIRE(probed->ended);
    CHECK(probed->ended->code == ErrorCode::out_of_range);
    CHECK_THAT(probed->ended->why, Catch::Contains("18 to 20"));
    CHECK(failed(probed).size() == 6);
    CHECK(node.asked().size() == 2);
}

TEST_CASE("a probe without any diff until its time is over has a failed check", "[diffs]") {
    FakeDiffNode node([](const Asked&, std::size_t) { return Steps{accept_step()}; });
    const auto probed = probe(node, 22, 3, 2s);
    REQUIRE_FALSE(probed);
    CHECK(probed.error().code == ErrorCode::failed_check);
    CHECK_THAT(probed.error().why, Catch::Contains("2s"));
}

TEST_CASE("the end of the first stream is the reason when no time is left to try again", "[diffs]") {
    FakeDiffNode node([](const Asked&, std::size_t) {
        return Steps{accept_step(), end_step(14, "shutting down")};
    });
    const auto probed = probe(node, 22, 3, 1s, 1100ms);
    REQUIRE_FALSE(probed);
    CHECK(probed.error().code == ErrorCode::unavailable);
    CHECK_THAT(probed.error().why, Catch::Contains("shutting down"));
}

TEST_CASE("a probe without a live diff until its time is over fails, although the stream is open", "[diffs]") {
    FakeDiffNode node(
        [](const Asked& asked, std::size_t) { return probed(asked.from_height == 0 ? 20 : 17, 20); });
    const auto probed = probe(node, 0, 3, 2s);
    CHECK(failed(probed).count("live") == 1);
    CHECK(failed(probed).size() == 1);
    CHECK_FALSE(probed->ended);
    CHECK(probed->elapsed >= 2s);
}

TEST_CASE("a coordinator that does not come back until the time is over fails the probe", "[diffs]") {
    FakeDiffNode node([](const Asked& asked, std::size_t nth) {
        Steps steps = nth == 0 ? probed(20, 20) : probed(asked.from_height, 22);
        if (nth > 1) steps = {accept_step()};
        if (nth > 0) steps.push_back(end_step(14, "shutting down"));
        return steps;
    });
    const auto probed = probe(node, 0, 3, 2s);
    REQUIRE(probed);
    CHECK(failed(probed).empty());
    CHECK_FALSE(probed->passed());
    REQUIRE(probed->ended);
    CHECK_THAT(probed->ended->why, Catch::Contains("shutting down"));
}

TEST_CASE("the patience with a silent coordinator is five mean intervals, and at least ten seconds",
          "[diffs]") {
    proto::LiveArrivals arrivals;
    CHECK(arrivals.patience() == 10s);
    CHECK(arrivals.longest_silence(3s) == 3s);
    for (const auto at : {1s, 2s, 3s})
        arrivals.add(at);
    CHECK(arrivals.patience() == 10s);
    CHECK(arrivals.silence(43s) == 40s);
    CHECK(arrivals.longest_silence(3s) == 1s);
    CHECK(arrivals.longest_silence(43s) == 40s);
    arrivals.add(12s);
    CHECK(arrivals.patience() == 15s);
    CHECK(arrivals.longest_silence(13s) == 9s);
}

TEST_CASE("a probe fails when its coordinator fell silent before the end, although the stream is open",
          "[diffs]") {
    DiffProbe probe{20, DiffChecks(20, 20), {}, {}, {}, 0, {}};
    for (std::uint64_t height = 20; height <= 25; ++height)
        probe.checks.take(small_diff(height));
    for (const auto at : {1s, 2s, 3s, 4s, 5s})
        probe.arrivals.add(at);
    probe.elapsed = 15s;
    CHECK(probe.passed());
    probe.elapsed = 16s;
    CHECK_FALSE(probe.passed());
    CHECK(probe.findings().back().name == std::string("until_end"));
    CHECK(probe.findings().back().detail == "none came in the last 11s");
}

TEST_CASE("a refused key is an error before any check", "[diffs]") {
    FakeDiffNode node([](const Asked&, std::size_t) {
        return Steps{accept_step(), end_step(16, "invalid auth token")};
    });
    CHECK(probe(node, 22).error().code == ErrorCode::unauthenticated);
    CHECK(node.asked().size() == 1);
}
