// SPDX-License-Identifier: Apache-2.0
#include "core/accounting/open_work.hpp"

#include <algorithm>

namespace ioswarm {
namespace {

/// The largest latency that is counted, about 71 minutes. It keeps sums of latencies far below 2^63, whatever
/// the caller passes.
constexpr std::uint64_t kMaxLatencyUs = std::uint64_t{1} << 32;

void add_work(const WorkRow& delta, WorkRow& work) {
    work.tasks += delta.tasks;
    work.compared += delta.compared;
    work.correct += delta.correct;
    work.latency_us += delta.latency_us;
}

/// The agent may have copied the receipt if it answered when the block was already known. A match does not
/// count then.
bool is_possible_copy(bool executed, std::uint64_t known_height, std::uint64_t mined_height) {
    return executed && known_height >= mined_height;
}

}  // namespace

OpenWork::OpenWork(const LedgerState& state, bool shadow_mode, std::uint64_t late_blocks)
    : shadow_mode_(shadow_mode),
      late_blocks_(late_blocks),
      numbers_(state.numbers),
      last_answer_(state.numbers.counted_answers) {
    for (const RecentBlockRow& block : state.recent)
        remember(block);
    for (const WorkRow& work : state.work)
        add(work);
    for (const AnswerRow& answer : state.answers) {
        // No action hash is passed, so only a second answer to the same raw id is skipped. Two answers to one
        // transaction under two raw ids were both paid by earlier versions, so both are kept.
        if (has_answer(answer.raw_id, {}, answer.agent_id)) continue;
        hold(answer);
        if (answer.id <= state.numbers.counted_answers) continue;
        count_work(answer);
        worked_.insert(answer.agent_id);
    }
    std::sort(mined_.begin(), mined_.end());
}

AnswerRow OpenWork::row_for(const Answer& answer) const {
    AnswerRow out;
    out.raw_id = answer.raw_id;
    out.agent_id = answer.agent_id;
    out.action_hash = answer.action_hash;
    out.sender = answer.sender;
    out.valid = answer.valid;
    out.has_reject_reason = answer.has_reject_reason;
    out.executed = answer.executed;
    out.own_word = !shadow_mode_;
    out.latency_us = std::min(answer.latency_us, kMaxLatencyUs);
    out.known_height = answer.known_height;
    out.run = answer.run;
    if (!shadow_mode_ || !answer.action_hash) return out;
    const auto mined = recent_actions_.find(*answer.action_hash);
    if (mined == recent_actions_.end()) return out;
    out.late_verdict = judge({answer.valid, answer.has_reject_reason, answer.executed, answer.run},
                             mined->second.succeeded, sender_succeeded(mined->second.height, answer.sender));
    if (is_match(out.late_verdict) &&
        is_possible_copy(answer.executed, answer.known_height, mined->second.height))
        out.late_verdict = AnswerOutcome::none;
    return out;
}

BlockChange OpenWork::change_for(const ExecutedBlock& block, std::span<const DispatchedAction> dispatched,
                                 const std::unordered_set<Hash256, FixedBytesHash>& forgotten) const {
    BlockChange out;
    out.recent.height = block.height;
    out.numbers = numbers_;
    out.numbers.last_height = block.height;
    out.numbers.counted_answers = last_answer_;
    if (out.numbers.epoch_first_height == 0) out.numbers.epoch_first_height = block.height;
    std::unordered_set<Hash256, FixedBytesHash> succeeded;
    std::unordered_set<Hash256, FixedBytesHash> mined;
    std::vector<std::pair<const HeldAction*, bool>> mined_answered;
    for (const Receipt& receipt : block.receipts) {
        const bool good = receipt.status == kReceiptSuccess;
        if (out.recent.actions.size() < kMaxRecentActions)
            out.recent.actions.push_back({receipt.action_hash, good});
        if (good) succeeded.insert(receipt.action_hash);
        const auto found = by_hash_.find(receipt.action_hash);
        if (found == by_hash_.end()) continue;
        for (const Hash256& raw_id : found->second) {
            const HeldAction& action = actions_.at(raw_id);
            if (action.mined_height || !mined.insert(raw_id).second) continue;
            out.mined.push_back(raw_id);
            mined_answered.emplace_back(&action, good);
        }
    }

    std::unordered_set<Address, FixedBytesHash> senders;
    for (const auto& [action, good] : mined_answered) {
        if (good) senders.insert(action->sender);
    }
    for (const DispatchedAction& action : dispatched) {
        if (succeeded.contains(action.action_hash)) senders.insert(action.sender);
    }
    out.recent.senders_succeeded.assign(senders.begin(), senders.end());
    for (const auto& [action, good] : mined_answered)
        compare(*action, good, senders.contains(action->sender), out);

    out.drop_recent_below = recent_floor(block.height, out.recent.actions.size());
    for (const auto& [height, raw_id] : mined_) {
        if (height + late_blocks_ >= block.height) break;
        out.dropped.push_back(raw_id);
    }
    for (const Hash256& raw_id : forgotten) {
        const HeldAction* action = find(raw_id);
        if (action == nullptr || action->mined_height || mined.contains(raw_id)) continue;
        out.dropped.push_back(raw_id);
    }
    return out;
}

void OpenWork::compare(const HeldAction& action, bool succeeded, bool sender_succeeded,
                       BlockChange& change) const {
    if (!shadow_mode_) return;
    for (const HeldAnswer& answer : action.answers) {
        if (answer.is_decided) continue;
        const AnswerOutcome outcome = judge(
            {answer.valid, answer.has_reject_reason, answer.executed, answer.run}, succeeded, sender_succeeded);
        if (is_match(outcome) && is_possible_copy(answer.executed, answer.known_height, change.recent.height))
            continue;
        WorkRow& work = change.compared[answer.agent_id];
        work.agent_id = answer.agent_id;
        work.compared += 1;
        if (is_match(outcome)) ++work.correct;
        count(outcome, answer.run, change.numbers);
        change.judged.emplace_back(answer.agent_id,
                                   JudgedAnswer{change.recent.height, 0, action.action_hash.value_or(Hash256{}),
                                                answer.valid, outcome});
    }
}

/// The lowest height that is still remembered after a block with `new_actions` actions is added.
std::uint64_t OpenWork::recent_floor(std::uint64_t height, std::size_t new_actions) const {
    std::uint64_t floor = height > late_blocks_ ? height - late_blocks_ : 0;
    std::size_t total = recent_actions_.size() + new_actions;
    for (const RecentBlock& block : recent_) {
        if (block.height >= floor && total <= kMaxRecentActions) break;
        total -= std::min(total, block.hashes.size());
        floor = std::max(floor, block.height + 1);
    }
    return floor;
}

void OpenWork::apply_answer(const AnswerRow& answer) {
    hold(answer);
    count_work(answer);
    worked_.insert(answer.agent_id);
}

void OpenWork::apply_block(const BlockChange& change) {
    for (const Hash256& raw_id : change.mined) {
        HeldAction& action = actions_.at(raw_id);
        action.mined_height = change.recent.height;
        for (HeldAnswer& answer : action.answers)
            answer.is_decided = true;
        mined_.emplace_back(change.recent.height, raw_id);
    }
    for (const Hash256& raw_id : change.dropped)
        drop(raw_id);
    while (!mined_.empty() && mined_.front().first + late_blocks_ < change.recent.height)
        mined_.pop_front();
    while (!recent_.empty() && recent_.front().height < change.drop_recent_below) {
        for (const Hash256& hash : recent_.front().hashes)
            recent_actions_.erase(hash);
        recent_.pop_front();
    }
    remember(change.recent);
    for (const auto& [agent_id, work] : change.compared)
        add(work);
    worked_.clear();
    numbers_ = change.numbers;
}

void OpenWork::start_epoch(const LedgerNumbers& numbers) {
    work_.clear();
    sum_ = {};
    numbers_ = numbers;
}

void OpenWork::set_wallet(const std::string& agent_id, const std::optional<Address>& wallet) {
    const auto found = work_.find(agent_id);
    if (found != work_.end()) found->second.wallet = wallet;
}

const HeldAction* OpenWork::find(const Hash256& raw_id) const {
    const auto found = actions_.find(raw_id);
    return found == actions_.end() ? nullptr : &found->second;
}

bool OpenWork::has_answer(const Hash256& raw_id, const std::optional<Hash256>& action_hash,
                          std::string_view agent_id) const {
    const auto answered = [&](const Hash256& id) {
        const HeldAction* action = find(id);
        return action != nullptr &&
               std::any_of(action->answers.begin(), action->answers.end(),
                           [&](const HeldAnswer& answer) { return answer.agent_id == agent_id; });
    };
    if (answered(raw_id)) return true;
    const auto same = action_hash ? by_hash_.find(*action_hash) : by_hash_.end();
    return same != by_hash_.end() && std::any_of(same->second.begin(), same->second.end(), answered);
}

std::vector<MinedBlock> OpenWork::recent_blocks() const {
    std::vector<MinedBlock> out;
    out.reserve(recent_.size());
    for (const RecentBlock& block : recent_)
        out.push_back({block.height, block.hashes});
    return out;
}

void OpenWork::hold(const AnswerRow& answer) {
    last_answer_ = std::max(last_answer_, answer.id);
    ++held_answers_;
    auto [at, is_new] = actions_.try_emplace(answer.raw_id);
    HeldAction& action = at->second;
    if (is_new) {
        action.action_hash = answer.action_hash;
        action.sender = answer.sender;
        const auto mined =
            answer.action_hash ? recent_actions_.find(*answer.action_hash) : recent_actions_.end();
        if (mined != recent_actions_.end()) {
            action.mined_height = mined->second.height;
            mined_.emplace_back(mined->second.height, answer.raw_id);
        }
        if (answer.action_hash) by_hash_[*answer.action_hash].push_back(answer.raw_id);
    }
    action.answers.push_back({answer.id, answer.agent_id, answer.valid, answer.has_reject_reason,
                              answer.executed, answer.own_word || action.mined_height.has_value(),
                              answer.known_height, answer.run});
}

void OpenWork::drop(const Hash256& raw_id) {
    const auto found = actions_.find(raw_id);
    if (found == actions_.end()) return;
    unlink(found->second, raw_id);
    held_answers_ -= found->second.answers.size();
    actions_.erase(found);
}

void OpenWork::unlink(const HeldAction& action, const Hash256& raw_id) {
    if (!action.action_hash) return;
    const auto found = by_hash_.find(*action.action_hash);
    if (found == by_hash_.end()) return;
    std::erase(found->second, raw_id);
    if (found->second.empty()) by_hash_.erase(found);
}

void OpenWork::remember(const RecentBlockRow& block) {
    RecentBlock out;
    out.height = block.height;
    out.hashes.reserve(block.actions.size());
    for (const MinedAction& action : block.actions) {
        // An action may appear twice, in one block or in two. The first appearance counts, as it does for
        // answers that were recorded before the block.
        if (!recent_actions_.try_emplace(action.action_hash, Mined{block.height, action.succeeded}).second)
            continue;
        out.hashes.push_back(action.action_hash);
    }
    out.senders_succeeded.insert(block.senders_succeeded.begin(), block.senders_succeeded.end());
    recent_.push_back(std::move(out));
}

/// Adds what this answer contributes to its agent's work when it is recorded. Without shadow mode (own_word)
/// the agent's own verdict counts.
void OpenWork::count_work(const AnswerRow& answer) {
    WorkRow delta{answer.agent_id, 1, 0, 0, answer.latency_us};
    if (answer.own_word) {
        delta.compared = 1;
        delta.correct = answer.valid ? 1 : 0;
    } else if (answer.late_verdict != AnswerOutcome::none) {
        delta.compared = 1;
        delta.correct = is_match(answer.late_verdict) ? 1 : 0;
        count(answer.late_verdict, answer.run, numbers_);
    }
    add(delta);
}

void OpenWork::add(const WorkRow& delta) {
    AgentAtWork& agent = work_[delta.agent_id];
    agent.work.agent_id = delta.agent_id;
    add_work(delta, agent.work);
    add_work(delta, sum_);
}

bool OpenWork::sender_succeeded(std::uint64_t height, const Address& sender) const {
    const auto at =
        std::lower_bound(recent_.begin(), recent_.end(), height,
                         [](const RecentBlock& block, std::uint64_t wanted) { return block.height < wanted; });
    return at != recent_.end() && at->height == height && at->senders_succeeded.contains(sender);
}

}  // namespace ioswarm
