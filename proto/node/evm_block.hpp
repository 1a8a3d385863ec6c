// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "core/evm/mined.hpp"
#include "core/net/json_rpc.hpp"

// Reads transactions, blocks and receipts over web3 and converts them to the types that core/evm needs for a
// run. Of the web3 methods used here, only eth_getTransactionByHash needs the node's gateway plugin.

namespace ioswarm::proto {

/// A transaction as web3 returns it.
struct Web3Transaction {
    Hash256 hash;
    evm::Transaction transaction;
    std::uint64_t nonce = 0;
    std::optional<std::uint64_t> height;  ///< height of its block; empty while it is pending
};

/// Error bad_data: a field cannot be read; the error names it.
[[nodiscard]] Result<Web3Transaction> read_web3_transaction(std::string_view json);

/// Finds a transaction by its hash. If `height` is given, it searches that block, which also works without the
/// gateway plugin. Errors: those of JsonRpcClient; bad_data (a field cannot be read); not_found;
/// failed_precondition (the node refused the search; without the gateway plugin it has no index of
/// transactions, so `height` must be given).
[[nodiscard]] Result<Web3Transaction> web3_transaction(JsonRpcClient& web3, const Hash256& hash,
                                                       std::optional<std::uint64_t> height,
                                                       const std::stop_token& stop = {});

/// The height of the tip, and the expected context of the next block. Base fee: computed from the gas that the
/// tip used. Time: as later_block_time() computes it for mainnet and testnet. Coinbase: 0, because the producer
/// is not known.
struct Web3Tip {
    std::uint64_t height = 0;
    evm::BlockContext next;
};
/// Errors: those of JsonRpcClient; bad_data; not_found.
[[nodiscard]] Result<Web3Tip> web3_next_block(JsonRpcClient& web3, const std::stop_token& stop = {});
/// The context of the block at `height`. Errors: those of JsonRpcClient; bad_data; not_found.
[[nodiscard]] Result<evm::BlockContext> web3_block_context(JsonRpcClient& web3, std::uint64_t height,
                                                           const std::stop_token& stop = {});

/// A block with everything that it mined.
struct Web3MinedBlock {
    struct Entry {
        Web3Transaction transaction;
        evm::MinedReceipt receipt;
        /// True if the recipient is the staking or the rewarding protocol. These are not contracts, so the
        /// transaction cannot be run here.
        bool is_protocol_action = false;
    };
    evm::BlockContext context;
    std::vector<Entry> entries;  ///< in the order of the block
};

/// Combines the result of eth_getBlockByNumber (with complete transactions) and the result of
/// eth_getBlockReceipts. `chain_id` is the EVM chain id, not IoTeX's own. Transactions without a receipt are
/// left out; they are system actions. Error bad_data: a field cannot be read; the error names it.
[[nodiscard]] Result<Web3MinedBlock> read_web3_mined_block(std::string_view block_json,
                                                           std::string_view receipts_json,
                                                           std::uint64_t chain_id);
/// Reads the block at `height`. Errors: those of JsonRpcClient; bad_data; not_found (no such block);
/// unavailable (the node refused the request).
[[nodiscard]] Result<Web3MinedBlock> web3_mined_block(JsonRpcClient& web3, std::uint64_t height,
                                                      const std::stop_token& stop = {});

}  // namespace ioswarm::proto
