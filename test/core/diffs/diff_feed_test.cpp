// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_feed.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "core/diffs/diff_record.hpp"
#include "test/core/diffs/diff_feed_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::diff_feed_tests;
using namespace std::chrono_literals;
using test::some_diff;

TEST_CASE("an empty log starts with the source's oldest diff, and each diff is announced after it is stored") {
    Feed it;
    it.start();
    it.give(48'000'000, 48'000'004);
    CHECK(it.told.wait(5) == Heights{48'000'000, 48'000'001, 48'000'002, 48'000'003, 48'000'004});
    CHECK(it.source.asked(6) == Heights{0, 48'000'001, 48'000'002, 48'000'003, 48'000'004, 48'000'005});
    CHECK(it.store.range() == DiffRange{48'000'000, 48'000'004});
    CHECK(it.store.read(48'000'002, 1, 0)->front().record == diff_record(some_diff(48'000'002)));
    CHECK(it.feed->health());
    CHECK(it.count("diffs_commits") > 0);
    CHECK(DiffFeedCounters(it.settings.metrics).append_time.count() == it.count("diffs_commits"));
}

TEST_CASE("a log with diffs continues from its tip, which the source must know too") {
    Feed it;
    REQUIRE(it.store.append(test::some_rows(10, 5)));
    SECTION("the source has the same tip") {
        it.start();
        it.give(14, 16);
        CHECK(it.told.wait(2) == Heights{15, 16});
        CHECK(it.source.asked(4) == Heights{14, 15, 16, 17});
    }
    SECTION("the source no longer has the tip, but the following heights") {
        it.start();
        it.source.give(fail(ErrorCode::out_of_range, "gone"));
        it.give(15, 16);
        CHECK(it.told.wait(2) == Heights{15, 16});
    }
    SECTION("the source skips the tip") {
        it.start();
        it.give(15, 16);
        CHECK(it.told.wait(2) == Heights{15, 16});
    }
    SECTION("the source has another tip because the chain was forked") {
        it.start();
        it.source.give(some_diff(14, 40, 1));
        const Error error = it.halted();
        CHECK(error.code == ErrorCode::data_loss);
        CHECK(error.which == "height 14");
        CHECK(error.hint.find("ioswarm diffs restart") != std::string::npos);
    }
    CHECK(it.store.range().floor == 10);
}

TEST_CASE("a diff with a wrong digest is not stored, and is asked for again") {
    Feed it;
    it.start();
    it.give(1, 3);
    StateDiff lie = some_diff(4);
    SECTION("a value differs") {
        lie.entries[0].value.push_back(1);
    }
    SECTION("the digest differs") {
        lie.digest[0] = static_cast<std::uint8_t>(lie.digest[0] + 1);
    }
    SECTION("the digest is missing") {
        lie.digest.clear();
    }
    SECTION("the digest has another size") {
        lie.digest.push_back(0);
    }
    SECTION("an entry is missing") {
        lie.entries.pop_back();
    }
    SECTION("a write type does not exist, and the digest fits") {
        lie.entries[1].write_type = 2;
        lie.digest = to_bytes(state_digest(lie.entries, DigestRules::current).view());
    }
    it.source.give(lie);
    it.source.give(lie);
    it.give(4, 5);
    CHECK(it.told.wait(5) == Heights{1, 2, 3, 4, 5});
    CHECK(it.source.asked(8) == Heights{0, 2, 3, 4, 4, 4, 5, 6});
    CHECK(it.store.read(4, 1, 0)->front().record == diff_record(some_diff(4)));
    CHECK(it.count("diffs_refused") == 2);
    CHECK(it.feed->health());
}

TEST_CASE("once contract staking counts in digests, a diff whose digest leaves it out is refused") {
    const auto with_staking = [](std::uint64_t height, DigestRules rules) {
        StateDiff diff = some_diff(height);
        diff.entries.insert(diff.entries.begin(), {0, "cs_bucket_io1contract", {1}, {2}});
        diff.digest = to_bytes(state_digest(diff.entries, rules).view());
        return diff;
    };
    Feed it;
    it.start();
    it.source.give(with_staking(1, DigestRules::before_contract_staking));
    it.source.give(with_staking(2, DigestRules::current));
    it.give(3, 3);
    it.source.give(with_staking(4, DigestRules::before_contract_staking));
    it.source.give(with_staking(4, DigestRules::current));
    CHECK(it.told.wait(4) == Heights{1, 2, 3, 4});
    CHECK(it.store.read(4, 1, 0)->front().record == diff_record(with_staking(4, DigestRules::current)));
    CHECK(it.count("diffs_refused") == 1);
}

TEST_CASE("a diff of height 0 is refused") {
    Feed it;
    it.start();
    it.source.give(some_diff(0));
    it.give(1, 1);
    CHECK(it.told.wait(1) == Heights{1});
}

TEST_CASE("a height that the source left out is asked for again, and never skipped [defect-7]") {
    Feed it;
    it.start();
    it.give(1, 2);
    it.give(5, 5);
    it.give(3, 5);
    CHECK(it.told.wait(5) == Heights{1, 2, 3, 4, 5});
    CHECK(it.count("diffs_holes") == 1);
    CHECK(it.feed->health());
}

TEST_CASE("a gap that remains ends the feed with an alarm that says what to do [defect-9]") {
    Feed it;
    it.start();
    it.give(1, 2);
    SECTION("the source reports the gap") {
        for (int i = 0; i < 3; ++i)
            it.source.give(fail(ErrorCode::out_of_range, "height 3 is not held"));
    }
    SECTION("the source continues at another height") {
        it.give(7, 9);
    }
    const Error error = it.halted();
    CHECK(error.which == "height 3");
    CHECK(error.hint.find("ioswarm diffs restart") != std::string::npos);
    CHECK(it.store.range() == DiffRange{1, 2});
    CHECK(it.told.wait(2) == Heights{1, 2});
}

TEST_CASE("a diff that is stored already is accepted when its content is the same") {
    Feed it;
    it.start();
    it.give(1, 3);
    it.give(2, 3);
    it.give(4, 4);
    CHECK(it.told.wait(4) == Heights{1, 2, 3, 4});
    CHECK(it.count("diffs_repeated") == 2);
    CHECK(it.feed->health());
}

TEST_CASE("a diff whose stored content differs ends the feed with an alarm") {
    Feed it;
    it.start();
    it.give(1, 3);
    REQUIRE(it.told.wait(3).size() == 3);
    it.source.give(some_diff(2, 40, 7));
    it.give(4, 4);
    const Error error = it.halted();
    CHECK(error.which == "height 2");
    CHECK(it.store.range() == DiffRange{1, 3});
}

TEST_CASE("a diff whose block is known must have the digest of the block's header") {
    Feed it;
    SECTION("when the block comes first, the diff is refused until it is right") {
        it.start();
        it.feed->note_block(block_of(some_diff(2)));
        it.give(1, 1);
        it.source.give(some_diff(2, 40, 9));
        it.give(2, 2);
        CHECK(it.told.wait(2) == Heights{1, 2});
        CHECK(it.count("diffs_refused") == 1);
        CHECK(it.store.read(2, 1, 0)->front().record == diff_record(some_diff(2)));
    }
    SECTION("when the block comes later and has another digest, the feed ends with an alarm") {
        it.start();
        it.give(1, 1);
        it.source.give(some_diff(2, 40, 9));
        REQUIRE(it.told.wait(2).size() == 2);
        it.feed->note_block(block_of(some_diff(1)));
        CHECK_FALSE(it.feed->halted());
        it.feed->note_block(block_of(some_diff(2)));
        CHECK(it.halted().which == "height 2");
    }
    SECTION(
        "when the block comes while the diff waits for the disk, the diff is not stored, but earlier ones "
        "are") {
        std::atomic<bool> full = true;
        it.store.before_append([&](const std::vector<DiffRow>&) -> Status {
            if (!full) return {};
            return fail(ErrorCode::resource_exhausted, "cannot use the diff log", "file", "no space left");
        });
        it.start();
        it.give(1, 1);
        it.source.give(some_diff(2, 40, 9));
        it.give(3, 3);
        REQUIRE(it.source.asked(4).size() == 4);
        it.feed->note_block(block_of(some_diff(2)));
        full = false;
        CHECK(it.told.wait(1) == Heights{1});
        CHECK(it.halted().which == "height 2");
        CHECK(it.told.wait(1) == Heights{1});
        CHECK(it.store.range() == DiffRange{1, 1});
    }
    SECTION("a header without a digest is not compared") {
        it.start();
        ExecutedBlock block = block_of(some_diff(1));
        block.delta_state_digest.clear();
        it.feed->note_block(block);
        it.give(1, 1);
        CHECK(it.told.wait(1) == Heights{1});
    }
}

TEST_CASE("diffs that wait for a commit share the next one; a diff that arrives alone gets its own") {
    Feed it;
    std::mutex mutex;
    std::vector<std::size_t> groups;
    std::promise<void> first_began;
    std::promise<void> go_on;
    std::shared_future<void> may_go_on = go_on.get_future().share();
    it.store.before_append([&](const std::vector<DiffRow>& rows) -> Status {
        bool first = false;
        {
            const std::lock_guard lock(mutex);
            first = groups.empty();
            groups.push_back(rows.size());
        }
        if (first) {
            first_began.set_value();
            may_go_on.wait_for(test::kPatience);
        }
        return {};
    });
    it.start();
    it.give(1, 1);
    REQUIRE(first_began.get_future().wait_for(test::kPatience) == std::future_status::ready);
    it.give(2, 100);
    it.source.asked(65);  // 2 to 65 wait, and the source was not asked for 66 yet
    go_on.set_value();
    REQUIRE(it.told.wait(100).size() == 100);
    const std::lock_guard lock(mutex);
    CHECK(groups[0] == 1);
    CHECK(*std::max_element(groups.begin(), groups.end()) <= 64);
    CHECK(groups.size() < 40);
}

TEST_CASE("old diffs are pruned, and a reader that needs them delays this up to a limit") {
    Feed it;
    it.settings.retain = 80;
    SECTION("no reader lags") {
        it.start();
        it.give(1, 500);
        REQUIRE(it.told.wait(500).size() == 500);
        it.give(501, 501);  // when this one is announced, everything due at 500 has been pruned
        REQUIRE(it.told.wait(501).size() == 501);
        it.feed->stop();
        CHECK(it.store.range().floor > 400);
        CHECK(it.store.range().floor <= 422);
        CHECK(it.count("diffs_pruned") == it.store.range().floor - 1);
    }
    SECTION("pruning waits for a reader that needs older diffs") {
        it.needed = 5;
        it.start();
        it.give(1, 150);
        REQUIRE(it.told.wait(150).size() == 150);
        it.feed->stop();
        CHECK(it.store.range().floor <= 5);
    }
    SECTION("pruning waits no longer when a reader lags more than twice the retained number") {
        it.needed = 5;
        it.start();
        it.give(1, 500);
        REQUIRE(it.told.wait(500).size() == 500);
        it.give(501, 501);
        REQUIRE(it.told.wait(501).size() == 501);
        it.feed->stop();
        CHECK(it.store.range().floor > 300);
        CHECK(it.store.range().floor <= 342);
    }
}
