// SPDX-License-Identifier: Apache-2.0
#include "core/evm/reading.hpp"

#include <algorithm>
#include <utility>

namespace ioswarm::evm {
namespace {

/// The accounts that the transaction itself names and that `state` does not hold yet.
Missing named_by(const Transaction& transaction, FetchedState& state) {
    Missing out;
    const auto want = [&](const Address& address) {
        const bool noted = std::find(out.accounts.begin(), out.accounts.end(), address) != out.accounts.end();
        if (!noted && !state.account(address)) out.accounts.push_back(address);
    };
    want(transaction.from);
    if (transaction.to) want(*transaction.to);
    for (const AccessListEntry& entry : transaction.access_list) {
        want(entry.address);
        for (const Hash256& hash : entry.storage_keys) {
            const Word key = Word::from(hash);
            if (!state.slot(entry.address, key)) out.slots.push_back({entry.address, key});
        }
    }
    return out;
}

/// Returns the limit that would be exceeded once the missing parts are added to the state, or
/// ReadingEnd::complete if none would.
ReadingEnd bound_passed(const FetchedState& state, const Missing& missing, const ReadingBounds& bounds) {
    if (state.accounts() + missing.accounts.size() > bounds.accounts) return ReadingEnd::accounts;
    if (state.slots() + missing.slots.size() > bounds.slots) return ReadingEnd::slots;
    if (state.code_bytes() > bounds.code_bytes) return ReadingEnd::code_bytes;
    return ReadingEnd::complete;
}

}  // namespace

std::optional<AccountRecord> FetchedState::account(const Address& address) {
    if (const auto found = accounts_.find(address); found != accounts_.end()) return found->second;
    auto known = behind_ == nullptr ? std::nullopt : behind_->account(address);
    if (known) put(address, *known);
    return known;
}

std::optional<SlotRecord> FetchedState::slot(const Address& address, const Word& key) {
    if (const auto held = slots_.find(address); held != slots_.end()) {
        if (const auto found = held->second.find(key); found != held->second.end()) return found->second;
    }
    const auto account = accounts_.find(address);
    if (account != accounts_.end() && !account->second.exists) return SlotRecord{};
    const auto known = behind_ == nullptr ? std::nullopt : behind_->slot(address, key);
    if (known) put(address, key, *known);
    return known;
}

std::optional<Hash256> FetchedState::block_hash(std::uint64_t height) {
    if (const auto found = hashes_.find(height); found != hashes_.end()) return found->second;
    const auto known = behind_ == nullptr ? std::nullopt : behind_->block_hash(height);
    if (known) put_block_hash(height, *known);
    return known;
}

void FetchedState::put(const Address& address, AccountRecord record) {
    const std::size_t code = record.code ? record.code->size() : 0;
    if (accounts_.insert_or_assign(address, std::move(record)).second) code_bytes_ += code;
}

void FetchedState::put(const Address& address, const Word& key, SlotRecord record) {
    if (slots_[address].insert_or_assign(key, record).second) ++slot_count_;
}

std::string_view to_string(ReadingEnd end) noexcept {
    switch (end) {
        case ReadingEnd::complete:
            return "complete";
        case ReadingEnd::rounds:
            return "rounds";
        case ReadingEnd::accounts:
            return "accounts";
        case ReadingEnd::slots:
            return "slots";
        case ReadingEnd::code_bytes:
            return "code_bytes";
        case ReadingEnd::work:
            return "work";
        case ReadingEnd::time:
            return "time";
        case ReadingEnd::fetch_failed:
            return "fetch_failed";
    }
    return "unknown";
}

Reading run_and_read(Executor& executor, const Transaction& transaction, const BlockContext& block,
                     const Rules& rules, FetchedState& state, StateFetcher& fetcher,
                     const ReadingBounds& bounds, StateSource* seen, std::stop_token stop) {
    const RunLimits limits{std::chrono::steady_clock::now() + bounds.time, std::move(stop), bounds.work};
    Reading reading;
    if (transaction.gas_limit > bounds.gas) {
        reading.end = ReadingEnd::work;
        return reading;
    }
    Missing missing = named_by(transaction, state);
    while (true) {
        if (limits.are_over()) {
            reading.end = ReadingEnd::time;
            return reading;
        }
        if (!missing.empty()) {
            reading.end =
                reading.rounds >= bounds.rounds ? ReadingEnd::rounds : bound_passed(state, missing, bounds);
            if (reading.end != ReadingEnd::complete) return reading;
            ++reading.rounds;
            if (const Status fetched = fetcher.fetch(missing, state); !fetched) {
                reading.end = ReadingEnd::fetch_failed;
                reading.error = fetched.error();
                return reading;
            }
        }
        if (state.code_bytes() > bounds.code_bytes) {
            reading.end = ReadingEnd::code_bytes;
            return reading;
        }
        reading.outcome = executor.run(transaction, block, seen == nullptr ? state : *seen, rules, limits);
        if (limits.are_over()) {
            reading.end = ReadingEnd::time;
            return reading;
        }
        missing = reading.outcome.missing;
        if (!missing.empty()) continue;
        if (reading.outcome.failure.kind == Failure::too_much_work) {
            reading.end = ReadingEnd::work;
            return reading;
        }
        // State that came from the source behind counts too.
        reading.end = bound_passed(state, missing, bounds);
        return reading;
    }
}

}  // namespace ioswarm::evm
