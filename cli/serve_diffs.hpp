// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "cli/serve_config.hpp"
#include "core/base/alarm.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/diffs/diff_feed.hpp"
#include "core/diffs/diff_hub.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/ports/block_source.hpp"
#include "core/ports/diff_store.hpp"
#include "core/ports/state_diff_source.hpp"

namespace ioswarm::cli {

/// The state diffs of `serve`: the log, what feeds it and what serves it.
class ServeDiffs {
  public:
    /// Opens the log. `embedded`: the embedded chain's diffs, or null with a node, which node.diffs then names.
    /// Errors: as SqliteDiffStore::open().
    [[nodiscard]] static Result<std::unique_ptr<ServeDiffs>> open(const ServeConfig& config,
                                                                  StateDiffSource* embedded, const Log& log);
    ~ServeDiffs();  ///< stop()s
    ServeDiffs(const ServeDiffs&) = delete;
    ServeDiffs& operator=(const ServeDiffs&) = delete;

    /// The same blocks, each shown to the feed on its way: their headers vouch for the diffs. `blocks` and this
    /// must outlive what is returned.
    [[nodiscard]] std::unique_ptr<BlockSource> watch(BlockSource& blocks);
    void start() { feed_->start(); }
    /// Nothing is taken in any more, then every stream ends with unavailable. The log closes with the object.
    void stop();

    [[nodiscard]] DiffHub& hub() noexcept { return *hub_; }
    [[nodiscard]] DiffsView view() const;
    /// Adds why the state diffs do not go on, while they do not. Thread-safe.
    void add_reasons(Reasons& reasons) const;
    [[nodiscard]] std::map<std::string, std::uint64_t> counters() const { return feed_->counters(); }

  private:
    ServeDiffs() = default;

    std::unique_ptr<StateDiffSource> node_;  // null with the embedded chain
    std::unique_ptr<DiffStore> store_;
    std::unique_ptr<DiffHub> hub_;
    std::unique_ptr<DiffFeed> feed_;  // last: it writes to the one and tells the other
};

}  // namespace ioswarm::cli
