// SPDX-License-Identifier: Apache-2.0
#include "core/evm/mined.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

namespace ioswarm::evm {
namespace {

/// Status in the receipt of a native transfer to a contract.
constexpr std::uint64_t kFailedTransferStatus = 0;

bool is_contract(FetchedState& state, const Address& address) {
    const auto account = state.account(address);
    return account && account->code && account->code->size() != 0;
}

/// Sender and recipient, unless `state` already has them.
Missing missing_parties(const Transaction& transaction, FetchedState& state) {
    Missing out;
    if (!state.account(transaction.from)) out.accounts.push_back(transaction.from);
    if (transaction.to && *transaction.to != transaction.from && !state.account(*transaction.to))
        out.accounts.push_back(*transaction.to);
    return out;
}

bool same_log(const Log& a, const Log& b) {
    return a.address == b.address && a.topics == b.topics && a.data == b.data;
}

}  // namespace

std::string_view to_string(MinedAs kind) noexcept {
    switch (kind) {
        case MinedAs::execution:
            return "execution";
        case MinedAs::creation:
            return "creation";
        case MinedAs::transfer:
            return "transfer";
        case MinedAs::failed_transfer:
            return "failed transfer";
    }
    return "unknown";
}

MinedRun run_as_mined(Executor& executor, const Transaction& transaction, const BlockContext& block,
                      const Rules& rules, const MinedReceipt* receipt, FetchedState& state,
                      StateFetcher& fetcher, const ReadingBounds& bounds) {
    MinedRun out;
    unsigned rounds = 0;
    // A transaction with authorizations is an execution, whatever its recipient.
    if (transaction.to && transaction.authorizations.empty()) {
        if (const Missing missing = missing_parties(transaction, state); !missing.empty()) {
            rounds = 1;
            if (const Status fetched = fetcher.fetch(missing, state); !fetched) {
                out.reading.end = ReadingEnd::fetch_failed;
                out.reading.error = fetched.error();
                return out;
            }
        }
        const bool has_code = is_contract(state, *transaction.to);
        const bool native = has_code && receipt != nullptr && receipt->status == kFailedTransferStatus;
        if (!has_code || native) {
            out.kind = native ? MinedAs::failed_transfer : MinedAs::transfer;
            out.reading.outcome = executor.run_transfer(transaction, block, state, rules);
            out.reading.rounds = rounds;
            return out;
        }
    }
    out.kind = transaction.to ? MinedAs::execution : MinedAs::creation;
    out.reading = run_and_read(executor, transaction, block, rules, state, fetcher, bounds);
    out.reading.rounds += rounds;
    return out;
}

void apply_changes(const Outcome& outcome, FetchedState& state) {
    for (const AccountChange& change : outcome.changes) {
        if (change.removed) {
            // The transaction created and destroyed the contract, at an address that had at most a balance
            // before. So `state` has no slots of it that would have to be removed.
            state.put(change.address, AccountRecord{});
            continue;
        }
        AccountRecord record = state.account(change.address).value_or(AccountRecord{});
        record.exists = true;
        if (change.balance) record.balance = *change.balance;
        if (change.nonce) record.nonce = *change.nonce;
        if (change.code) record.code = std::make_shared<const Code>(*change.code);
        if (!change.slots.empty()) record.has_storage = true;
        state.put(change.address, std::move(record));
        for (const SlotChange& slot : change.slots)
            state.put(change.address, slot.key, {slot.after, true});
    }
}

std::string difference(const Outcome& outcome, const MinedReceipt& receipt) {
    if (outcome.failure.kind == Failure::too_much_work)
        return "its precompiled contracts compute more than is simulated here";
    if (outcome.failure.kind == Failure::out_of_time)
        return "it takes longer than the time for one transaction";
    if (!outcome.known()) return "it calls a precompiled contract that is not simulated here";
    if (!outcome.refused.empty()) return "the local run says that no block can contain it: " + outcome.refused;
    if (!outcome.minable()) return "our run says that the node cannot mine it";
    if (outcome.status != receipt.status)
        return fmt::format("the receipt says status {}, our run {}", receipt.status, outcome.status);
    if (outcome.gas_used != receipt.gas_used)
        return fmt::format("the receipt says {} gas, our run {}", receipt.gas_used, outcome.gas_used);
    if (outcome.status == 1 && outcome.created != receipt.created)
        return "the receipt names another contract address than our run";
    // The chain drops the logs of a transaction that fails, as State::revert() does.
    if (!std::equal(outcome.logs.begin(), outcome.logs.end(), receipt.logs.begin(), receipt.logs.end(),
                    same_log))
        return fmt::format("the receipt's {} logs are not the {} of our run", receipt.logs.size(),
                           outcome.logs.size());
    return {};
}

}  // namespace ioswarm::evm
