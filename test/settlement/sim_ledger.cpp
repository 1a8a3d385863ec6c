// SPDX-License-Identifier: Apache-2.0
#include "test/settlement/sim_ledger.hpp"

namespace ioswarm::test {

std::optional<Address> SimLedger::wallet_of(const std::string& agent) const {
    const auto found = wallets_.find(agent);
    if (found == wallets_.end()) return std::nullopt;
    return found->second;
}

std::optional<Address> SimLedger::payee(const Payout& payout) const {
    return payout.wallet ? payout.wallet : wallet_of(payout.agent);
}

Result<settlement::LedgerFacts> SimLedger::read(std::uint64_t first_epoch) {
    if (fault) {
        if (auto error = fault()) return fail(std::move(*error));
    }
    settlement::LedgerFacts out;
    out.chain = chain_;
    out.last_height = height_;
    out.next_epoch = visible();
    for (std::uint64_t epoch = first_epoch; epoch < visible(); ++epoch) {
        const Epoch& row = epochs_[epoch];
        for (const Payout& payout : row.payouts) {
            if (paid_.contains({epoch, payout.agent})) continue;
            settlement::OwedPayout owed;
            owed.epoch = epoch;
            owed.first_height = row.first_height;
            owed.last_height = row.last_height;
            owed.agent_id = payout.agent;
            owed.amount_rau = payout.amount;
            owed.wallet = payee(payout);
            out.waiting.push_back(std::move(owed));
        }
    }
    return out;
}

Result<std::vector<std::optional<U256>>> SimLedger::amounts(
    std::span<const std::pair<std::uint64_t, std::string>> payouts) {
    if (fault) {
        if (auto error = fault()) return fail(std::move(*error));
    }
    std::vector<std::optional<U256>> out;
    for (const auto& [epoch, agent] : payouts) {
        std::optional<U256> amount;
        if (epoch < visible()) {
            for (const Payout& payout : epochs_[epoch].payouts) {
                if (payout.agent == agent) amount = payout.amount;
            }
        }
        out.push_back(amount);
    }
    return out;
}

}  // namespace ioswarm::test
