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

// What a run of a transaction needs from a node, over web3 alone: every node has these methods, without the
// gateway plugin and without the debug API. Only eth_getTransactionByHash needs the plugin.

namespace ioswarm::proto {

/// What a fetcher asks of web3: a client of its own, or an endpoint that is watched.
struct Web3Calls {
    using Replies = std::vector<JsonRpcClient::BatchReplies>;

    /// `web3` must outlive this and have JsonRpcClient's call_all() and batch_limit().
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

/// Reads accounts, slots and block hashes as the block at `height` left them. One fetch is one batch, or
/// several at once where the endpoint's limit asks for it. A slot that reads 0 counts as absent:
/// web3 does not tell absent from zero, so the gas of a run that writes such a slot twice is an estimate.
class Web3StateFetcher final : public evm::StateFetcher {
  public:
    enum class Height {
        must_be_tip,  ///< the tip may not move on while it is read; a node of v2.3 answers the tip whatever was
                      ///< asked
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

/// A transaction as web3 shows it.
struct Web3Transaction {
    Hash256 hash;
    evm::Transaction transaction;
    std::uint64_t nonce = 0;
    std::optional<std::uint64_t> height;  ///< of its block; nothing while it is pending
};

/// Error bad_data names the field.
[[nodiscard]] Result<Web3Transaction> read_web3_transaction(std::string_view json);

/// By its hash alone, or out of the block at `height`, which works without the gateway plugin too. Errors:
/// those of JsonRpcClient; not_found; failed_precondition: the node has no index of transactions, so the block
/// must be named.
[[nodiscard]] Result<Web3Transaction> web3_transaction(JsonRpcClient& web3, const Hash256& hash,
                                                       std::optional<std::uint64_t> height,
                                                       const std::stop_token& stop = {});

/// The chain's tip, and the context of the next block as far as it can be known: base fee from the tip's use of
/// gas, the tip's time plus 3 s, coinbase 0.
struct Web3Tip {
    std::uint64_t height = 0;
    evm::BlockContext next;
};
[[nodiscard]] Result<Web3Tip> web3_next_block(JsonRpcClient& web3, const std::stop_token& stop = {});
/// The context of the block at `height`. Errors: those of JsonRpcClient; not_found.
[[nodiscard]] Result<evm::BlockContext> web3_block_context(JsonRpcClient& web3, std::uint64_t height,
                                                           const std::stop_token& stop = {});

}  // namespace ioswarm::proto
