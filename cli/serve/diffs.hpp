// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cli/config/serve_config.hpp"
#include "cli/serve/chain_gate.hpp"
#include "cli/serve/snapshot_watch.hpp"
#include "core/base/alarm.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/diffs/diff_feed.hpp"
#include "core/diffs/diff_hub.hpp"
#include "core/diffs/diff_lag.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "core/model/chain_identity.hpp"
#include "core/ports/block_source.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/diff_store.hpp"
#include "core/ports/state_diff_source.hpp"
#include "proto/node/source.hpp"

namespace ioswarm::cli {

/// The state diffs of `serve`: the log, the feed that writes it and the hub that serves it.
class ServeDiffs {
  public:
    /// The source of the diffs: the embedded chain, or the node that node.diffs names.
    struct Source {
        StateDiffSource* embedded = nullptr;
        proto::NodeSource* node = nullptr;  ///< asked for its software version
        /// Blocks the node's diffs until the node is known to be on the right chain.
        ChainGate* gate = nullptr;
    };
    /// What is measured. Each may be empty.
    struct Times {
        ObserveDuration append;    ///< one write of the log
        ObserveDuration delivery;  ///< see DiffHubSettings::delivery
    };
    /// Opens the log. `clock` and what `source` names must outlive the object. Errors: as
    /// SqliteDiffStore::open().
    [[nodiscard]] static Result<std::unique_ptr<ServeDiffs>> open(const ServeConfig& config, Source source,
                                                                  const Clock& clock, const Log& log,
                                                                  Times times);
    ~ServeDiffs();  ///< stop()s
    ServeDiffs(const ServeDiffs&) = delete;
    ServeDiffs& operator=(const ServeDiffs&) = delete;

    /// Wraps `blocks` so that the feed sees each block too. The feed checks the diffs against the blocks'
    /// headers. `blocks` and this object must outlive the result.
    [[nodiscard]] std::unique_ptr<BlockSource> watch(BlockSource& blocks);
    void start() { feed_->start(); }

    /// Checks the log's chain, as in cli/serve/data_dir.hpp. Always ok without a log on disk. `chain` is empty
    /// when it is not known yet.
    [[nodiscard]] Status check_chain(const ServeConfig& config, const std::optional<ChainIdentity>& chain,
                                     bool other_source) const;
    [[nodiscard]] Status bind_chain(const ServeConfig& config, const ChainIdentity& chain, const Log& log);

    /// Stops accepting diffs, then ends every stream with unavailable. The destructor closes the log.
    void stop();

    [[nodiscard]] DiffHub& hub() noexcept { return *hub_; }
    [[nodiscard]] DiffsView view() const;
    /// Adds the reason why the state diffs do not advance, if they do not: the feed has stopped for good, or
    /// the node sends none any more. Thread-safe.
    void add_reasons(Reasons& reasons) const;
    /// The feed's counters, and diffs_stalls: how many times the node stopped sending diffs.
    [[nodiscard]] std::map<std::string, std::uint64_t> counters() const;

  private:
    ServeDiffs() = default;

    std::unique_ptr<StateDiffSource> node_;   // null with the embedded chain
    std::unique_ptr<StateDiffSource> gated_;  // node_ behind the gate
    std::unique_ptr<SnapshotWatch> snapshots_;
    std::unique_ptr<DiffStore> store_;
    std::unique_ptr<DiffLag> lag_;    // null with the embedded chain, which creates blocks and diffs together
    SqliteDiffStore* log_ = nullptr;  // points to store_ when that is on disk, else null
    std::unique_ptr<DiffHub> hub_;
    std::unique_ptr<DiffFeed> feed_;  // last member: it uses the store and the hub
};

}  // namespace ioswarm::cli
