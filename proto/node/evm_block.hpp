// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "core/evm/mined.hpp"
#include "core/net/json_rpc.hpp"

// Transactions, blocks and receipts as web3 shows them, in the form that runs take. No method needs the gateway
// plugin but eth_getTransactionByHash.

namespace ioswarm::proto {

/// A transaction as web3 returns it.
struct Web3Transaction {
    Hash256 hash;
    evm::Transaction transaction;
    std::uint64_t nonce = 0;
    std::optional<std::uint64_t> height;  ///< height of its block; empty while it is pending
};

/// Error bad_data names the field.
[[nodiscard]] Result<Web3Transaction> read_web3_transaction(std::string_view json);

/// Finds a transaction by its hash alone, or in the block at `height`, which also works without the gateway
/// plugin. Errors: those of JsonRpcClient; not_found; failed_precondition (the node has no index of
/// transactions, so `height` must be given).
[[nodiscard]] Result<Web3Transaction> web3_transaction(JsonRpcClient& web3, const Hash256& hash,
                                                       std::optional<std::uint64_t> height,
                                                       const std::stop_token& stop = {});

/// The chain's tip, and the context of the next block as far as it is known: the base fee follows from the gas
/// that the tip used, the time is the tip's plus 3 s, the coinbase is 0.
struct Web3Tip {
    std::uint64_t height = 0;
    evm::BlockContext next;
};
[[nodiscard]] Result<Web3Tip> web3_next_block(JsonRpcClient& web3, const std::stop_token& stop = {});
/// The context of the block at `height`. Errors: those of JsonRpcClient; not_found.
[[nodiscard]] Result<evm::BlockContext> web3_block_context(JsonRpcClient& web3, std::uint64_t height,
                                                           const std::stop_token& stop = {});

/// A block with everything that it mined.
struct Web3MinedBlock {
    struct Entry {
        Web3Transaction transaction;
        evm::MinedReceipt receipt;
        /// It went to the staking or the rewarding protocol, which are no contracts: it cannot be run.
        bool is_protocol_action = false;
    };
    evm::BlockContext context;
    std::vector<Entry> entries;  ///< in the order of the block
};

/// From the results of eth_getBlockByNumber, with whole transactions, and of eth_getBlockReceipts. A
/// transaction without a receipt, which a system action may be, is left out. Error bad_data names the field.
[[nodiscard]] Result<Web3MinedBlock> read_web3_mined_block(std::string_view block_json,
                                                           std::string_view receipts_json,
                                                           std::uint64_t chain_id);
/// Errors: those of JsonRpcClient; not_found; unavailable: the node refused.
[[nodiscard]] Result<Web3MinedBlock> web3_mined_block(JsonRpcClient& web3, std::uint64_t height,
                                                      const std::stop_token& stop = {});

}  // namespace ioswarm::proto
