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

/// A mined transaction's receipt, as an endpoint tells it.
struct Receipt {
    Hash256 transaction;
    Hash256 block_hash;
    std::uint64_t block = 0;
    /// 1 is success. IoTeX has many others for failures (106: reverted); all of them were mined and cost gas.
    std::uint64_t status = 0;
    std::uint64_t gas_used = 0;
    U256 gas_price;                   ///< effective price; 0 where the node does not tell it
    std::optional<Address> contract;  ///< of a creation
    std::vector<ChainLog> logs;

    [[nodiscard]] bool succeeded() const noexcept { return status == 1; }
};

struct BlockInfo {
    std::uint64_t number = 0;
    Hash256 hash;
    std::uint64_t timestamp = 0;  ///< seconds since 1970
    U256 base_fee;                ///< 0 where the block has none
};

/// A transaction as a block holds it.
struct MinedTransaction {
    Hash256 hash;
    Address from;
    std::optional<Address> to;  ///< nothing = creation
    std::uint64_t nonce = 0;
    std::uint64_t gas_limit = 0;
    U256 value;
    Bytes data;
};

/// A call or a transaction to estimate.
struct CallRequest {
    std::optional<Address> from;
    std::optional<Address> to;  ///< nothing = creation
    U256 value;
    Bytes data;
    std::uint64_t gas = 0;  ///< 0: the node's own limit
};

/// How a simulated call ended.
struct CallOutcome {
    bool reverted = false;
    Bytes data;  ///< what it returned, or its revert data. IoTeX answers a call out of gas with success and no
                 ///< data.
};

/// How an endpoint took a signed transaction. `unknown` stands for everything that may have been accepted: a
/// time-out, a lost connection, an error that is not in the list.
enum class SendOutcome {
    accepted,
    known,           ///< the same bytes are in the pool already: as good as accepted
    nonce_too_low,   ///< another transaction, or this one, was mined with this nonce
    nonce_too_high,  ///< the gap to the account's nonce is too large
    underpriced,   ///< another one with this nonce pays as much or more, or the price is below the node's least
    pool_full,     ///< the node's pool is full
    no_funds,      ///< the balance does not cover gas and value
    gas_too_low,   ///< below the intrinsic gas
    gas_too_high,  ///< above the block's limit
    wrong_chain,   ///< signed for another chain
    unknown,
};

[[nodiscard]] const char* to_string(SendOutcome outcome) noexcept;

/// True when the endpoint surely did not keep the transaction.
[[nodiscard]] constexpr bool is_refusal(SendOutcome outcome) noexcept {
    return outcome != SendOutcome::accepted && outcome != SendOutcome::known && outcome != SendOutcome::unknown;
}

/// Reads an error that an endpoint gave to eth_sendRawTransaction. Nodes differ in the code and in what stands
/// in front of the text, so the end of the text decides.
[[nodiscard]] SendOutcome classify_send_error(std::string_view message) noexcept;

}  // namespace ioswarm::contracts
