// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
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

#include "core/base/log.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/ports/diff_link.hpp"
#include "core/ports/diff_store.hpp"

namespace ioswarm {

/// Bounds in bytes count records.
struct DiffHubSettings {
    std::size_t ring_blocks = 100;  ///< diffBufferSize; the newest block is kept whatever its size
    /// This project's choice: with the JSON form that belongs to it (4/3 of a record and more), the newest
    /// blocks stay under 64 MiB.
    std::size_t ring_bytes = std::size_t{26} << 20;
    std::size_t ahead_rows = 64;                     ///< read ahead for one stream, …
    std::size_t ahead_bytes = std::size_t{4} << 20;  ///< … whichever comes first (one row may pass it)
    std::size_t all_ahead_bytes = std::size_t{64}
                                  << 20;  ///< of all streams; near it, each gets less, at least a row
};

/// Serves the diff log to any number of streams. A stream is one integer, the height it takes next; whether
/// that is the newest block or one of last week makes no difference to it: what is in the ring of the newest
/// blocks is taken from there, the rest is read from the store a little ahead by two threads that go round the
/// streams. Nothing is ever dropped or skipped: a stream that cannot go on ends and says why. Thread-safe; must
/// outlive its streams.
class DiffHub final : public DiffLink {
  public:
    /// What OUT_OF_RANGE says of the newest snapshot, "height 1200 (state-1200.snap.gz)"; empty: there is none.
    /// Called from any thread, gRPC's callback threads among them, only when a stream is refused or ended: it
    /// must not read a file.
    using NewestSnapshot = std::function<std::string()>;
    /// How far an agent's state is: the tip's diff (of `height`) was handed to the connection of its stream, or
    /// it asked for what follows `height`. 0: not known, its stream is over. Of a stream that is behind nothing
    /// is told.
    using Progress = std::function<void(const std::string& agent_id, std::uint64_t height)>;

    /// `store` must outlive the hub. What it holds now can be asked for at once.
    DiffHub(const DiffStore& store, DiffHubSettings settings, NewestSnapshot newest_snapshot, Log log);
    /// shutdown()s.
    ~DiffHub() override;
    DiffHub(const DiffHub&) = delete;
    DiffHub& operator=(const DiffHub&) = delete;

    /// Who is told how far agents are; from any thread. Before the first stream is opened.
    void tell_progress(Progress progress) { progress_ = std::move(progress); }

    /// A diff that the store holds durably by now. From the feed, one thread at a time, in the store's order. A
    /// height that does not follow the last one means that the log was cut: all streams end with out_of_range.
    void on_appended(SharedDiffPtr diff);

    [[nodiscard]] Result<std::unique_ptr<DiffStream>> open_diff_stream(
        const std::string& agent_id, const StreamStateDiffsRequest& request,
        std::shared_ptr<StreamSink> sink) override;

    /// Ends the agent's stream, if it has one (revoked).
    void end_agent(const std::string& agent_id, const Error& reason);
    /// Ends every stream with unavailable and lets none in any more; nothing reads the store once it returned.
    /// Calling it again does nothing.
    void shutdown();

    /// Lowest height that a stream has not taken yet and that is there; nothing when all are up to date. What
    /// pruning waits for.
    [[nodiscard]] std::optional<std::uint64_t> lowest_needed() const;
    /// By agent id.
    [[nodiscard]] std::vector<DiffSubscriber> subscribers() const;

  private:
    struct Reader;
    class Stream;
    using ReaderPtr = std::shared_ptr<Reader>;

    [[nodiscard]] SharedDiffPtr take(const ReaderPtr& reader);
    void written(Reader& reader, std::uint64_t height);
    void close(const ReaderPtr& reader);
    void end(const ReaderPtr& reader, Error reason);
    bool detach(Reader& reader);
    void drop_ahead(Reader& reader);

    void want_rows(const ReaderPtr& reader);
    void work(const std::stop_token& stop);
    void read_ahead(const ReaderPtr& reader);
    [[nodiscard]] std::vector<SharedDiffPtr> at_hand(std::uint64_t from, std::size_t& rows, std::size_t bytes);
    [[nodiscard]] Result<std::vector<SharedDiffPtr>> read(std::uint64_t from, std::size_t rows,
                                                          std::size_t bytes);
    void remember(std::vector<SharedDiffPtr>& diffs);
    void wait_for_next(const ReaderPtr& reader);

    [[nodiscard]] Error out_of_range(std::uint64_t height, const char* why) const;
    [[nodiscard]] std::uint64_t ring_floor() const;

    const DiffStore& store_;
    const DiffHubSettings settings_;
    const NewestSnapshot newest_snapshot_;
    const Log log_;
    Progress progress_;

    std::atomic<std::size_t> all_ahead_{0};  // bytes
    std::atomic<std::uint64_t> newest_{0};   // tip_, to be read without the lock

    // Lock order: a reader's own mutex, then this one. No sink is called and no store read under either.
    mutable std::mutex mutex_;
    std::condition_variable_any work_there_;
    // Guarded by mutex_, all that follows.
    std::deque<SharedDiffPtr> ring_;  // consecutive, the last one is tip_
    std::size_t ring_bytes_ = 0;
    std::uint64_t tip_ = 0;    // 0: the log is empty
    std::uint64_t first_ = 0;  // height that the log began with while we looked
    std::unordered_map<std::string, ReaderPtr> agents_;
    std::vector<ReaderPtr> waiting_;  // for the next append
    std::deque<ReaderPtr> to_read_;   // each at most once
    // What streams hold of the store just now, so that those at the same heights share it and its encodings.
    std::unordered_map<std::uint64_t, std::weak_ptr<const SharedDiff>> held_;
    std::size_t held_sweep_at_ = 1024;
    bool closed_ = false;

    std::vector<std::jthread> threads_;  // last: they use all of the above
};

}  // namespace ioswarm
