// SPDX-License-Identifier: Apache-2.0
// The part of LedgerTx that lasts: agents with their wallets, closed epochs and their payouts.
#include <algorithm>
#include <string>
#include <vector>

#include "core/base/try.hpp"
#include "core/ledger/ledger_statements.hpp"
#include "core/ledger/row_hash.hpp"
#include "core/ledger/shared_queries.hpp"

namespace ioswarm {
namespace {

using sqlite::Statement;

Hash256 hash_of(const EpochRow& epoch, std::span<const PayoutRow> payouts) {
    std::vector<const PayoutRow*> by_agent;
    by_agent.reserve(payouts.size());
    for (const PayoutRow& payout : payouts)
        by_agent.push_back(&payout);
    std::ranges::sort(by_agent, {}, [](const PayoutRow* one) -> const std::string& { return one->agent_id; });
    PayoutsHash hash;
    for (const PayoutRow* const one : by_agent)
        hash.add({one->agent_id, one->amount_rau, one->wallet, one->notice == PayoutNotice::waiting});
    return epoch_hash({epoch.epoch, epoch.first_height, epoch.last_height, epoch.pool_rau}, hash.finish());
}

}  // namespace

Result<std::optional<AgentRow>> LedgerTx::agent(std::string_view agent_id) {
    return read_agent(statements_->agent, agent_id, database_.file());
}

Status LedgerTx::set_agent(const AgentRow& agent) {
    const std::string earned = to_decimal(agent.earned_rau);
    Statement& set = statements_->set_agent;
    set.bind_text(1, agent.agent_id);
    bind_optional(set, 2, agent.wallet);
    bind_optional(set, 3, agent.next_wallet);
    const auto hash = wallet_hash(agent.agent_id, agent.wallet);
    const auto next_hash = wallet_hash(agent.agent_id, agent.next_wallet);
    bind_optional(set, 8, hash);
    bind_optional(set, 9, next_hash);
    return set.bind_u64(4, agent.tasks)
        .bind_u64(5, agent.compared)
        .bind_u64(6, agent.correct)
        .bind_text(7, earned)
        .run();
}

Status LedgerTx::promote_wallets() {
    return statements_->promote_wallets.run();
}

Status LedgerTx::add_wallet_change(const WalletChangeRow& change) {
    Statement& add = statements_->add_wallet_change;
    add.bind_text(1, change.agent_id);
    bind_optional(add, 2, change.before);
    add.bind_blob(3, change.after.view()).bind(4, change.at_ms).bind_u64(5, change.from_epoch);
    IOSWARM_DO(add.run());
    return statements_->trim_wallet_changes.bind_text(1, change.agent_id).run();
}

Status LedgerTx::add_epoch(const EpochRow& epoch, std::span<const PayoutRow> payouts) {
    const Hash256 hash = hash_of(epoch, payouts);
    const std::string reward = to_decimal(epoch.reward_rau);
    const std::string cut = to_decimal(epoch.cut_rau);
    const std::string pool = to_decimal(epoch.pool_rau);
    IOSWARM_DO(statements_->add_epoch.bind_u64(1, epoch.epoch)
                   .bind_u64(2, epoch.first_height)
                   .bind_u64(3, epoch.last_height)
                   .bind(4, epoch.started_ms)
                   .bind(5, epoch.ended_ms)
                   .bind_text(6, reward)
                   .bind_text(7, cut)
                   .bind_text(8, pool)
                   .bind_u64(9, epoch.agents)
                   .bind_u64(10, epoch.tasks)
                   .bind_u64(11, epoch.compared)
                   .bind_u64(12, epoch.correct)
                   .bind_blob(13, hash.view())
                   .run());
    for (const PayoutRow& payout : payouts) {
        if (payout.epoch != epoch.epoch) {
            return fail(ErrorCode::invalid_argument, "cannot close an epoch", std::to_string(epoch.epoch),
                        "a payout belongs to another epoch");
        }
        IOSWARM_DO(add_payout(payout));
    }
    return {};
}

Status LedgerTx::add_payout(const PayoutRow& payout) {
    const std::string amount = to_decimal(payout.amount_rau);
    const std::string weight = to_decimal(payout.weight);
    Statement& add = statements_->add_payout;
    add.bind_u64(1, payout.epoch)
        .bind_text(2, payout.agent_id)
        .bind_text(3, amount)
        .bind_text(4, weight)
        .bind_u64(5, payout.tasks)
        .bind_u64(6, payout.compared)
        .bind_u64(7, payout.correct)
        .bind(8, payout.rank)
        .bind(9, payout.paid_agents)
        .bind(10, payout.bonus ? 1 : 0);
    bind_optional(add, 11, payout.wallet);
    if (payout.notice == PayoutNotice::waiting) {
        add.bind(13, 0);
    } else {
        add.bind_null(13);
    }
    return add.bind(12, static_cast<std::int64_t>(payout.notice)).run();
}

Result<bool> LedgerTx::mark_notice_sent(std::uint64_t epoch, std::string_view agent_id) {
    IOSWARM_DO(statements_->mark_notice.bind_u64(1, epoch).bind_text(2, agent_id).run());
    return database_.changes() > 0;
}

Result<bool> LedgerTx::mark_notice_due(std::uint64_t epoch, std::string_view agent_id) {
    IOSWARM_DO(statements_->mark_due.bind_u64(1, epoch).bind_text(2, agent_id).run());
    return database_.changes() > 0;
}

Status LedgerTx::drop_epochs_below(std::uint64_t epoch) {
    IOSWARM_DO(statements_->drop_epochs.bind_u64(1, epoch).run());
    return statements_->drop_payouts.bind_u64(1, epoch).run();
}

}  // namespace ioswarm
