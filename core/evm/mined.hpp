// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/evm/reading.hpp"

// Transactions as the chain mines them: what it does with each, and how our run compares with the receipt.

namespace ioswarm::evm {

/// What the chain makes of a transaction.
enum class MinedAs : std::uint8_t {
    execution,        ///< a call of a contract
    creation,         ///< a new contract
    transfer,         ///< to an account without code: never enters the virtual machine
    failed_transfer,  ///< a native transfer to a contract: mined without effect
};
/// "execution", "creation", "transfer", "failed transfer".
[[nodiscard]] std::string_view to_string(MinedAs kind) noexcept;

/// What a node's receipt says.
struct MinedReceipt {
    Hash256 hash;  ///< of the transaction
    std::uint64_t status = 0;
    std::uint64_t gas_used = 0;
    std::vector<Log> logs;
    std::optional<Address> created;
};

struct MinedRun {
    MinedAs kind = MinedAs::execution;
    Reading reading;
};

/// As run_and_read(), but a transaction to an account without code is run as the transfer that the chain makes
/// of it. `rules` must be the chain's. Adds nothing of the outcome to `state`: see apply_changes().
/// `receipt` (null: none is known) tells a native transfer to a contract, which looks like a call and which the
/// chain mines with status 0: an execution that fails has a status of 100 or more.
[[nodiscard]] MinedRun run_as_mined(Executor& executor, const Transaction& transaction,
                                    const BlockContext& block, const Rules& rules, const MinedReceipt* receipt,
                                    FetchedState& state, StateFetcher& fetcher,
                                    const ReadingBounds& bounds = {});

/// Puts what a transaction changed into `state`, so that the next one runs over what this one left. The outcome
/// must be known and minable.
void apply_changes(const Outcome& outcome, FetchedState& state);

/// How the outcome differs from the receipt, in words for an operator; empty: status, gas, logs and the address
/// of a creation are the same.
[[nodiscard]] std::string difference(const Outcome& outcome, const MinedReceipt& receipt);

}  // namespace ioswarm::evm
