// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/evm/code.hpp"
#include "core/evm/word.hpp"

namespace ioswarm::evm {

/// Why a frame ended without success. The chain's receipt status for each: receipt_status().
enum class Failure : std::uint8_t {
    none,
    reverted,
    out_of_gas,
    gas_overflow,
    invalid_opcode,
    stack_underflow,
    stack_overflow,
    bad_jump,
    return_data_bounds,
    static_write,
    depth,
    balance,
    nonce_overflow,
    address_taken,
    code_too_large,
    code_begins_with_ef,
    code_not_paid,
    precompile,     ///< a precompiled contract refused its input
    undefined,      ///< the chain cannot mine this transaction: its node stops with a panic
    not_simulated,  ///< a precompiled contract that this interpreter does not have
    out_of_time,    ///< the run's deadline passed
};

/// A failure with what its message needs.
struct FailureDetail {
    Failure kind = Failure::none;
    /// stack_underflow: words there and words needed; stack_overflow: words there and the most allowed;
    /// invalid_opcode: the opcode.
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    /// What made the dynamic part of the gas fail, in go-ethereum's words; empty otherwise.
    std::string_view inner;
};

/// go-ethereum's text of a failure, as the chain's node and the agent write it; empty for none.
[[nodiscard]] std::string failure_text(const FailureDetail& failure);
/// The number in a receipt of the chain: 1 for none, 100 and more for failures.
[[nodiscard]] std::uint32_t receipt_status(Failure failure) noexcept;

struct Log {
    Address address;
    std::vector<Word> topics;  ///< at most 4
    Bytes data;
};

/// Value moved from one account to another inside the run.
struct Transfer {
    Address from;
    Address to;
    Word amount;
};

struct SlotId {
    Address address;
    Word key;
};

/// Where absent and "present and zero" are told apart, `before` and `after` may both be zero: the slot came to
/// be.
struct SlotChange {
    Word key;
    Word before;
    Word after;
};

/// What a run changed in an account: only what differs from before is set.
struct AccountChange {
    Address address;
    bool came = false;     ///< did not exist before
    bool removed = false;  ///< does not exist any more; nothing else is set then
    std::optional<Word> balance;
    std::optional<std::uint64_t> nonce;
    std::optional<Bytes> code;
    std::vector<SlotChange> slots;  ///< ordered by key
};

/// What the source had not fetched yet.
struct Missing {
    std::vector<Address> accounts;
    std::vector<SlotId> slots;
    std::vector<std::uint64_t> block_hashes;

    [[nodiscard]] bool empty() const noexcept {
        return accounts.empty() && slots.empty() && block_hashes.empty();
    }
};

}  // namespace ioswarm::evm
