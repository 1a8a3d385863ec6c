// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/unreadable_diffs.hpp"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "core/diffs/counters.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;

namespace {

const DiffRange kWholeLog{1, 1'000'000};

struct UnreadableFixture {
    metrics::Registry registry;
    std::vector<std::string> lines;
    UnreadableDiffs diffs{
        DiffHubCounters(registry).unreadable,
        Log(LogLevel::info, [this](LogLevel, std::string_view text) { lines.emplace_back(text); })};
    const UnreadableDiffs::Time start{};

    void fail_at(std::uint64_t height, ErrorCode code, std::chrono::seconds when) {
        diffs.failed(height, Error{code, "cannot read the diff log", {}, "it is damaged", {}}, start + when);
    }
    Reasons reasons(const DiffRange& held = kWholeLog) const {
        Reasons out;
        diffs.add_reasons(held, out);
        return out;
    }
    std::uint64_t counted() const { return registry.values().at("diffs_unreadable"); }
};

}  // namespace

TEST_CASE("many streams that end at one damaged diff are one line of the log per minute") {
    UnreadableFixture it;
    for (int i = 0; i < 200; ++i)
        it.fail_at(20, ErrorCode::data_loss, 1s);
    CHECK(it.lines.size() == 1);
    CHECK(it.counted() == 200);
    it.fail_at(20, ErrorCode::data_loss, 62s);
    CHECK(it.lines.size() == 2);
    it.fail_at(30, ErrorCode::data_loss, 63s);
    REQUIRE(it.lines.size() == 3);
    CHECK(it.lines.back().find("height 30") != std::string::npos);
    CHECK(it.lines.back().find("it is damaged") != std::string::npos);
}

TEST_CASE("a stream of failures at ever new heights does not fill the log") {
    UnreadableFixture it;
    for (std::uint64_t height = 1; height <= 1000; ++height)
        it.fail_at(height, ErrorCode::data_loss, 1s);
    CHECK(it.lines.size() == UnreadableDiffs::kMaxHeights);
    CHECK(it.counted() == 1000);
    // Heights that nobody asked for lately make room for others.
    it.fail_at(2000, ErrorCode::data_loss, 62s);
    CHECK(it.lines.size() == UnreadableDiffs::kMaxHeights + 1);
}

TEST_CASE("a damaged diff stays a reason until it is read or is not held any more") {
    UnreadableFixture it;
    CHECK(it.reasons().empty());
    it.fail_at(20, ErrorCode::data_loss, 1s);
    it.fail_at(30, ErrorCode::data_loss, 1s);
    REQUIRE(it.reasons().size() == 1);
    CHECK(it.reasons()[0].why.find("height 20 and 1 more") != std::string::npos);
    it.diffs.worked(21, 29);
    CHECK(it.reasons()[0].why.find("height 20 and 1 more") != std::string::npos);
    it.diffs.worked(15, 25);
    CHECK(it.reasons()[0].why.find("height 30;") != std::string::npos);
    CHECK(it.reasons({31, 1'000}).empty());
}

TEST_CASE("a disk that could not be read is no reason any more once anything was read") {
    UnreadableFixture it;
    it.fail_at(20, ErrorCode::io, 1s);
    CHECK(it.reasons().size() == 1);
    it.diffs.worked(100, 101);
    CHECK(it.reasons().empty());
    // A disk that fails now and then does not fill the log.
    it.fail_at(20, ErrorCode::io, 2s);
    CHECK(it.reasons().size() == 1);
    CHECK(it.lines.size() == 1);
}
