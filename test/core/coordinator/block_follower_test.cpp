// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/block_follower.hpp"

#include <catch2/catch.hpp>

#include "core/coordinator/backoff.hpp"
#include "test/core/coordinator/coordinator_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

struct Lines {
    std::vector<std::string> warnings;
    std::vector<std::string> errors;
    Log log{LogLevel::warn, [this](LogLevel level, std::string_view line) {
                (level == LogLevel::error ? errors : warnings).emplace_back(line);
            }};
};

/// Remembers the requested heights and returns the answers that a test prepared.
class ScriptedBlocks final : public BlockSource {
  public:
    Result<ExecutedBlock> next(std::uint64_t height, std::stop_token) override {
        asked.push_back(height);
        if (answers.empty()) return fail(ErrorCode::unavailable, "cannot read blocks", "script", "at its end");
        auto answer = std::move(answers.front());
        answers.erase(answers.begin());
        return answer;
    }
    std::vector<std::uint64_t> asked;
    std::vector<Result<ExecutedBlock>> answers;
};

struct Follower {
    House house;
    const metrics::Registry metrics{};
    Lines lines;
    ScriptedBlocks source;
    std::shared_ptr<Engine> engine =
        std::make_shared<Engine>(settings(), house.clock, Log(), std::make_shared<Signal>());
    Outage outage{"node", lines.log};
    BlockFollower follower{source, *house.payroll, *engine, lines.log, outage, metrics};

    [[nodiscard]] CoordinatorSettings settings() const {
        CoordinatorSettings out = house.settings;
        out.metrics = metrics;
        return out;
    }

    Status step() { return follower.step({}); }
    void tip(std::uint64_t height) {
        engine->update_pool({}, ChainTip{height, house.clock.wall(), 0},
                            [](const PoolAction&) { return AnsweredEarlier{}; });
    }
};

}  // namespace

TEST_CASE(
    "with an empty ledger the follower starts at the next new block and then takes every block in order") {
    Follower f;
    f.source.answers = {fake_block(500), fake_block(501), fake_block(502)};
    for (int i = 0; i < 3; ++i)
        REQUIRE(f.step());
    CHECK(f.source.asked == std::vector<std::uint64_t>{0, 501, 502});
    CHECK(f.house.payroll->last_height() == 502);
}

TEST_CASE("after a restart the follower continues with the block after the last one") {
    Follower f;
    REQUIRE(f.house.payroll->on_block(fake_block(500)));
    f.tip(510);
    f.source.answers = {fake_block(501)};
    REQUIRE(f.step());
    CHECK(f.source.asked == std::vector<std::uint64_t>{501});
}

TEST_CASE(
    "after a restart up to an hour of blocks is caught up, and older blocks are left out with a warning") {
    Follower f;
    REQUIRE(f.house.payroll->on_block(fake_block(500)));
    f.tip(500 + kMaxBlocksToCatchUp);
    f.source.answers = {fake_block(501), fake_block(2000), fake_block(2001)};
    REQUIRE(f.step());
    CHECK(f.lines.warnings.empty());
    f.tip(502 + kMaxBlocksToCatchUp);
    REQUIRE(f.step());
    REQUIRE(f.step());
    CHECK(f.source.asked == std::vector<std::uint64_t>{501, 0, 2001});
    CHECK(f.lines.warnings.size() == 1);
    CHECK(f.metrics.value("block_gaps_left_out") == 1);
    CHECK(f.house.payroll->last_height() == 2001);
}

TEST_CASE("blocks from the middle of a gap are taken in order, and the gap is reported once") {
    Follower f;
    REQUIRE(f.house.payroll->on_block(fake_block(500)));
    f.tip(1'000'500);  // wrong
    f.source.answers = {fake_block(501), fake_block(502), fake_block(503)};
    for (int i = 0; i < 3; ++i)
        REQUIRE(f.step());
    CHECK(f.source.asked == std::vector<std::uint64_t>{0, 502, 503});
    CHECK(f.lines.warnings.size() == 1);
    CHECK(f.metrics.value("block_gaps_left_out") == 1);
    CHECK(f.house.payroll->last_height() == 503);
}

TEST_CASE("a second gap is reported too") {
    Follower f;
    REQUIRE(f.house.payroll->on_block(fake_block(500)));
    f.tip(2'000);
    f.source.answers = {fake_block(2'001), fake_block(4'001)};
    REQUIRE(f.step());
    f.tip(4'000);
    REQUIRE(f.step());
    CHECK(f.source.asked == std::vector<std::uint64_t>{0, 0});
    CHECK(f.lines.warnings.size() == 2);
}

TEST_CASE("a block that the source no longer holds is left out with a warning") {
    Follower f;
    REQUIRE(f.house.payroll->on_block(fake_block(500)));
    f.source.answers = {fail(ErrorCode::out_of_range, "cannot read blocks", "501", "pruned"), fake_block(700)};
    REQUIRE(f.step());
    REQUIRE(f.step());
    CHECK(f.source.asked == std::vector<std::uint64_t>{501, 0});
    CHECK(f.lines.warnings.size() == 1);
    CHECK(f.house.payroll->last_height() == 700);
}

TEST_CASE("a block of another height than the one asked for is refused") {
    Follower f;
    REQUIRE(f.house.payroll->on_block(fake_block(500)));
    f.source.answers = {fake_block(503), fake_block(500), fake_block(501)};
    for (int i = 0; i < 2; ++i) {
        const Status status = f.step();
        REQUIRE_FALSE(status);
        CHECK(status.error().code == ErrorCode::bad_data);
    }
    CHECK(f.house.payroll->last_height() == 500);
    REQUIRE(f.step());
    CHECK(f.house.payroll->last_height() == 501);
}

TEST_CASE("a live block that is already in the ledger is skipped") {
    Follower f;
    REQUIRE(f.house.payroll->on_block(fake_block(500)));
    f.source.answers = {fail(ErrorCode::out_of_range, "", "", ""), fake_block(499), fake_block(700)};
    for (int i = 0; i < 3; ++i)
        REQUIRE(f.step());
    CHECK(f.house.payroll->last_height() == 700);
}

TEST_CASE("a block whose action hashes do not match its receipts raises an alarm") {
    Follower f;
    ExecutedBlock block = fake_block(500);
    block.unmatched_actions = 3;
    f.source.answers = {block};
    REQUIRE(f.step());
    REQUIRE(f.lines.errors.size() == 1);
    CHECK(f.lines.errors[0].find("block 500") == 0);
    CHECK(f.metrics.value("block_hash_alarms") == 1);
    CHECK(f.metrics.value("unmatched_actions") == 3);
}

TEST_CASE("an error of the source is returned, and the same block is asked for again") {
    Follower f;
    REQUIRE(f.house.payroll->on_block(fake_block(500)));
    f.source.answers = {fail(ErrorCode::timed_out, "", "", ""), fake_block(501)};
    CHECK_FALSE(f.step());
    REQUIRE(f.step());
    CHECK(f.source.asked == std::vector<std::uint64_t>{501, 501});
}

TEST_CASE("waits after failures double from 0.5 s to 10 s, with a random part") {
    Backoff backoff(1);
    std::chrono::milliseconds most = 500ms;
    for (int i = 0; i < 12; ++i) {
        const auto delay = backoff.next();
        CHECK(delay >= most / 2);
        CHECK(delay <= most);
        most = std::min<std::chrono::milliseconds>(most * 2, 10s);
    }
    backoff.reset();
    CHECK(backoff.next() <= 500ms);
}
