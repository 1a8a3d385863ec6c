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

/// Blocks all calls to a node until it is known to be on the chain that the data directory belongs to. If the
/// node cannot be reached when serve starts, it is asked later. It is asked again after every failed call,
/// since another node may have taken its place. Thread-safe; must outlive the objects that gated() returned.
class ChainGate {
  public:
    using Ask = std::function<Result<ChainIdentity>(const std::stop_token&)>;
    /// Compares the chain with the data directory's, and stores it there if none is stored yet. Error config:
    /// another chain.
    using Bind = std::function<Status(const ChainIdentity&)>;

    /// True if the last answer of Ask was incomplete and a complete one may be had now. Must not block.
    using ShouldAskAgain = std::function<bool()>;

    ChainGate(Ask ask, Bind bind, ShouldAskAgain should_ask_again)
        : ask_(std::move(ask)), bind_(std::move(bind)), should_ask_again_(std::move(should_ask_again)) {}

    /// Ok when the node is on the right chain. Otherwise the error of Ask or Bind.
    [[nodiscard]] Status pass(const std::stop_token& stop = {});
    /// Call this after a failed call to the node: the next pass() asks again.
    void doubt();
    /// Ok unless the node was last found on another chain. The error's text reveals nothing secret, since
    /// /readyz is public.
    [[nodiscard]] Status last_seen() const;

    [[nodiscard]] std::unique_ptr<ActPoolReader> gated(ActPoolReader& pool);
    [[nodiscard]] std::unique_ptr<BlockSource> gated(BlockSource& blocks);
    [[nodiscard]] std::unique_ptr<StateDiffSource> gated(StateDiffSource& diffs);

  private:
    const Ask ask_;
    const Bind bind_;
    const ShouldAskAgain should_ask_again_;
    std::mutex asking_;         // only one thread asks at a time; locked before mutex_
    mutable std::mutex mutex_;  // guards the fields below
    bool is_right_ = false;
    bool is_another_ = false;
};

}  // namespace ioswarm::cli
