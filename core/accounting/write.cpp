// SPDX-License-Identifier: Apache-2.0
// The operations that Payroll runs on the ledger's thread, before and after the commit. Only this thread
// changes open_work, so these functions read it without `mutex`.
#include <algorithm>
#include <utility>

#include "core/accounting/impl.hpp"
#include "core/base/decimal.hpp"
#include "core/base/try.hpp"

namespace ioswarm {
namespace {

/// The transaction's identity: the action hash, or the raw id if there is no hash. The same transaction may be
/// in the pool under another raw id, in another envelope.
template <typename T>
const Hash256& key_of(const T& answer) {
    return answer.action_hash ? *answer.action_hash : answer.raw_id;
}

WorkRow work_after(const OpenWork& open_work, const BlockChange& change, const std::string& agent_id) {
    const auto found = open_work.work().find(agent_id);
    WorkRow out = found == open_work.work().end() ? WorkRow{agent_id, 0, 0, 0, 0} : found->second.work;
    if (const auto delta = change.compared.find(agent_id); delta != change.compared.end()) {
        out.compared += delta->second.compared;
        out.correct += delta->second.correct;
    }
    return out;
}

std::vector<WorkRow> all_work_after(const OpenWork& open_work, const BlockChange& change) {
    std::vector<WorkRow> out;
    out.reserve(open_work.work().size() + change.compared.size());
    for (const auto& [agent_id, agent] : open_work.work())
        out.push_back(work_after(open_work, change, agent_id));
    for (const auto& [agent_id, delta] : change.compared) {
        if (!open_work.work().contains(agent_id)) out.push_back(delta);
    }
    return out;
}

}  // namespace

Status Payroll::Impl::write(Submission& submission, LedgerTx& tx) {
    submission.added.clear();
    submission.wallets.clear();
    submission.repeated = 0;
    for (const Answer& answer : submission.answers) {
        if (!stage(answer, submission)) {
            ++submission.repeated;
            continue;
        }
        AnswerRow row = open_work.row_for(answer);
        row.id = next_answer++;
        IOSWARM_DO(tx.add_answer(row));
        IOSWARM_DO(read_wallet(answer.agent_id, submission.wallets, tx));
        submission.added.push_back(std::move(row));
    }
    return {};
}

/// Returns false if this agent's answer to this action is already in the ledger, or is about to be written in
/// the same transaction. An operation may run twice: after a rollback the ledger runs each operation alone. So
/// an entry of this submission in `staged` does not prove that the row was written.
bool Payroll::Impl::stage(const Answer& answer, const Submission& submission) {
    if (open_work.has_answer(answer.raw_id, answer.action_hash, answer.agent_id)) return false;
    std::vector<Staged>& same = staged[key_of(answer)];
    const auto found = std::find_if(same.begin(), same.end(),
                                    [&](const Staged& other) { return other.agent_id == answer.agent_id; });
    if (found == same.end()) {
        same.push_back({answer.agent_id, &submission});
        return true;
    }
    if (found->by != &submission) return false;
    // This submission staged it: the answer is in it twice, or this is the second run of the operation.
    return std::none_of(submission.added.begin(), submission.added.end(), [&](const AnswerRow& row) {
        return key_of(row) == key_of(answer) && row.agent_id == answer.agent_id;
    });
}

void Payroll::Impl::unstage(const Submission& submission) {
    for (const Answer& answer : submission.answers) {
        const auto found = staged.find(key_of(answer));
        if (found == staged.end()) continue;
        std::erase_if(found->second, [&](const Staged& one) { return one.by == &submission; });
        if (found->second.empty()) staged.erase(found);
    }
}

void Payroll::Impl::committed(const Submission& submission) {
    {
        const std::lock_guard locked(mutex);
        counters.answers_repeated.add(submission.repeated);
        for (const AnswerRow& answer : submission.added)
            open_work.apply_answer(answer);
        for (const auto& [agent_id, wallet] : submission.wallets)
            open_work.set_wallet(agent_id, wallet);
    }
    recent_answers.add(judged_late(submission));
}

/// The answers that came after their block and were compared when they were recorded.
RecentAnswers::Judged Payroll::Impl::judged_late(const Submission& submission) const {
    RecentAnswers::Judged out;
    for (const AnswerRow& answer : submission.added) {
        if (answer.late_verdict == AnswerOutcome::none || !answer.action_hash) continue;
        const HeldAction* action = open_work.find(answer.raw_id);
        const std::uint64_t height = action == nullptr ? 0 : action->mined_height.value_or(0);
        out.emplace_back(answer.agent_id, JudgedAnswer{height, unix_ms(clock.wall()), *answer.action_hash,
                                                       answer.valid, answer.late_verdict});
    }
    return out;
}

/// Reports the result to the submitter. This is the last call that a submission makes on this object.
void Payroll::Impl::finish(const Submission& submission, const Status& status) {
    if (submission.done) submission.done(status);
    end();
}

/// Reads the wallet of an agent that has no work in this epoch yet.
Status Payroll::Impl::read_wallet(const std::string& agent_id, Wallets& out, LedgerTx& tx) const {
    if (open_work.work().contains(agent_id) || (!out.empty() && out.back().first == agent_id)) return {};
    IOSWARM_TRY(const auto agent, tx.agent(agent_id));
    out.emplace_back(agent_id, agent ? agent->wallet : std::nullopt);
    return {};
}

bool Payroll::Impl::epoch_due(const LedgerNumbers& numbers) const {
    const std::uint64_t blocks =
        numbers.last_height + 1 - std::min(numbers.epoch_first_height, numbers.last_height);
    return blocks >= rewards.epoch_blocks && elapsed() >= rewards.min_epoch_duration;
}

Status Payroll::Impl::write(const ExecutedBlock& block, std::span<const DispatchedAction> dispatched,
                            BlockOutcome& out, LedgerTx& tx) {
    out = {};
    if (block.height <= open_work.numbers().last_height) {
        out.already_processed = true;
        return {};
    }
    out.change = open_work.change_for(block, dispatched, *forgotten.lock());
    IOSWARM_DO(write_change(out.change, tx));
    for (const auto& [agent_id, delta] : out.change.compared) {
        IOSWARM_DO(read_wallet(agent_id, out.wallets, tx));
    }
    LedgerNumbers numbers = out.change.numbers;
    if (epoch_due(numbers)) {
        IOSWARM_TRY(auto closed, close_epoch(tx, rewards, all_work_after(open_work, out.change), numbers,
                                             unix_ms(clock.wall())));
        out.closed = std::move(closed);
        out.change.numbers = numbers;
    }
    return tx.set_numbers(numbers);
}

Status Payroll::Impl::write_change(const BlockChange& change, LedgerTx& tx) {
    for (const Hash256& raw_id : change.dropped) {
        const HeldAction* action = open_work.find(raw_id);
        if (action == nullptr) continue;
        for (const HeldAnswer& answer : action->answers) {
            IOSWARM_DO(tx.drop_answer(answer.id));
        }
    }
    for (const std::string& agent_id : open_work.worked()) {
        IOSWARM_DO(tx.set_work(work_after(open_work, change, agent_id)));
    }
    for (const auto& [agent_id, delta] : change.compared) {
        if (open_work.worked().contains(agent_id)) continue;
        IOSWARM_DO(tx.set_work(work_after(open_work, change, agent_id)));
    }
    IOSWARM_DO(tx.drop_recent_below(change.drop_recent_below));
    return tx.add_recent_block(change.recent);
}

void Payroll::Impl::committed(const BlockOutcome& outcome) {
    if (outcome.already_processed) return;
    {
        const std::lock_guard locked(mutex);
        open_work.apply_block(outcome.change);
        if (outcome.closed) {
            open_work.start_epoch(outcome.change.numbers);
            if (const auto next = std::exchange(*next_rewards.lock(), std::nullopt)) rewards = *next;
            elapsed_before_start = {};
            epoch_since = clock.steady();
        }
        for (const auto& [agent_id, wallet] : outcome.wallets)
            open_work.set_wallet(agent_id, wallet);
    }
    {
        // Removes the actions whose answers were dropped, and those that were mined. Actions that were added
        // meanwhile stay for the next block.
        auto locked = forgotten.lock();
        std::erase_if(*locked, [&](const Hash256& raw_id) {
            const HeldAction* action = open_work.find(raw_id);
            return action == nullptr || action->mined_height;
        });
    }
    if (outcome.closed) notices.add(outcome.closed->payouts);
    RecentAnswers::Judged judged = outcome.change.judged;
    for (auto& [agent_id, answer] : judged)
        answer.at_ms = unix_ms(clock.wall());
    recent_answers.add(judged);
}

/// Logs the closed epoch and wakes the settler.
void Payroll::Impl::announce(const BlockOutcome& outcome) {
    const EpochRow& epoch = outcome.closed->epoch;
    const std::vector<PayoutRow>& payouts = outcome.closed->payouts;
    log.info(
        "epoch {} closed at block {}: {} tasks, {} agents, {} of {} compared answers correct, {} IOTX accrued "
        "for {} agents",
        epoch.epoch, epoch.last_height, epoch.tasks, epoch.agents, epoch.correct, epoch.compared,
        rau_to_iotx(epoch.pool_rau), payouts.size());
    U256 owed = 0;
    std::size_t without = 0;
    for (const PayoutRow& payout : payouts) {
        if (payout.wallet) continue;
        owed += payout.amount_rau;
        ++without;
    }
    if (settings.rewards.settles_on_chain && without > 0) {
        const bool is_one = without == 1;
        log.warn("epoch {}: {} agent{} named no wallet; {} IOTX stays owed to {}", epoch.epoch, without,
                 is_one ? " has" : "s have", rau_to_iotx(owed), is_one ? "it" : "them");
    }
    if (settler != nullptr) settler->epoch_closed(epoch.epoch);
}

}  // namespace ioswarm
