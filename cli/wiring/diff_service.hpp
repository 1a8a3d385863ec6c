// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/base/alarm.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/diffs/diff_feed.hpp"
#include "core/diffs/diff_hub.hpp"
#include "core/diffs/diff_lag.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "core/metrics/registry.hpp"
#include "core/ports/block_source.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/diff_store.hpp"
#include "core/ports/state_diff_source.hpp"

namespace ioswarm::cli {

struct DiffServiceSettings {
    /// The file of the log. Empty: the log is in memory, and keeps as many blocks as the hub's ring.
    std::string file;
    DiffHubSettings hub;
    std::uint64_t retain = 0;  ///< for a log in a file: how many heights to keep; 0: all
    /// Watch whether the log falls behind the blocks. Of no use when the chain makes blocks and diffs together.
    bool watch_lag = false;
    /// The newest published snapshot. Agents may start from it, so the diffs after it are kept. Both may be
    /// empty. Called on any thread; they must not read a file.
    std::function<std::optional<std::uint64_t>()> snapshot_height;
    DiffHub::NewestSnapshot describe_snapshot;
    /// Called when the log's file is open, before anything uses it. An error ends open(). May be empty.
    std::function<Status(SqliteDiffStore&)> on_open;
    metrics::Registry metrics;
};

/// The state diffs of a coordinator: the log, the feed that writes it, and the hub that serves it.
class DiffService {
  public:
    /// Opens the log. `source` and `clock` must outlive the object. Errors: as SqliteDiffStore::open(), and
    /// those of on_open.
    [[nodiscard]] static Result<std::unique_ptr<DiffService>> open(DiffServiceSettings settings,
                                                                   StateDiffSource& source, const Clock& clock,
                                                                   const Log& log);
    ~DiffService();  ///< stop()s
    DiffService(const DiffService&) = delete;
    DiffService& operator=(const DiffService&) = delete;

    /// Wraps `blocks` so that the feed sees each block too. The feed checks the diffs against the blocks'
    /// headers. `blocks` and this object must outlive the result.
    [[nodiscard]] std::unique_ptr<BlockSource> watch(BlockSource& blocks);
    void start() { feed_->start(); }
    /// Stops accepting diffs, then ends every stream with unavailable. The destructor closes the log.
    void stop();

    [[nodiscard]] DiffHub& hub() noexcept { return *hub_; }
    [[nodiscard]] const DiffStore& store() const noexcept { return *store_; }
    /// The log's file; null when the log is in memory.
    [[nodiscard]] SqliteDiffStore* file() noexcept { return file_; }
    /// Ok while diffs arrive; otherwise the reason why not. Thread-safe.
    [[nodiscard]] Status health() const { return feed_->health(); }
    [[nodiscard]] DiffsView view() const;
    /// Adds the reasons why the state diffs do not advance (the feed has stopped for good, or the source sends
    /// none any more), and why stored ones cannot be served (the log cannot be read there). Thread-safe.
    void add_reasons(Reasons& reasons) const;

  private:
    DiffService() = default;

    std::unique_ptr<DiffStore> store_;
    std::unique_ptr<DiffLag> lag_;     // null when the lag is not watched
    SqliteDiffStore* file_ = nullptr;  // points to store_ when that is on disk, else null
    std::unique_ptr<DiffHub> hub_;
    std::unique_ptr<DiffFeed> feed_;  // it uses the store and the hub
    metrics::ReadHook stalls_hook_;   // its function uses lag_
};

}  // namespace ioswarm::cli
