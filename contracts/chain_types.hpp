// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"

namespace ioswarm::contracts {

/// One log of a receipt.
struct ChainLog {
    Address address;
    std::vector<Hash256> topics;
    Bytes data;
    std::uint64_t block = 0;
    Hash256 transaction;
};

/// The receipt of a mined transaction, as reported by an endpoint.
struct Receipt {
    Hash256 transaction;
    Hash256 block_hash;
    std::uint64_t block = 0;
    /// 1 means success. IoTeX has many codes for failures (106: reverted). All of these transactions were mined
    /// and cost gas.
    std::uint64_t status = 0;
    std::uint64_t gas_used = 0;
    U256 gas_price;                   ///< effective price; 0 if the node does not report it
    std::optional<Address> contract;  ///< the created contract, for a creation
    std::vector<ChainLog> logs;

    [[nodiscard]] bool succeeded() const noexcept { return status == 1; }
};

/// The header of a block.
struct BlockInfo {
    std::uint64_t number = 0;
    Hash256 hash;
    std::uint64_t timestamp = 0;  ///< seconds since 1970
    U256 base_fee;                ///< 0 if the block has none
};

/// A transaction as stored in a block.
struct MinedTransaction {
    Hash256 hash;
    Address from;
    std::optional<Address> to;  ///< empty = contract creation
    std::uint64_t nonce = 0;
    std::uint64_t gas_limit = 0;
    U256 value;
    Bytes data;
};

/// A call or a transaction to estimate.
struct CallRequest {
    std::optional<Address> from;
    std::optional<Address> to;  ///< empty = contract creation
    U256 value;
    Bytes data;
    std::uint64_t gas = 0;  ///< 0 = the node's own limit
};

/// How a simulated call ended.
struct CallOutcome {
    bool reverted = false;
    /// The return data or the revert data; IoTeX answers a call that ran out of gas with success and no data.
    Bytes data;
};

/// How an endpoint responded to a signed transaction. `unknown` stands for every case in which it may have been
/// accepted: a time-out, a lost connection, an error that is not in the list.
enum class SendOutcome {
    accepted,
    known,           ///< the same bytes are already in the pool: as good as accepted
    nonce_too_low,   ///< this or another transaction with the same nonce was mined
    nonce_too_high,  ///< the gap to the account's next nonce is too large
    /// Another transaction with this nonce pays as much or more, or the price is below the node's minimum.
    underpriced,
    pool_full,     ///< the node's pool is full
    no_funds,      ///< the balance does not cover gas plus value
    gas_too_low,   ///< below the intrinsic gas
    gas_too_high,  ///< above the block's gas limit
    wrong_chain,   ///< signed for another chain
    unknown,
};

[[nodiscard]] const char* to_string(SendOutcome outcome) noexcept;

/// True if the endpoint certainly did not keep the transaction.
[[nodiscard]] constexpr bool is_refusal(SendOutcome outcome) noexcept {
    return outcome != SendOutcome::accepted && outcome != SendOutcome::known && outcome != SendOutcome::unknown;
}

/// Classifies an error that an endpoint returned for eth_sendRawTransaction. Nodes differ in the error code and
/// in the start of the text, so the end of the text decides.
[[nodiscard]] SendOutcome classify_send_error(std::string_view message) noexcept;

}  // namespace ioswarm::contracts
