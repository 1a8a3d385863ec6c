// SPDX-License-Identifier: Apache-2.0
#include "core/accounting/payroll.hpp"

#include <algorithm>
#include <utility>

#include "core/accounting/impl.hpp"
#include "core/base/try.hpp"

namespace ioswarm {
namespace {

constexpr std::uint32_t kHistoryEpochs = 1000;  // the most epochs in one answer of rewards()
constexpr std::chrono::seconds kMarkInterval{1};

}  // namespace

Result<std::unique_ptr<Payroll>> Payroll::open(Ledger& ledger, const CoordinatorSettings& settings,
                                               const Clock& clock, RewardSettler* settler, Log log) {
    LedgerState state;
    Impl::Wallets wallets;
    const Status loaded = ledger.run([&](LedgerTx& tx) -> Status {
        IOSWARM_TRY(auto all, tx.load());
        state = std::move(all);
        if (state.numbers.epoch_started_ms == 0) {
            state.numbers.epoch_started_ms = unix_ms(clock.wall());
            IOSWARM_DO(tx.set_numbers(state.numbers));
        }
        return {};
    });
    if (!loaded) return fail(loaded.error());
    auto impl = std::make_unique<Impl>(ledger, settings, clock, settler, std::move(log), state);
    IOSWARM_DO(ledger.run([&](LedgerTx& tx) -> Status {
        wallets.clear();
        for (const auto& [agent_id, agent] : impl->open_work.work()) {
            IOSWARM_TRY(const auto row, tx.agent(agent_id));
            if (row) wallets.emplace_back(agent_id, row->wallet);
        }
        return {};
    }));
    for (const auto& [agent_id, wallet] : wallets)
        impl->open_work.set_wallet(agent_id, wallet);
    impl->worker.emplace(kMarkInterval, [raw = impl.get()] { raw->mark_next_notices_sent(); });
    return std::unique_ptr<Payroll>(new Payroll(std::move(impl)));
}

Payroll::Payroll(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Payroll::~Payroll() {
    // Runs the jobs that still wait. After reset() only the ledger's thread uses this object.
    impl_->worker.reset();
    // Notices that cannot be marked are sent once more after the restart.
    static_cast<void>(mark_notices_sent());
    std::unique_lock locked(impl_->pending_mutex);
    impl_->none_pending.wait(locked, [&] { return impl_->pending_count == 0; });
}

void Payroll::record(std::vector<Answer> answers, std::function<void(Status)> done) {
    auto submission = std::make_shared<Impl::Submission>();
    submission->answers = std::move(answers);
    submission->done = std::move(done);
    impl_->begin();
    const Status taken = impl_->ledger.submit(
        {[impl = impl_.get(), submission](LedgerTx& tx) { return impl->write(*submission, tx); },
         [impl = impl_.get(), submission](const Status& status) {
             impl->unstage(*submission);
             if (status) impl->committed(*submission);
             impl->finish(*submission, status);
         },
         false});
    // The ledger refused the operation, so write() never ran and nothing has to be unstaged. (Only the ledger's
    // thread may touch `staged`.)
    if (!taken) impl_->finish(*submission, taken);
}

Status Payroll::on_block(const ExecutedBlock& block, std::span<const DispatchedAction> dispatched) {
    if (block.height <= last_height()) return {};
    Impl::BlockOutcome outcome;
    Status status =
        impl_->ledger.run([&](LedgerTx& tx) { return impl_->write(block, dispatched, outcome, tx); },
                          [&] { impl_->committed(outcome); }, true);
    if (status && outcome.closed) impl_->announce(outcome);
    return status;
}

void Payroll::forget(const std::vector<Hash256>& raw_ids) {
    std::vector<Hash256> held;
    {
        const std::lock_guard locked(impl_->mutex);
        for (const Hash256& raw_id : raw_ids) {
            if (impl_->open_work.find(raw_id) != nullptr) held.push_back(raw_id);
        }
    }
    impl_->forgotten.lock()->insert(held.begin(), held.end());
}

std::uint64_t Payroll::last_height() const {
    const std::lock_guard locked(impl_->mutex);
    return impl_->open_work.numbers().last_height;
}

std::vector<OpenAnswers> Payroll::open_answers() const {
    const std::lock_guard locked(impl_->mutex);
    std::vector<OpenAnswers> out;
    for (const auto& [raw_id, action] : impl_->open_work.actions()) {
        if (action.mined_height) continue;
        out.push_back({raw_id, action.action_hash, static_cast<std::uint32_t>(action.answers.size())});
    }
    return out;
}

std::vector<MinedBlock> Payroll::recent_blocks() const {
    const std::lock_guard locked(impl_->mutex);
    return impl_->open_work.recent_blocks();
}

std::vector<std::string> Payroll::answered_by(const Hash256& raw_id) const {
    const std::lock_guard locked(impl_->mutex);
    std::vector<std::string> out;
    const HeldAction* action = impl_->open_work.find(raw_id);
    if (action == nullptr || action->mined_height) return out;
    for (const HeldAnswer& answer : action->answers)
        out.push_back(answer.agent_id);
    return out;
}

Result<std::uint64_t> Payroll::reserve_ids(std::uint64_t count) {
    if (count == 0) return fail(ErrorCode::invalid_argument, "cannot reserve ids", {}, "none asked for");
    std::uint64_t first = 0;
    IOSWARM_DO(impl_->ledger.run([&](LedgerTx& tx) -> Status {
        IOSWARM_TRY(const auto reserved, tx.reserve_ids(count));
        first = reserved;
        return {};
    }));
    return first;
}

ShadowTotals Payroll::shadow() const {
    const std::lock_guard locked(impl_->mutex);
    const LedgerNumbers& numbers = impl_->open_work.numbers();
    ShadowTotals out;
    out.compared = numbers.compared;
    out.matched = numbers.matched;
    out.mismatched = numbers.compared - numbers.matched;
    out.false_positives = numbers.false_positives;
    out.false_negatives = numbers.false_negatives;
    out.nonce_race_excluded = numbers.nonce_race_excluded;
    out.state_race_excluded = numbers.state_race_excluded;
    out.evm_gas_matches = numbers.evm_gas_matches;
    out.evm_gas_mismatches = numbers.evm_gas_mismatches;
    out.evm_state_matches = numbers.evm_state_matches;
    out.evm_state_mismatches = numbers.evm_state_mismatches;
    return out;
}

EpochView Payroll::epoch() const {
    const std::lock_guard locked(impl_->mutex);
    EpochView out;
    const WorkRow& sum = impl_->open_work.work_sum();
    out.epoch = impl_->open_work.numbers().epoch;
    for (const auto& [agent_id, agent] : impl_->open_work.work())
        out.agents += agent.work.tasks > 0 ? 1 : 0;
    out.total_tasks = sum.tasks;
    out.compared = sum.compared;
    out.correct = sum.correct;
    out.elapsed = impl_->elapsed();
    out.start_height = impl_->open_work.numbers().epoch_first_height;
    return out;
}

std::vector<LeaderboardEntry> Payroll::leaderboard() const {
    std::vector<LeaderboardEntry> out;
    {
        const std::lock_guard locked(impl_->mutex);
        out.reserve(impl_->open_work.work().size());
        for (const auto& [agent_id, agent] : impl_->open_work.work()) {
            const WorkRow& work = agent.work;
            if (work.tasks == 0) continue;
            const double latency = static_cast<double>(work.latency_us) / static_cast<double>(work.tasks);
            out.push_back({0, agent_id, work.tasks, work.compared, work.correct, latency,
                           agent.wallet ? to_hex0x(agent.wallet->view()) : std::string{}});
        }
    }
    std::sort(out.begin(), out.end(), [](const LeaderboardEntry& a, const LeaderboardEntry& b) {
        return a.tasks != b.tasks ? a.tasks > b.tasks : a.agent_id < b.agent_id;
    });
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i].rank = static_cast<std::uint32_t>(i + 1);
    return out;
}

Result<RewardsView> Payroll::rewards(const std::string& agent_id) const {
    RewardsView out;
    out.agent_id = agent_id;
    IOSWARM_TRY(const auto agent, impl_->ledger.agent(agent_id));
    if (!agent) return out;
    out.earned_rau = agent->earned_rau;
    out.total_tasks = agent->tasks;
    out.total_compared = agent->compared;
    out.total_correct = agent->correct;
    IOSWARM_TRY(const auto payouts, impl_->ledger.payouts(agent_id, kHistoryEpochs));
    // The contract cannot pay itself. If it is the wallet of a payout, the settler pays the agent's present
    // wallet.
    const auto can_be_paid = [&](const std::optional<Address>& wallet) {
        return wallet && wallet != impl_->settings.rewards.contract;
    };
    out.history.reserve(payouts.size());
    for (const PayoutRow& row : payouts) {
        out.history.push_back({row.epoch, row.amount_rau, row.tasks, row.compared, row.correct, row.rank,
                               row.bonus, row.notice == PayoutNotice::waiting,
                               can_be_paid(row.wallet) || can_be_paid(agent->wallet)});
    }
    return out;
}

std::vector<JudgedAnswer> Payroll::recent_answers(const std::string& agent_id) const {
    return impl_->recent_answers.of(agent_id);
}

std::uint64_t Payroll::tasks_received() const {
    const std::lock_guard locked(impl_->mutex);
    return impl_->open_work.numbers().closed_tasks + impl_->open_work.work_sum().tasks;
}

void Payroll::change_rewards(const RewardSettings& next) {
    RewardSettings taken = next;
    taken.settles_on_chain = impl_->settings.rewards.settles_on_chain;
    taken.contract = impl_->settings.rewards.contract;
    *impl_->next_rewards.lock() = taken;
}

RewardSettings Payroll::rewards_in_force() const {
    const std::lock_guard locked(impl_->mutex);
    return impl_->rewards;
}

Status Payroll::ready() const {
    return impl_->ledger.ready();
}

void Payroll::Impl::set_gauges() const {
    const std::lock_guard locked(mutex);
    counters.answers_held.set(open_work.held_answers());
    counters.notices_unmarked.set(notices.unmarked_count());
}

}  // namespace ioswarm
