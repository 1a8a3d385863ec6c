// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "core/diffs/diff_feed.hpp"
#include "test/support/diff_rows.hpp"
#include "test/support/scripted_diffs.hpp"

namespace ioswarm::diff_feed_tests {

using namespace std::chrono_literals;
using test::some_diff;

using Heights = std::vector<std::uint64_t>;

/// A feed with everything around it. The waits between tries are short, because no test depends on them.
struct Feed {
    test::ScriptedDiffSource source;
    test::FailingDiffStore store;
    test::ToldDiffs told;
    std::optional<std::uint64_t> needed;
    std::atomic<bool> told_early{false};  // a diff was announced before it was in the log
    std::promise<void> alarm;
    std::mutex mutex;
    int alarms = 0;  // guarded by mutex
    DiffFeedSettings settings;
    std::unique_ptr<DiffFeed> feed;

    Feed() {
        settings.first_retry = 1ms;
        settings.last_retry = 2ms;
        settings.retain = 0;
    }
    ~Feed() {
        feed.reset();  // before the objects that it notifies
        CHECK_FALSE(told_early);
    }
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;

    void start() {
        DiffFeedHooks hooks;
        hooks.on_appended = [this](SharedDiffPtr diff) {
            if (!store.range().holds(diff->height())) told_early = true;
            told(diff);
        };
        hooks.lowest_needed = [this] { return needed; };
        feed = std::make_unique<DiffFeed>(
            source, store, settings, std::move(hooks),
            Log(LogLevel::error, [this](LogLevel, std::string_view text) {
                if (text.find("feed of state diffs has stopped") == std::string_view::npos) return;
                const std::lock_guard lock(mutex);
                if (++alarms == 1) alarm.set_value();
            }));
        feed->start();
    }
    void give(std::uint64_t first, std::uint64_t last) {
        for (std::uint64_t height = first; height <= last; ++height)
            source.give(some_diff(height));
    }
    /// Waits for a fatal end that an operator must learn of.
    Error halted() {
        REQUIRE(alarm.get_future().wait_for(test::kPatience) == std::future_status::ready);
        CHECK(feed->halted());
        const Status health = feed->health();
        REQUIRE_FALSE(health);
        feed->stop();
        const std::lock_guard lock(mutex);
        CHECK(alarms == 1);
        CHECK(count("diffs_alarms") == 1);
        return health.error();
    }
    std::uint64_t count(const char* name) const { return settings.metrics.values().at(name); }
};

inline ExecutedBlock block_of(const StateDiff& diff) {
    ExecutedBlock block;
    block.height = diff.height;
    block.delta_state_digest = diff.digest;
    return block;
}

}  // namespace ioswarm::diff_feed_tests
