// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/evm/reading.hpp"

// Runs transactions of a block as the chain's nodes do when they mine it, and compares the results with the
// receipts.

namespace ioswarm::evm {

/// How the chain treats a transaction.
enum class MinedAs : std::uint8_t {
    execution,        ///< a call of a contract
    creation,         ///< a new contract
    transfer,         ///< a transfer to an account without code, which does not use the virtual machine
    failed_transfer,  ///< a native transfer to a contract, which is mined without effect
};
/// "execution", "creation", "transfer", "failed transfer".
[[nodiscard]] std::string_view to_string(MinedAs kind) noexcept;

/// The parts of a node's receipt that are compared.
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

/// Like run_and_read(), but a transaction to an account without code is run as a transfer, as on the chain.
/// `rules` must be the chain's rules. The changes of the outcome are not added to `state`; call apply_changes()
/// for that. `receipt` may be null. It is needed to recognise a native transfer to a contract, because web3
/// shows that as a call. The chain mines such a transfer with status 0, while a failed execution has a status
/// of 100 or more.
[[nodiscard]] MinedRun run_as_mined(Executor& executor, const Transaction& transaction,
                                    const BlockContext& block, const Rules& rules, const MinedReceipt* receipt,
                                    FetchedState& state, StateFetcher& fetcher,
                                    const ReadingBounds& bounds = {});

/// Adds the changes of a transaction to `state`, so that the next transaction of the block sees them. `outcome`
/// must be known() and minable().
void apply_changes(const Outcome& outcome, FetchedState& state);

/// Describes for an operator how the outcome differs from the receipt. Empty if status, gas, logs and the
/// address of a created contract are the same.
[[nodiscard]] std::string difference(const Outcome& outcome, const MinedReceipt& receipt);

}  // namespace ioswarm::evm
