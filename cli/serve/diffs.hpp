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

/// The state diffs of `serve`: the log, what feeds it and what serves it.
class ServeDiffs {
  public:
    /// Where the diffs come from: the embedded chain, or the node that node.diffs names.
    struct Source {
        StateDiffSource* embedded = nullptr;
        proto::NodeSource* node = nullptr;  ///< asked for its version
        ChainGate* gate = nullptr;          ///< lets the node's diffs through while it is on the right chain
    };
    /// Opens the log. `clock` and what `source` names must outlive the object. Errors: as
    /// SqliteDiffStore::open().
    [[nodiscard]] static Result<std::unique_ptr<ServeDiffs>> open(const ServeConfig& config, Source source,
                                                                  const Clock& clock, const Log& log);
    ~ServeDiffs();  ///< stop()s
    ServeDiffs(const ServeDiffs&) = delete;
    ServeDiffs& operator=(const ServeDiffs&) = delete;

    /// The same blocks, each shown to the feed on its way: their headers vouch for the diffs. `blocks` and this
    /// must outlive what is returned.
    [[nodiscard]] std::unique_ptr<BlockSource> watch(BlockSource& blocks);
    void start() { feed_->start(); }

    /// The log's chain, as in cli/serve/data_dir.hpp. Always ok without a log on disk. `chain`: nothing when it
    /// is not known yet.
    [[nodiscard]] Status check_chain(const ServeConfig& config, const std::optional<ChainIdentity>& chain,
                                     bool other_source) const;
    [[nodiscard]] Status bind_chain(const ServeConfig& config, const ChainIdentity& chain, const Log& log);

    /// Nothing is taken in any more, then every stream ends with unavailable. The log closes with the object.
    void stop();

    [[nodiscard]] DiffHub& hub() noexcept { return *hub_; }
    [[nodiscard]] DiffsView view() const;
    /// Adds why the state diffs do not go on, while they do not: the feed has stopped for good, or the node
    /// sends none any more. Thread-safe.
    void add_reasons(Reasons& reasons) const;
    /// Those of the feed, and diffs_stalls: times that the node stopped sending diffs.
    [[nodiscard]] std::map<std::string, std::uint64_t> counters() const;

  private:
    ServeDiffs() = default;

    std::unique_ptr<StateDiffSource> node_;   // null with the embedded chain
    std::unique_ptr<StateDiffSource> gated_;  // the same behind the gate
    std::unique_ptr<SnapshotWatch> snapshots_;
    std::unique_ptr<DiffStore> store_;
    std::unique_ptr<DiffLag> lag_;    // null with the embedded chain, which makes blocks and diffs in one go
    SqliteDiffStore* log_ = nullptr;  // store_, when it is on disk
    std::unique_ptr<DiffHub> hub_;
    std::unique_ptr<DiffFeed> feed_;  // last: it writes to the one and tells the other
};

}  // namespace ioswarm::cli
