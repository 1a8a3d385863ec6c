// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/state.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace {

using settlement::IntentState;
using settlement::OwedPayout;
using settlement::PayoutState;

constexpr std::uint64_t kShownEpochs = 10;

using PayoutKey = std::pair<std::uint64_t, std::string>;

void add_owed(const OwedPayout& owed, SettleState& out) {
    if (!owed.wallet) {
        out.no_wallet[owed.agent_id] += owed.amount_rau;
        out.no_wallet_rau += owed.amount_rau;
        if (owed.unusable_wallet) out.unusable_wallets[owed.agent_id] = *owed.unusable_wallet;
        return;
    }
    if (out.owed_payouts++ == 0) out.owed_first = owed.epoch;
    out.owed_last = std::max(out.owed_last, owed.epoch);
    out.owed_rau += owed.amount_rau;
}

}  // namespace

Result<SettleState> read_settle_state(settlement::SettlementView& view, settlement::PayoutSource& payouts,
                                      std::optional<std::uint64_t> epoch) {
    SettleState out;
    // Read the ledger before settlement.db. A payout that is marked as paid between the two reads then still
    // shows up in the second one.
    IOSWARM_TRY(const auto summary_before, view.summary());
    IOSWARM_TRY(auto facts, payouts.read(summary_before.identity.first_epoch));
    settlement::use_payable_wallets(facts.waiting, summary_before.identity.contract);
    IOSWARM_TRY(auto summary, view.summary());
    out.summary = std::move(summary);
    out.running_epoch = facts.next_epoch;
    IOSWARM_TRY(out.under_way, read_under_way(view, out.summary));

    const std::uint64_t newest = facts.next_epoch == 0 ? 0 : facts.next_epoch - 1;
    std::uint64_t shown_from = epoch.value_or(newest < kShownEpochs ? 0 : newest - kShownEpochs + 1);
    const std::uint64_t shown_to = epoch.value_or(newest);
    std::uint64_t read_from = shown_from;
    for (const OwedPayout& owed : facts.waiting)
        read_from = std::min(read_from, owed.epoch);
    IOSWARM_TRY(const auto covered, view.payouts(read_from, std::max(shown_to, newest)));
    std::map<PayoutKey, const PayoutState*> by_key;
    for (const PayoutState& one : covered)
        by_key.emplace(PayoutKey{one.payout.epoch, one.payout.agent_id}, &one);

    for (const OwedPayout& owed : facts.waiting) {
        if (by_key.contains({owed.epoch, owed.agent_id})) continue;
        add_owed(owed, out);
        if (epoch && owed.epoch != *epoch) continue;
        out.table.push_back({owed.epoch, owed.agent_id, owed.wallet, owed.amount_rau,
                             owed.wallet ? "owed" : "no wallet", std::nullopt});
    }
    for (const PayoutState& one : covered) {
        const bool is_shown = one.payout.epoch >= shown_from && one.payout.epoch <= shown_to;
        if (!is_shown && (epoch || one.state == IntentState::final_ok)) continue;
        out.table.push_back({one.payout.epoch, one.payout.agent_id, one.payout.wallet, one.payout.amount_rau,
                             payout_state(one), one.hash});
    }
    std::sort(out.table.begin(), out.table.end(), [](const PayoutLine& a, const PayoutLine& b) {
        return std::tie(a.epoch, a.agent_id) < std::tie(b.epoch, b.agent_id);
    });
    return out;
}

}  // namespace ioswarm::cli
