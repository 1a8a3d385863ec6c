// SPDX-License-Identifier: Apache-2.0
#include "core/accounting/epoch_close.hpp"

#include <string>
#include <unordered_map>
#include <utility>

#include "core/accounting/rewards.hpp"
#include "core/base/try.hpp"

namespace ioswarm {
namespace {

PayoutRow payout_of(const EpochShare& share, const WorkRow& work, std::uint64_t epoch, std::size_t paid) {
    PayoutRow out;
    out.epoch = epoch;
    out.agent_id = share.agent_id;
    out.amount_rau = share.amount_rau;
    out.weight = share.weight;
    out.tasks = work.tasks;
    out.compared = work.compared;
    out.correct = work.correct;
    out.rank = share.rank;
    out.paid_agents = static_cast<std::uint32_t>(paid);
    out.bonus = share.bonus;
    return out;
}

/// Adds this epoch to the agent's lifetime totals. Creates the agent's row if this is its first epoch.
Result<AgentRow> add_to_agent(LedgerTx& ledger, const WorkRow& work, const U256& amount) {
    IOSWARM_TRY(auto found, ledger.agent(work.agent_id));
    AgentRow agent = found ? std::move(*found) : AgentRow{};
    agent.agent_id = work.agent_id;
    agent.tasks += work.tasks;
    agent.compared += work.compared;
    agent.correct += work.correct;
    agent.earned_rau += amount;
    IOSWARM_DO(ledger.set_agent(agent));
    return agent;
}

}  // namespace

Result<ClosedEpoch> close_epoch(LedgerTx& ledger, const RewardSettings& settings,
                                const std::vector<WorkRow>& work, LedgerNumbers& numbers, std::int64_t now_ms) {
    std::vector<EpochWork> input;
    std::unordered_map<std::string, const WorkRow*> by_agent;
    ClosedEpoch out;
    for (const WorkRow& row : work) {
        input.push_back({row.agent_id, row.tasks, row.compared, row.correct});
        by_agent.emplace(row.agent_id, &row);
        if (row.tasks > 0) ++out.epoch.agents;
        out.epoch.tasks += row.tasks;
        out.epoch.compared += row.compared;
        out.epoch.correct += row.correct;
    }
    const EpochShares shares = share_out(settings, input);
    out.epoch.epoch = numbers.epoch;
    out.epoch.first_height = numbers.epoch_first_height;
    out.epoch.last_height = numbers.last_height;
    out.epoch.started_ms = numbers.epoch_started_ms;
    out.epoch.ended_ms = now_ms;
    if (!shares.shares.empty()) {
        out.epoch.reward_rau = shares.reward_rau;
        out.epoch.cut_rau = shares.cut_rau;
        out.epoch.pool_rau = shares.pool_rau;
    }
    for (const EpochShare& share : shares.shares) {
        const WorkRow& row = *by_agent.at(share.agent_id);
        IOSWARM_TRY(auto agent, add_to_agent(ledger, row, share.amount_rau));
        by_agent.erase(share.agent_id);
        PayoutRow payout = payout_of(share, row, numbers.epoch, shares.shares.size());
        payout.wallet = agent.wallet;
        // A share of 0 needs no transfer, so its notice need not wait for one.
        const bool waits = settings.settles_on_chain && payout.amount_rau != 0;
        payout.notice = waits ? PayoutNotice::waiting : PayoutNotice::due;
        out.payouts.push_back(std::move(payout));
    }
    IOSWARM_DO(ledger.add_epoch(out.epoch, out.payouts));
    for (const auto& [agent_id, row] : by_agent) {
        IOSWARM_DO(add_to_agent(ledger, *row, 0));
    }

    IOSWARM_DO(ledger.clear_work());
    IOSWARM_DO(ledger.promote_wallets());
    numbers.closed_tasks += out.epoch.tasks;
    numbers.epoch += 1;
    numbers.epoch_first_height = numbers.last_height + 1;
    numbers.epoch_started_ms = now_ms;
    if (numbers.epoch > kKeptEpochs) {
        IOSWARM_DO(ledger.drop_epochs_below(numbers.epoch - kKeptEpochs));
    }
    return out;
}

}  // namespace ioswarm
