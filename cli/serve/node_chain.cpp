// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/node_chain.hpp"

#include <utility>

#include "cli/serve/diff_peer.hpp"
#include "core/base/try.hpp"
#include "proto/diffs/node_diffs.hpp"

namespace ioswarm::cli {

Result<std::shared_ptr<NodeChain>> NodeChain::create(const ServeConfig& config, ChainGate::Bind bind,
                                                     const Log& log, const metrics::Registry& registry) {
    proto::NodeSettings settings;
    settings.grpc = config.node_grpc;
    settings.web3 = config.node_web3;
    settings.metrics = registry;
    IOSWARM_TRY(auto node, proto::NodeSource::create(std::move(settings), log.of(LogModule::node)));
    std::shared_ptr<NodeChain> out(new NodeChain(std::move(node), std::move(bind)));
    if (config.node_diffs.empty()) return out;
    proto::NodeDiffSettings diffs = node_diff_settings(config);
    diffs.node_version = [source = out->node_.get()](const std::stop_token& stop) {
        return source->version(stop);
    };
    out->ungated_diffs_ = std::make_unique<proto::NodeDiffSource>(std::move(diffs), log.of(LogModule::diffs));
    out->diffs_ = out->gate_.gated(*out->ungated_diffs_);
    return out;
}

NodeChain::NodeChain(std::unique_ptr<proto::NodeSource> node, ChainGate::Bind bind)
    : node_(std::move(node)),
      gate_([source = node_.get()](const std::stop_token& stop) { return source->chain(stop); },
            std::move(bind), [source = node_.get()] { return source->should_ask_chain_again(); }),
      pool_(gate_.gated(node_->pool())),
      blocks_(gate_.gated(node_->blocks())) {}

ChainPorts NodeChain::ports(const std::shared_ptr<NodeChain>& node) {
    return {node,
            node->pool_.get(),
            &node->node_->state(),
            node->blocks_.get(),
            &node->node_->run_state(),
            node->diffs_.get()};
}

void NodeChain::add_reasons(Reasons& reasons) const {
    node_->add_reasons(reasons);
    if (const Status seen = gate_.last_seen(); !seen) reasons.push_back({seen.error().which, seen.error().why});
}

}  // namespace ioswarm::cli
