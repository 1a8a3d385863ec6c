// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/payout_notices.hpp"

#include "core/base/decimal.hpp"

namespace ioswarm {
namespace {

constexpr std::uint32_t kReadAtOnce = 64;

}  // namespace

std::optional<PayoutInfo> PayoutNotices::take(const std::string& agent_id) {
    for (;;) {
        std::optional<Due> due = next(agent_id);
        if (!due) return std::nullopt;
        bool marked = false;
        const Status status = ledger_.run([&](LedgerTx& ledger) -> Status {
            const auto sent = ledger.mark_notice_sent(due->epoch, agent_id);
            if (!sent) return fail(sent.error());
            marked = *sent;
            return {};
        });
        if (!status) {
            give_back(agent_id, *due);
            return std::nullopt;
        }
        if (marked) return due->info;
        // Another heartbeat of this agent was quicker.
    }
}

void PayoutNotices::add(const std::vector<PayoutRow>& payouts) {
    auto by_agent = by_agent_.lock();
    for (const PayoutRow& payout : payouts) {
        if (payout.notice != PayoutNotice::due) continue;
        const auto found = by_agent->find(payout.agent_id);
        if (found == by_agent->end()) continue;  // read from the ledger when it asks
        // An agent that asked between the commit and this call has it already.
        if (found->second.empty() || found->second.back().epoch < payout.epoch)
            found->second.push_back(due_of(payout));
    }
}

PayoutNotices::Due PayoutNotices::due_of(const PayoutRow& payout) {
    return {payout.epoch,
            {payout.epoch, rau_to_iotx_double(payout.amount_rau), static_cast<std::int32_t>(payout.rank),
             static_cast<std::int32_t>(payout.paid_agents)}};
}

std::optional<PayoutNotices::Due> PayoutNotices::next(const std::string& agent_id) {
    // The lock is held while the ledger is read, so that add() comes either before the read or after the
    // insertion.
    auto by_agent = by_agent_.lock();
    auto found = by_agent->find(agent_id);
    if (found == by_agent->end()) {
        const auto rows = ledger_.due_payouts(agent_id, kReadAtOnce);
        if (!rows) return std::nullopt;
        if (by_agent->size() >= kMaxAgents) by_agent->clear();
        found = by_agent->try_emplace(agent_id).first;
        for (const PayoutRow& row : *rows)
            found->second.push_back(due_of(row));
    }
    if (found->second.empty()) return std::nullopt;
    const Due due = found->second.front();
    found->second.pop_front();
    // The last one of a full page: there may be more in the ledger, which the next call then reads.
    if (found->second.empty()) by_agent->erase(found);
    return due;
}

void PayoutNotices::give_back(const std::string& agent_id, const Due& due) {
    auto by_agent = by_agent_.lock();
    const auto found = by_agent->find(agent_id);
    // Without an entry the ledger is read again, which still has it as due.
    if (found != by_agent->end()) found->second.push_front(due);
}

}  // namespace ioswarm
