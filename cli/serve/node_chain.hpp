// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "cli/config/serve_config.hpp"
#include "cli/serve/chain_gate.hpp"
#include "cli/wiring/chain_ports.hpp"
#include "core/base/alarm.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/metrics/registry.hpp"
#include "core/model/chain_identity.hpp"
#include "proto/node/source.hpp"

namespace ioswarm::cli {

/// The node of `serve`: its pool, blocks and state, and its state diffs when node.diffs is set. Pool, blocks
/// and diffs are behind a gate, which closes when the node is found on another chain.
class NodeChain {
  public:
    /// Connects to nothing yet. `bind` is called by the gate, see ChainGate::Bind. Errors: as
    /// NodeSource::create().
    [[nodiscard]] static Result<std::shared_ptr<NodeChain>> create(const ServeConfig& config,
                                                                   ChainGate::Bind bind, const Log& log,
                                                                   const metrics::Registry& registry);
    NodeChain(const NodeChain&) = delete;
    NodeChain& operator=(const NodeChain&) = delete;

    /// Names the chain that the data directory belongs to, so that web3 need not answer. See
    /// NodeSource::assume().
    void assume(const ChainIdentity& chain) { node_->assume(chain); }
    /// Asks the node which chain it is on. Errors: as NodeSource::chain().
    [[nodiscard]] Result<ChainIdentity> chain() { return node_->chain(); }
    /// The ports of `node`, which the result owns.
    [[nodiscard]] static ChainPorts ports(const std::shared_ptr<NodeChain>& node);

    /// Adds the reasons why the node is of no use now. Thread-safe.
    void add_reasons(Reasons& reasons) const;

  private:
    explicit NodeChain(std::unique_ptr<proto::NodeSource> node, ChainGate::Bind bind);

    const std::unique_ptr<proto::NodeSource> node_;
    ChainGate gate_;
    const std::unique_ptr<ActPoolReader> pool_;
    const std::unique_ptr<BlockSource> blocks_;
    std::unique_ptr<StateDiffSource> ungated_diffs_;  // null without node.diffs, as is the next one
    std::unique_ptr<StateDiffSource> diffs_;
};

}  // namespace ioswarm::cli
