// SPDX-License-Identifier: Apache-2.0
// What a feed does while its source or its disk fails, and when it is stopped meanwhile.
#include "core/diffs/diff_feed.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "test/core/diffs/diff_feed_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::diff_feed_tests;
using namespace std::chrono_literals;
using test::some_diff;

TEST_CASE("a source that is unavailable is asked again") {
    Feed it;
    it.start();
    it.give(1, 1);
    it.source.give(fail(ErrorCode::unavailable, "away"));
    it.source.give(fail(ErrorCode::timed_out, "slow"));
    it.source.give(fail(ErrorCode::bad_data, "half a frame"));
    it.source.give(fail(ErrorCode::unauthenticated, "who are you"));
    it.give(2, 2);
    CHECK(it.told.wait(2) == Heights{1, 2});
    CHECK(it.count("diffs_source_errors") == 4);
    CHECK(it.source.asked(7) == Heights{0, 2, 2, 2, 2, 2, 3});
}

TEST_CASE("a source that answers and is behind is not reported as away") {
    Feed it;
    it.start();
    it.source.give(fail(ErrorCode::unavailable, "away"));
    CHECK(it.source.asked(2).size() == 2);  // the first answer was noted
    REQUIRE_FALSE(it.feed->health());
    CHECK(it.feed->health().error().what == "away");
    it.source.set_behind(fail(ErrorCode::unavailable, "behind"));
    REQUIRE_FALSE(it.feed->health());
    CHECK(it.feed->health().error().what == "behind");
    it.source.set_behind({});
    it.give(1, 1);
    CHECK(it.told.wait(1) == Heights{1});
    CHECK(it.source.asked(3).size() == 3);
    CHECK(it.feed->health());
}

TEST_CASE("on a full disk the feed keeps one group of diffs waiting, and continues when there is room") {
    Feed it;
    it.settings.group_rows = 4;
    std::atomic<bool> full = true;
    std::promise<void> tried;
    std::atomic<int> tries = 0;
    it.store.before_append([&](const std::vector<DiffRow>&) -> Status {
        if (!full) return {};
        if (++tries == 3) tried.set_value();
        return fail(ErrorCode::resource_exhausted, "cannot use the diff log", "file",
                    "no space left on the disk");
    });
    it.start();
    it.give(1, 20);
    REQUIRE(tried.get_future().wait_for(test::kPatience) == std::future_status::ready);
    const Status health = it.feed->health();
    REQUIRE_FALSE(health);
    CHECK(health.error().text().find("no space left") != std::string::npos);
    CHECK_FALSE(it.feed->halted());
    CHECK(it.source.asked(1).size() <= 4 + 4 + 1);
    full = false;
    Heights all;
    for (std::uint64_t height = 1; height <= 20; ++height)
        all.push_back(height);
    CHECK(it.told.wait(20) == all);
    CHECK(it.feed->health());
    CHECK(it.count("diffs_store_errors") >= 3);
}

TEST_CASE("a feed that has halted while the disk is full keeps the same pause between its tries") {
    Feed it;
    REQUIRE(it.store.append(test::some_rows(10, 5)));
    it.settings.first_retry = it.settings.last_retry = 1h;
    std::promise<void> tried;
    std::promise<void> tried_again;
    std::atomic<int> tries = 0;
    it.store.before_append([&](const std::vector<DiffRow>&) -> Status {
        if (++tries == 1) tried.set_value();
        if (tries == 2) tried_again.set_value();
        return fail(ErrorCode::resource_exhausted, "cannot use the diff log", "file", "no space left");
    });
    it.start();
    it.give(14, 15);
    REQUIRE(tried.get_future().wait_for(test::kPatience) == std::future_status::ready);
    it.source.give(some_diff(14, 40, 1));  // the chain was forked
    REQUIRE(it.alarm.get_future().wait_for(test::kPatience) == std::future_status::ready);
    CHECK(tried_again.get_future().wait_for(100ms) == std::future_status::timeout);
    it.feed->stop();
}

TEST_CASE("a damaged file ends the feed with an alarm") {
    Feed it;
    it.store.before_append([](const std::vector<DiffRow>& rows) -> Status {
        if (rows.front().height < 3) return {};
        return fail(ErrorCode::data_loss, "cannot use the diff log", "file", "damaged");
    });
    it.start();
    it.give(1, 1);
    REQUIRE(it.told.wait(1).size() == 1);
    it.give(2, 2);
    REQUIRE(it.told.wait(2).size() == 2);
    it.give(3, 4);
    CHECK(it.halted().code == ErrorCode::data_loss);
    CHECK(it.told.wait(2) == Heights{1, 2});
}

TEST_CASE("stopping ends the source, writes what was fetched, and then leaves the store alone [defect-32]") {
    Feed it;
    std::promise<void> began;
    std::promise<void> go_on;
    std::shared_future<void> may_go_on = go_on.get_future().share();
    std::atomic<bool> first = true;
    std::atomic<int> appends = 0;
    it.store.before_append([&](const std::vector<DiffRow>&) -> Status {
        ++appends;
        if (first.exchange(false)) {
            began.set_value();
            may_go_on.wait_for(test::kPatience);
        }
        return {};
    });
    it.start();
    it.give(1, 10);
    REQUIRE(began.get_future().wait_for(test::kPatience) == std::future_status::ready);
    it.source.asked(11);  // all ten are fetched, and at least one of them is being written
    auto stopped = std::async(std::launch::async, [&] { it.feed->stop(); });
    go_on.set_value();
    REQUIRE(stopped.wait_for(test::kPatience) == std::future_status::ready);
    CHECK(it.store.range() == DiffRange{1, 10});
    const int before = appends;
    it.give(11, 20);
    it.feed->stop();
    CHECK(appends == before);
    CHECK(it.store.range() == DiffRange{1, 10});
}

TEST_CASE("stopping does not wait for a disk that stays full [defect-32]") {
    Feed it;
    std::promise<void> tried;
    std::atomic<int> tries = 0;
    it.settings.first_retry = it.settings.last_retry = 1h;
    it.store.before_append([&](const std::vector<DiffRow>&) -> Status {
        if (++tries == 1) tried.set_value();
        return fail(ErrorCode::resource_exhausted, "cannot use the diff log", "file",
                    "no space left on the disk");
    });
    it.start();
    it.give(1, 10);
    REQUIRE(tried.get_future().wait_for(test::kPatience) == std::future_status::ready);
    it.feed->stop();
    CHECK(it.store.range().empty());
}
