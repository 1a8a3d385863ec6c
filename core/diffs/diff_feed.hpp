// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/base/log.hpp"
#include "core/base/outage.hpp"
#include "core/base/result.hpp"
#include "core/diffs/counters.hpp"
#include "core/diffs/known_digests.hpp"
#include "core/model/chain.hpp"
#include "core/ports/diff_link.hpp"
#include "core/ports/diff_store.hpp"
#include "core/ports/state_diff_source.hpp"

namespace ioswarm {

/// Limits and time-outs of the feed.
struct DiffFeedSettings {
    std::uint64_t retain = 10'000;  ///< diffRetainHeight: number of heights to keep; 0: all
    /// Diffs that wait during a commit share the next one. At most so many diffs or bytes may wait (the last
    /// diff may go beyond the bytes). As many again may be in the commit.
    std::size_t group_rows = 64;
    std::size_t group_bytes = std::size_t{4} << 20;
    /// The waiting time after a failure. It doubles with each failure, from the first value up to the last.
    std::chrono::milliseconds first_retry{200};
    std::chrono::milliseconds last_retry{10'000};
    metrics::Registry metrics;  ///< see counters.hpp
};

/// Functions that the feed calls, all on its own threads.
struct DiffFeedHooks {
    /// Receives each diff once it is durable: each exactly once, in order.
    std::function<void(SharedDiffPtr)> on_appended;
    /// Returns the lowest height that somebody still needs. Pruning does not go beyond it, until twice `retain`
    /// heights are kept.
    std::function<std::optional<std::uint64_t>()> lowest_needed;
};

/// Fills the diff log from a source that is not trusted. A diff is accepted when it has the next height, its
/// digest matches its entries and, if the block is already known, the digest is that of the block's header. The
/// feed waits and asks again when the source is unreachable, gives something else, or skips a height. The feed
/// stops for good, with an alarm, when an operator must act: the source gives different content for a height
/// that is stored, the source no longer has the next height, a header has another digest than a diff that was
/// accepted, or the file is damaged. A full disk or a failed write does not stop it: the diffs in hand wait,
/// the source is not asked for more, and the feed continues when there is space.
///
/// There are two threads: one fetches and checks, the other writes and reports. Between them wait at most
/// group_rows diffs.
class DiffFeed {
  public:
    /// `source` and `store` must outlive this object.
    DiffFeed(StateDiffSource& source, DiffStore& store, DiffFeedSettings settings, DiffFeedHooks hooks,
             Log log);
    ~DiffFeed();  ///< calls stop()
    DiffFeed(const DiffFeed&) = delete;
    DiffFeed& operator=(const DiffFeed&) = delete;

    void start();
    /// Stops both threads. Diffs that were fetched are in the log when it returns, unless they could not be
    /// written at once. The store is not used after that. Calling it again does nothing.
    void stop();

    /// Reports an executed block of any height. Thread-safe.
    void note_block(const ExecutedBlock& block);

    /// Ok while diffs arrive; otherwise the reason why not. Thread-safe.
    [[nodiscard]] Status health() const;
    /// True when the feed has stopped for good. Thread-safe.
    [[nodiscard]] bool halted() const;

  private:
    struct Fetched {
        SharedDiffPtr diff;
        Hash256 digest;
    };
    /// The judgement about one answer of the source.
    struct FetchOutcome {
        enum class Kind { ok, again, halt } kind = Kind::ok;
        Error error;
    };

    // Called on the fetching thread.
    void fetch_loop(const std::stop_token& stop);
    [[nodiscard]] FetchOutcome fetch_one(const std::stop_token& stop);
    [[nodiscard]] FetchOutcome judge(StateDiff diff);
    [[nodiscard]] FetchOutcome judge_held(const StateDiff& diff, const Hash256& digest);
    [[nodiscard]] FetchOutcome judge_error(Error error);
    [[nodiscard]] FetchOutcome judge_hole(Error error);
    [[nodiscard]] FetchOutcome refuse(std::string which, std::string why);
    [[nodiscard]] bool wait_for_room(const std::stop_token& stop);
    void push(Fetched fetched);

    // Called on the writing thread.
    void write_loop(const std::stop_token& stop);
    [[nodiscard]] std::vector<Fetched> take_group(std::stop_token stop);
    void commit(std::vector<Fetched> group, const std::stop_token& stop);
    void drop_disproved(std::vector<Fetched>& group);
    void prune();

    // Called on both threads.
    void halt(Error error);
    void set_source_health(Status status);
    void set_store_health(Status status);
    void wait(std::chrono::milliseconds time, std::stop_token stop);

    StateDiffSource& source_;
    DiffStore& store_;
    const DiffFeedSettings settings_;
    const DiffFeedHooks hooks_;
    const Log log_;
    Outage source_outage_;
    KnownDigests digests_;
    const DiffFeedCounters counters_;

    // Used by the fetching thread.
    std::uint64_t wanted_ = 0;  // the height that is fetched next; 0: the oldest of the source
    // True while `wanted_` is the tip from before the start. It is fetched once more, to check that the source
    // continues the same chain.
    bool overlap_ = false;
    // How often in a row the source no longer had `wanted_`.
    int gone_ = 0;
    // The lowest height seen whose digest counts the entries of contract staking.
    std::uint64_t staking_counts_from_ = std::numeric_limits<std::uint64_t>::max();

    // Used by the writing thread.
    bool prune_failed_ = false;

    mutable std::mutex mutex_;  // guards everything below
    std::condition_variable_any changed_;
    std::vector<Fetched> fetched_;
    std::size_t fetched_bytes_ = 0;
    Status source_health_;
    Status store_health_;
    std::optional<Error> halted_;
    // The lowest height whose block header has another digest than the diff that came for it.
    std::optional<std::uint64_t> disproved_from_;

    std::jthread writer_;  // declared last: they use everything above
    std::jthread fetcher_;
};

}  // namespace ioswarm
