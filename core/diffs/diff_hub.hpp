// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/base/alarm.hpp"
#include "core/base/log.hpp"
#include "core/diffs/counters.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/diffs/unreadable_diffs.hpp"
#include "core/metrics/registry.hpp"
#include "core/ports/diff_link.hpp"
#include "core/ports/diff_store.hpp"

namespace ioswarm {

/// Limits in bytes apply to encoded diff records.
struct DiffHubSettings {
    std::size_t ring_blocks = 100;  ///< diffBufferSize; the newest block is always kept
    /// Maximum size of the records in the ring. Our own choice: with the JSON that is kept for each record
    /// (about 4/3 of its size) the ring takes about 61 MiB.
    std::size_t ring_bytes = std::size_t{26} << 20;
    /// Rows that are read ahead for one stream; the limit in bytes may stop it earlier.
    std::size_t ahead_rows = 64;
    /// Bytes that are read ahead for one stream (the last row may go beyond it).
    std::size_t ahead_bytes = std::size_t{4} << 20;
    /// The limit for all streams together. Near it each stream gets less, but at least one row.
    std::size_t all_ahead_bytes = std::size_t{64} << 20;
    metrics::Registry metrics;  ///< see counters.hpp
};

/// Serves the diff log to any number of streams. A stream's position is one number: the next height. Streams at
/// the tip and streams that are far behind work alike: diffs of the newest blocks come from the ring, others
/// are read a little ahead from the store. Two threads read for all streams, in turn. No diff is ever dropped
/// or skipped: a stream that cannot continue ends with a reason. Thread-safe; must outlive its streams.
class DiffHub final : public DiffLink {
  public:
    /// Describes the newest snapshot for OUT_OF_RANGE errors, such as "height 1200 (state-1200.snap.gz)"; empty
    /// when there is none. Called when a stream is refused or ended, from any thread, even gRPC's callback
    /// threads. So it must not read a file.
    using NewestSnapshot = std::function<std::string()>;
    /// Called when the height of an agent's state is known or lost: when the diff of the tip (`height`) was
    /// handed to the connection of its stream, or when the agent asked for the diffs after `height`. 0 means
    /// that the height is no longer known, because the stream is over. Nothing is reported for a stream that is
    /// behind.
    using Progress = std::function<void(const std::string& agent_id, std::uint64_t height)>;

    /// `store` must outlive the hub. Diffs that are already in it can be requested at once.
    DiffHub(const DiffStore& store, DiffHubSettings settings, NewestSnapshot newest_snapshot, Log log);
    /// Calls shutdown().
    ~DiffHub() override;
    DiffHub(const DiffHub&) = delete;
    DiffHub& operator=(const DiffHub&) = delete;

    /// Sets the function that receives the agents' heights, from any thread. Call it before the first stream is
    /// opened.
    void on_progress(Progress progress) { progress_ = std::move(progress); }

    /// Adds a diff that is already durable in the store. Called by the feed, one thread at a time, in the
    /// store's order. If a height does not follow the last one, the log was restarted: all streams then end
    /// with out_of_range.
    void on_appended(SharedDiffPtr diff);

    [[nodiscard]] Result<std::unique_ptr<DiffStream>> open_diff_stream(
        const std::string& agent_id, const StreamStateDiffsRequest& request,
        std::shared_ptr<StreamSink> sink) override;

    /// Ends the stream of a revoked agent, if it has one.
    void end_agent(const std::string& agent_id, const Error& reason);
    /// Ends every stream with unavailable and accepts no more. Once it has returned, the store is no longer
    /// read. Calling it again does nothing.
    void shutdown();

    /// The lowest stored height that some stream has not taken yet; nothing when all streams are up to date.
    /// Pruning waits for it.
    [[nodiscard]] std::optional<std::uint64_t> lowest_needed() const;
    /// Adds the reason why some stored diffs cannot be served, if the log could not be read there.
    void add_reasons(Reasons& reasons) const { unreadable_.add_reasons(store_.range(), reasons); }
    /// Sorted by agent id.
    [[nodiscard]] std::vector<DiffSubscriber> subscribers() const;

  private:
    struct Subscriber;
    class Stream;
    using SubscriberPtr = std::shared_ptr<Subscriber>;

    [[nodiscard]] SharedDiffPtr take(const SubscriberPtr& subscriber);
    void written(Subscriber& subscriber, std::uint64_t height);
    void measure_delivery(const Subscriber& subscriber, std::uint64_t height) const;
    void close(const SubscriberPtr& subscriber);
    void end(const SubscriberPtr& subscriber, Error reason);
    bool detach(Subscriber& subscriber);
    void drop_ahead(Subscriber& subscriber);

    void want_rows(const SubscriberPtr& subscriber);
    void work(const std::stop_token& stop);
    void read_ahead(const SubscriberPtr& subscriber);
    void add_ahead(Subscriber& subscriber, std::vector<SharedDiffPtr> piece);
    [[nodiscard]] std::vector<SharedDiffPtr> at_hand(std::uint64_t from, std::size_t& rows, std::size_t bytes);
    [[nodiscard]] Result<std::vector<SharedDiffPtr>> read(std::uint64_t from, std::size_t rows,
                                                          std::size_t bytes);
    void remember(std::vector<SharedDiffPtr>& diffs);
    void wait_for_next(const SubscriberPtr& subscriber);

    [[nodiscard]] std::string snapshot_advice() const;
    [[nodiscard]] Error unreadable(std::uint64_t height, const Error& error);
    [[nodiscard]] Error out_of_range(std::uint64_t height, const char* why) const;
    [[nodiscard]] std::uint64_t ring_floor() const;

    const DiffStore& store_;
    const DiffHubSettings settings_;
    const DiffHubCounters counters_{settings_.metrics};
    const NewestSnapshot newest_snapshot_;
    const Log log_;
    Progress progress_;
    UnreadableDiffs unreadable_{counters_.unreadable, log_};

    std::atomic<std::size_t> all_ahead_{0};  // in bytes
    std::atomic<std::uint64_t> newest_{0};   // a copy of tip_, to be read without the lock

    // Lock order: a subscriber's own mutex, then this one. While either is held, no sink is called and the
    // store is not read.
    mutable std::mutex mutex_;
    std::condition_variable_any work_there_;
    // mutex_ guards everything below.
    std::deque<SharedDiffPtr> ring_;  // consecutive heights; the last one is tip_
    std::size_t ring_bytes_ = 0;
    // When the newest diffs were appended: the last entry is that of tip_. At most kTimedDiffs entries.
    std::deque<std::chrono::steady_clock::time_point> appended_at_;
    std::uint64_t tip_ = 0;  // 0: the log is empty
    // The first height of the log, if it was started or restarted while the hub existed.
    std::uint64_t first_ = 0;
    std::unordered_map<std::string, SubscriberPtr> agents_;
    std::vector<SubscriberPtr> waiting_;  // streams that wait for the next append
    std::deque<SubscriberPtr> to_read_;   // each stream at most once
    // A cache of the stored diffs that at least one stream uses. Streams at the same heights share them and
    // their encodings.
    std::unordered_map<std::uint64_t, std::weak_ptr<const SharedDiff>> in_use_;
    // The number of entries of in_use_ at which those that no stream uses any more are removed.
    std::size_t in_use_sweep_at_ = 1024;
    bool closed_ = false;

    std::vector<std::jthread> threads_;  // declared last: they use everything above
};

}  // namespace ioswarm
