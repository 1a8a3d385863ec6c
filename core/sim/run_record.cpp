// SPDX-License-Identifier: Apache-2.0
#include "core/sim/run_record.hpp"

#include <algorithm>

#include "core/crypto/keccak.hpp"

namespace ioswarm::sim {
namespace {

std::uint64_t due_height(const PlannedTx& tx) {
    if (tx.fate == Fate::mined) return tx.height;
    if (tx.fate == Fate::forged) return tx.height + kForgedSlots;
    return 0;  // never due
}

}  // namespace

RunRecord::RunRecord(const Scenario* scenario, std::uint32_t agents)
    : scenario_(scenario),
      txs_(scenario == nullptr ? 0 : scenario->transactions().size()),
      agents_(agents),
      answered_(agents) {
    if (scenario_ == nullptr) return;
    unanswered_.resize(scenario_->idle_height() + kForgedSlots + 1);
    for (std::uint64_t height = 0; height < unanswered_.size(); ++height)
        unanswered_[height] = scenario_->due(height).size();
}

std::optional<std::uint32_t> RunRecord::identify(BytesView tx_raw) {
    if (scenario_ == nullptr) return std::nullopt;
    auto place = scenario_->find(keccak256(tx_raw));
    if (!place) ++strangers_;
    return place;
}

void RunRecord::listed(std::uint32_t tx, Clock::Steady now) noexcept {
    txs_[tx].listed_at.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

bool RunRecord::was_listed(std::uint32_t tx) const noexcept {
    return txs_[tx].listed_at.load(std::memory_order_relaxed) != 0;
}

void RunRecord::given_up(const Hash256& raw_id) noexcept {
    if (scenario_ == nullptr) return;
    if (const auto tx = scenario_->find(raw_id)) txs_[*tx].given_up.store(true, std::memory_order_relaxed);
}

void RunRecord::delivered(std::uint32_t agent, std::size_t tasks) {
    ++agents_[agent].batches;
    agents_[agent].tasks += tasks;
}

void RunRecord::computed(std::uint32_t agent, std::chrono::nanoseconds took) {
    agents_[agent].compute_us += static_cast<std::uint64_t>(std::max<std::int64_t>(took.count() / 1000, 0));
}

void RunRecord::submitted(std::uint32_t agent, std::span<const Answered> answers, Outcome outcome,
                          Clock::Steady delivered_at, Clock::Steady now) {
    AgentTally& tally = agents_[agent];
    switch (outcome) {
        case Outcome::accepted:
            agent_latency_.add(now - delivered_at);
            tally.answers += answers.size();
            answers_ += answers.size();
            for (const Answered& answer : answers)
                accept(agent, answer, now);
            return;
        case Outcome::refused_late:
            tally.late += answers.size();
            return;
        case Outcome::refused:
        case Outcome::rate_limited:
            tally.refused += answers.size();
            return;
        case Outcome::unknown:
            tally.unknown += answers.size();
            for (const Answered& answer : answers)
                if (answer.tx) ++txs_[*answer.tx].unknown;
            return;
    }
}

void RunRecord::accept(std::uint32_t agent, const Answered& answer, Clock::Steady now) {
    if (!answer.tx) return;
    const PlannedTx& planned = scenario_->transactions()[*answer.tx];
    Tx& tx = txs_[*answer.tx];
    answered_[agent].push_back(*answer.tx);
    if (answer.valid != (answer.executed ? planned.executed_valid : planned.answered_valid)) ++unlike_rules_;
    if (planned.fate == Fate::mined) {
        ++agents_[agent].compared;
        if (planned.is_right(answer.executed, answer.valid)) ++agents_[agent].correct;
        if (answer.executed) count_execution(planned, answer);
    }
    const auto listed_at = tx.listed_at.load(std::memory_order_relaxed);
    if (listed_at != 0) task_latency_.add(now.time_since_epoch() - Clock::Steady::duration(listed_at));
    if (answer.valid) ++tx.valid;
    const std::uint32_t answers = ++tx.answers;
    if (answers > scenario_->redundancy()) ++accepted_beyond_;
    const std::uint64_t height = due_height(planned);
    if (answers != scenario_->redundancy() || height == 0) return;
    const std::lock_guard lock(mutex_);
    if (--unanswered_[height] == 0) answered_all_.notify_all();
}

void RunRecord::count_execution(const PlannedTx& planned, const Answered& answer) {
    ++executed_;
    if (answer.has_gas) ++gas_told_;
    if (answer.has_gas && planned.wrong_gas) ++wrong_gas_;
    if (planned.wrong_state) ++wrong_state_;
    if (answer.valid == planned.runs_well && planned.runs_well == planned.failed) ++unlike_receipt_;
}

void RunRecord::second_submission(Outcome outcome) {
    ++(outcome == Outcome::accepted ? second_accepted_ : second_refused_);
}

void RunRecord::foreign_submission(Outcome outcome) {
    ++(outcome == Outcome::accepted ? foreign_accepted_ : foreign_refused_);
}

void RunRecord::vanished() {
    ++vanished_;
}

void RunRecord::returned() {
    ++returned_;
}

void RunRecord::unreadable() {
    ++unreadable_;
}

void RunRecord::paid() {
    ++payouts_;
}

std::uint64_t RunRecord::unanswered(std::uint64_t height) const {
    const std::lock_guard lock(mutex_);
    return height < unanswered_.size() ? unanswered_[height] : 0;
}

bool RunRecord::is_accounted_for(const Tx& tx) const noexcept {
    const std::uint32_t answers = std::uint32_t{tx.answers} + tx.unknown;
    return answers >= scenario_->redundancy() || tx.given_up;
}

std::uint64_t RunRecord::owed(std::uint64_t height) const {
    std::uint64_t out = 0;
    for (std::uint64_t due = scenario_->first_height(); due <= height; ++due) {
        if (unanswered(due) == 0) continue;
        for (const std::uint32_t tx : scenario_->due(due)) {
            if (!is_accounted_for(txs_[tx])) ++out;
        }
    }
    return out;
}

bool RunRecord::wait_answered(std::uint64_t height, Clock::Steady until, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (height >= unanswered_.size()) return true;
    return answered_all_.wait_until(lock, stop, until, [&] { return unanswered_[height] == 0; });
}

std::uint32_t RunRecord::answers_to(std::uint32_t tx) const noexcept {
    return txs_[tx].answers.load(std::memory_order_relaxed);
}

RunTotals RunRecord::totals() const {
    RunTotals out;
    for (const AgentTally& agent : agents_) {
        out.batches += agent.batches;
        out.tasks += agent.tasks;
        out.answers += agent.answers;
        out.compared += agent.compared;
        out.correct += agent.correct;
        out.late += agent.late;
        out.refused += agent.refused;
        out.unknown += agent.unknown;
        out.compute_us += agent.compute_us;
    }
    out.abandoned = out.tasks - out.answers - out.late - out.refused - out.unknown;
    out.payouts = payouts_;
    out.executed = executed_;
    out.gas_told = gas_told_;
    out.wrong_gas = wrong_gas_;
    out.wrong_state = wrong_state_;
    out.unlike_receipt = unlike_receipt_;
    for (std::vector<std::uint32_t> places : answered_) {
        std::sort(places.begin(), places.end());
        out.accepted_twice +=
            static_cast<std::uint64_t>(places.end() - std::unique(places.begin(), places.end()));
    }
    out.strangers = strangers_;
    out.unlike_rules = unlike_rules_;
    out.accepted_beyond = accepted_beyond_;
    out.second_refused = second_refused_;
    out.second_accepted = second_accepted_;
    out.foreign_refused = foreign_refused_;
    out.foreign_accepted = foreign_accepted_;
    out.vanished = vanished_;
    out.returned = returned_;
    out.unreadable = unreadable_;
    return out;
}

TxTotals RunRecord::transactions() const {
    TxTotals out;
    if (scenario_ == nullptr) return out;
    for (std::size_t i = 0; i < txs_.size(); ++i) {
        const PlannedTx& planned = scenario_->transactions()[i];
        if (planned.fate == Fate::forged && txs_[i].answers > 0)
            ++(txs_[i].valid > 0 ? out.forged_accepted : out.forged_rejected);
        if (txs_[i].answers >= scenario_->redundancy()) {
            ++out.answered;
            continue;
        }
        if (planned.fate != Fate::mined && planned.fate != Fate::forged) {
            ++out.left_unanswered;
            continue;
        }
        ++(planned.fate == Fate::mined ? out.mined_unanswered : out.forged_unanswered);
        if (is_accounted_for(txs_[i])) continue;
        ++out.lost;
        if (!out.first_lost) out.first_lost = static_cast<std::uint32_t>(i);
    }
    return out;
}

}  // namespace ioswarm::sim
