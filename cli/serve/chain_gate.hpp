// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "core/base/result.hpp"
#include "core/model/chain_identity.hpp"
#include "core/ports/act_pool_reader.hpp"
#include "core/ports/block_source.hpp"
#include "core/ports/state_diff_source.hpp"

namespace ioswarm::cli {

/// Lets nothing of a node through before it is known to be on the chain that the data directory belongs to. A
/// node that is away when serve starts is asked when it is there, and after every failed call it is asked
/// again, since it may have come back as another one. Thread-safe; must outlive what it made.
class ChainGate {
  public:
    using Ask = std::function<Result<ChainIdentity>(const std::stop_token&)>;
    /// Compares with the data directory, and writes the chain down where none stands yet. Error config: another
    /// chain.
    using Bind = std::function<Status(const ChainIdentity&)>;

    ChainGate(Ask ask, Bind bind) : ask_(std::move(ask)), bind_(std::move(bind)) {}

    /// Ok: the node is on the right chain. Errors: those of both functions.
    [[nodiscard]] Status pass(const std::stop_token& stop = {});
    /// A call failed: the next pass() asks again.
    void doubt();
    /// Ok unless the node was last found on another chain; then words fit for /readyz, which is open to all.
    [[nodiscard]] Status last_seen() const;

    [[nodiscard]] std::unique_ptr<ActPoolReader> gated(ActPoolReader& pool);
    [[nodiscard]] std::unique_ptr<BlockSource> gated(BlockSource& blocks);
    [[nodiscard]] std::unique_ptr<StateDiffSource> gated(StateDiffSource& diffs);

  private:
    const Ask ask_;
    const Bind bind_;
    std::mutex asking_;         // one question at a time; taken before mutex_
    mutable std::mutex mutex_;  // guards all below
    bool is_right_ = false;
    bool is_another_ = false;
};

}  // namespace ioswarm::cli
