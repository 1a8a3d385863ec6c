// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <stop_token>
#include <utility>

#include "proto/node/evm.hpp"
#include "proto/node/link.hpp"

namespace ioswarm::proto {
namespace {

/// Reads the state for running transactions over the node's web3. It needs neither the gateway plugin nor the
/// debug API.
class NodeRunState final : public evm::StateFetchers {
  public:
    explicit NodeRunState(NodeLink& link) : link_(link) {}

    [[nodiscard]] std::unique_ptr<evm::StateFetcher> at(std::uint64_t height, std::stop_token stop) override {
        return std::make_unique<Web3StateFetcher>(Web3Calls::of(link_.web3()), height,
                                                  Web3StateFetcher::Height::must_be_tip, std::move(stop));
    }

  private:
    NodeLink& link_;
};

}  // namespace

std::unique_ptr<evm::StateFetchers> make_node_run_state(NodeLink& link) {
    return std::make_unique<NodeRunState>(link);
}

}  // namespace ioswarm::proto
