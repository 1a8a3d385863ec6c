// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/evm/code.hpp"
#include "core/evm/word.hpp"

namespace ioswarm::evm {

/// The reason why a frame ended without success. receipt_status() gives the receipt status of each.
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
    undefined,      ///< the chain cannot mine this transaction: its node panics on it
    not_simulated,  ///< a precompiled contract that this interpreter does not have
    too_much_work,  ///< its precompiled contracts compute more than RunLimits allows
    out_of_time,    ///< the run's deadline passed, or a stop was requested
};

/// A failure, with the details that its message needs.
struct FailureDetail {
    Failure kind = Failure::none;
    /// stack_underflow: words on the stack and words needed. stack_overflow: words on the stack and the most
    /// allowed. invalid_opcode: the opcode in `first`.
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    /// go-ethereum's text for a failure in the dynamic part of the gas; empty otherwise.
    std::string_view inner;
};

/// The text that go-ethereum has for a failure; both the chain's node and the agent use it. Empty for
/// Failure::none.
[[nodiscard]] std::string failure_text(const FailureDetail& failure);
/// The status in the chain's receipt: 1 for success, 100 and above for failures.
[[nodiscard]] std::uint32_t receipt_status(Failure failure) noexcept;

/// A log that the run wrote.
struct Log {
    Address address;
    std::vector<Word> topics;  ///< at most 4
    Bytes data;
};

/// A value that was moved from one account to another during the run.
struct Transfer {
    Address from;
    Address to;
    Word amount;
};

/// Names a storage slot.
struct SlotId {
    Address address;
    Word key;
};

/// A storage slot that the run changed. If the source distinguishes absent slots from slots that are zero,
/// `before` and `after` may both be zero; the run then created the slot.
struct SlotChange {
    Word key;
    Word before;
    Word after;
};

/// The changes of one account. Only values that differ from before are set.
struct AccountChange {
    Address address;
    bool came = false;     ///< the account did not exist before
    bool removed = false;  ///< the account no longer exists; nothing else is set then
    std::optional<Word> balance;
    std::optional<std::uint64_t> nonce;
    std::optional<Bytes> code;
    std::vector<SlotChange> slots;  ///< ordered by key
};

/// Everything that the run needed but the source had not fetched yet.
struct Missing {
    std::vector<Address> accounts;
    std::vector<SlotId> slots;
    std::vector<std::uint64_t> block_hashes;

    [[nodiscard]] bool empty() const noexcept {
        return accounts.empty() && slots.empty() && block_hashes.empty();
    }
};

}  // namespace ioswarm::evm
