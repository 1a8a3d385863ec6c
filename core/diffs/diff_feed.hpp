// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/diffs/known_digests.hpp"
#include "core/model/chain.hpp"
#include "core/ports/diff_link.hpp"
#include "core/ports/diff_store.hpp"
#include "core/ports/state_diff_source.hpp"

namespace ioswarm {

struct DiffFeedSettings {
    std::uint64_t retain = 10'000;  ///< diffRetainHeight: heights kept; 0 = all
    /// Diffs that wait while a commit is under way share the next one; of these at most so many, or so many
    /// bytes (one may pass it). As many again may be in the commit.
    std::size_t group_rows = 64;
    std::size_t group_bytes = std::size_t{4} << 20;
    /// After a failure, how long until the next try: doubled from the first to the last.
    std::chrono::milliseconds first_retry{200};
    std::chrono::milliseconds last_retry{10'000};
};

/// Whom the feed tells and asks, all of it on its own threads.
struct DiffFeedHooks {
    /// A diff that is durable by now; each once, in order.
    std::function<void(SharedDiffPtr)> on_appended;
    /// The lowest height that somebody still needs: pruning waits for it, until twice `retain` heights are
    /// kept.
    std::function<std::optional<std::uint64_t>()> lowest_needed;
};

/// Fills the diff log from a source that is not trusted. A diff is taken when it is of the height that the log
/// needs next, its digest is true and, where the block is known, that of the block's header. It is asked for
/// again, with waits in between, when the source is away, gives something else or leaves a height out. The feed
/// stops for good, loudly, when the source gives other content for a height that is held, when it no longer has
/// the height that comes next, when a header belies a diff that was taken in, and when the file is damaged: an
/// operator must look then. A full disk or a failed write stops nothing: the diffs in hand wait, the source is
/// not asked for more, and it goes on when there is space.
///
/// Two threads: one fetches and checks, one writes and tells; between them stand at most group_rows diffs.
class DiffFeed {
  public:
    /// `source` and `store` must outlive it.
    DiffFeed(StateDiffSource& source, DiffStore& store, DiffFeedSettings settings, DiffFeedHooks hooks,
             Log log);
    ~DiffFeed();  ///< stop()s
    DiffFeed(const DiffFeed&) = delete;
    DiffFeed& operator=(const DiffFeed&) = delete;

    void start();
    /// Returns when the source was left and what had been fetched is in the log (or could not be written at
    /// once); the store is not touched any more. Calling it again does nothing.
    void stop();

    /// An executed block, of any height, from any thread.
    void note_block(const ExecutedBlock& block);

    /// Ok while diffs come in; else why not. Thread-safe.
    [[nodiscard]] Status health() const;
    /// It has stopped for good. Thread-safe.
    [[nodiscard]] bool halted() const;
    /// diffs_appended, diffs_commits, diffs_pruned, diffs_repeated, diffs_holes, diffs_refused (an untrue
    /// answer), diffs_source_errors, diffs_store_errors, diffs_alarms (times it stopped for good).
    [[nodiscard]] std::map<std::string, std::uint64_t> counters() const;

  private:
    struct Fetched {
        SharedDiffPtr diff;
        Hash256 digest;
    };
    /// What became of one answer of the source.
    struct Verdict {
        enum class Kind { ok, again, halt } kind = Kind::ok;
        Error error;
    };
    struct Counters {
        std::atomic<std::uint64_t> appended{0}, commits{0}, pruned{0}, repeated{0}, holes{0}, refused{0},
            source_errors{0}, store_errors{0}, alarms{0};
    };

    // The fetching thread.
    void fetch_loop(const std::stop_token& stop);
    [[nodiscard]] Verdict fetch_one(const std::stop_token& stop);
    [[nodiscard]] Verdict judge(StateDiff diff);
    [[nodiscard]] Verdict judge_held(const StateDiff& diff, const Hash256& digest);
    [[nodiscard]] Verdict judge_error(Error error);
    [[nodiscard]] Verdict judge_hole(Error error);
    [[nodiscard]] Verdict refuse(std::string which, std::string why);
    [[nodiscard]] bool wait_for_room(const std::stop_token& stop);
    void push(Fetched fetched);

    // The writing thread.
    void write_loop(const std::stop_token& stop);
    [[nodiscard]] std::vector<Fetched> take_group(std::stop_token stop);
    void commit(std::vector<Fetched> group, const std::stop_token& stop);
    void drop_belied(std::vector<Fetched>& group);
    void prune();

    // Either.
    void halt(Error error);
    void set_health(Status& which, Status status);
    void wait(std::chrono::milliseconds time, std::stop_token stop);

    StateDiffSource& source_;
    DiffStore& store_;
    const DiffFeedSettings settings_;
    const DiffFeedHooks hooks_;
    const Log log_;
    KnownDigests digests_;
    Counters counters_;

    // Of the fetching thread.
    std::uint64_t wanted_ = 0;
    bool overlap_ = false;  // `wanted_` is the tip of before the start, to see that the source goes on from it
    int gone_ = 0;          // times in a row that the source had `wanted_` no more

    // Of the writing thread.
    bool prune_failed_ = false;

    mutable std::mutex mutex_;  // guards all below
    std::condition_variable_any changed_;
    std::vector<Fetched> fetched_;
    std::size_t fetched_bytes_ = 0;
    Status source_health_;
    Status store_health_;
    std::optional<Error> halted_;
    std::optional<std::uint64_t> belied_;  // the header of this height has another digest than its diff

    std::jthread writer_;  // these last: they use all of the above
    std::jthread fetcher_;
};

}  // namespace ioswarm
