// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <utility>
#include <vector>

#include "core/evm/reading.hpp"
#include "core/net/json_rpc.hpp"

// Reads the data that running a transaction needs from a node. It uses web3 only, and only methods that every
// node has: neither the gateway plugin nor the debug API is needed. The exception is eth_getTransactionByHash,
// which needs the gateway plugin.

namespace ioswarm::proto {

/// The calls that a fetcher makes to web3. They go to a plain client or to a Web3Endpoint, which watches its
/// health.
struct Web3Calls {
    using Replies = std::vector<JsonRpcClient::BatchReplies>;

    /// `web3` must outlive the result and have call_all() and batch_limit() as JsonRpcClient does.
    template <typename Web3>
    static Web3Calls of(Web3& web3) {
        return {[&web3](std::span<const JsonRpcClient::Batch> batches, const std::stop_token& stop) {
                    return web3.call_all(batches, stop);
                },
                [&web3] { return web3.batch_limit(); }};
    }

    std::function<Replies(std::span<const JsonRpcClient::Batch>, const std::stop_token&)> call_all;
    std::function<std::size_t()> batch_limit;
};

/// Reads accounts, slots and block hashes as they were after the block at `height`. One fetch is one batch, or
/// several batches at once if the endpoint limits their size. A slot that reads 0 counts as absent, because
/// web3 does not distinguish absent from zero. So the gas of a run that writes such a slot twice is an
/// estimate.
class Web3StateFetcher final : public evm::StateFetcher {
  public:
    enum class Height {
        must_be_tip,  ///< the tip must not move while it is read: a node of v2.3 answers with
                      ///< the tip's state, whatever height was asked for
        may_be_old,   ///< the node keeps old states
    };

    Web3StateFetcher(JsonRpcClient& web3, std::uint64_t height, Height which = Height::must_be_tip,
                     std::stop_token stop = {})
        : Web3StateFetcher(Web3Calls::of(web3), height, which, std::move(stop)) {}
    Web3StateFetcher(Web3Calls web3, std::uint64_t height, Height which = Height::must_be_tip,
                     std::stop_token stop = {})
        : web3_(std::move(web3)), height_(height), which_(which), stop_(std::move(stop)) {}

    [[nodiscard]] Status fetch(const evm::Missing& missing, evm::FetchedState& state) override;

  private:
    [[nodiscard]] Web3Calls::Replies ask(const std::vector<RpcCall>& requests) const;

    Web3Calls web3_;
    std::uint64_t height_;
    Height which_;
    std::stop_token stop_;
};

}  // namespace ioswarm::proto
