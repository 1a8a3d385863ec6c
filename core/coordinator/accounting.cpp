// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/accounting.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "core/base/guarded.hpp"
#include "core/coordinator/books.hpp"
#include "core/coordinator/epoch_close.hpp"
#include "core/coordinator/payout_notices.hpp"
#include "core/ledger/ledger.hpp"

// The books are in the ledger; Books is their mirror. It is changed only on the ledger's thread, after the commit, and
// so shows nothing that a kill could take back. Operations run on that thread too and read the mirror without the lock:
// nobody else changes it. A block is an operation alone, so it finds the mirror equal to the ledger; answers share
// their transaction and therefore ask the ledger, not the mirror, whether they are the first.

namespace ioswarm {
namespace {

constexpr std::uint32_t kHistoryEpochs = 1000;

std::int64_t to_ms(Clock::Wall time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

std::vector<WorkRow> work_with(const Books& books, const BlockChange& change) {
    std::map<std::string, WorkRow> sum;
    for (const auto& [agent_id, agent] : books.work()) sum.emplace(agent_id, agent.work);
    for (const auto& [agent_id, delta] : change.work) {
        WorkRow& work = sum.try_emplace(agent_id, WorkRow{agent_id, 0, 0, 0, 0}).first->second;
        work.compared += delta.compared;
        work.correct += delta.correct;
    }
    std::vector<WorkRow> out;
    out.reserve(sum.size());
    for (auto& [agent_id, work] : sum) out.push_back(std::move(work));
    return out;
}

}  // namespace

struct Accounting::Impl {
    Impl(Ledger& ledger_in, const CoordinatorSettings& settings_in, const Clock& clock_in, RewardSettler* settler_in,
         Log log_in, LedgerState state)
        : ledger(ledger_in),
          settings(settings_in),
          clock(clock_in),
          settler(settler_in),
          log(std::move(log_in)),
          notices(ledger_in),
          books(std::move(state), settings_in.shadow_mode, settings_in.late_result_blocks) {
        // The wall clock bridges a restart; from here on the steady one counts, which does not jump.
        const std::int64_t before = to_ms(clock.wall()) - books.numbers().epoch_started_ms;
        epoch_before = std::chrono::milliseconds(std::max<std::int64_t>(before, 0));
        epoch_since = clock.steady();
    }

    struct Submission {
        std::vector<Answer> answers;
        std::function<void(Status)> done;
        std::vector<AnswerChange> added;  // of the last run of the operation
        std::vector<std::pair<std::string, std::optional<Address>>> wallets;
    };
    struct BlockOutcome {
        BlockChange change;
        LedgerNumbers numbers;
        std::optional<ClosedEpoch> closed;
        std::vector<std::pair<std::string, std::optional<Address>>> wallets;
        bool known = false;
    };

    // Const after construction.
    Ledger& ledger;
    const CoordinatorSettings settings;
    const Clock& clock;
    RewardSettler* settler;
    Log log;

    // Their own synchronisation.
    PayoutNotices notices;
    Guarded<std::unordered_set<Hash256, FixedBytesHash>> forgotten;  // with the next block

    std::mutex flight_mutex;  // guards in_flight
    std::condition_variable landed;
    std::size_t in_flight = 0;  // submissions that the ledger has not told the end of

    mutable std::mutex mutex;  // guards all below; changed on the ledger's thread only
    Books books;
    std::chrono::nanoseconds epoch_before{};  // of the running epoch, before epoch_since
    Clock::Steady epoch_since;

    Status write(Submission& submission, LedgerTx& tx);
    void committed(const Submission& submission);
    Status write(const ExecutedBlock& block, std::span<const DispatchedAction> dispatched, BlockOutcome& out,
                 LedgerTx& tx);
    Status write_change(const BlockChange& change, LedgerTx& tx);
    void committed(const BlockOutcome& outcome);
    void announce(const BlockOutcome& outcome);
    Status set_wallet(const std::string& agent_id, const Address& wallet, std::optional<Address>& in_force,
                      LedgerTx& tx);
    Status read_wallets(const std::map<std::string, WorkRow>& work,
                        std::vector<std::pair<std::string, std::optional<Address>>>& out, LedgerTx& tx) const;
    bool epoch_due(const LedgerNumbers& numbers) const;
    std::chrono::nanoseconds elapsed() const { return epoch_before + (clock.steady() - epoch_since); }
};

Status Accounting::Impl::write(Submission& submission, LedgerTx& tx) {
    submission.added.clear();
    submission.wallets.clear();
    std::map<std::string, WorkRow> work;
    LedgerNumbers counted;
    for (const Answer& answer : submission.answers) {
        AnswerChange change = books.plan(answer);
        const auto is_new = tx.add_answer(change.answer);
        if (!is_new) return fail(is_new.error());
        if (!*is_new) continue;
        WorkRow& sum = work[answer.agent_id];
        sum.agent_id = answer.agent_id;
        sum.tasks += change.work.tasks;
        sum.compared += change.work.compared;
        sum.correct += change.work.correct;
        sum.latency_us += change.work.latency_us;
        add_counted(change.counted, counted);
        submission.added.push_back(std::move(change));
    }
    for (const auto& [agent_id, delta] : work) {
        if (Status status = tx.add_work(delta); !status) return status;
    }
    if (counted.compared > 0) {
        auto numbers = tx.numbers();
        if (!numbers) return fail(numbers.error());
        add_counted(counted, *numbers);
        if (Status status = tx.set_numbers(*numbers); !status) return status;
    }
    return read_wallets(work, submission.wallets, tx);
}

void Accounting::Impl::committed(const Submission& submission) {
    const std::lock_guard locked(mutex);
    for (const AnswerChange& change : submission.added) books.apply(change);
    for (const auto& [agent_id, wallet] : submission.wallets) books.set_wallet(agent_id, wallet);
}

/// Wallets of agents that were not at work in this epoch before.
Status Accounting::Impl::read_wallets(const std::map<std::string, WorkRow>& work,
                                      std::vector<std::pair<std::string, std::optional<Address>>>& out,
                                      LedgerTx& tx) const {
    for (const auto& [agent_id, delta] : work) {
        if (books.work().contains(agent_id)) continue;
        const auto agent = tx.agent(agent_id);
        if (!agent) return fail(agent.error());
        if (*agent && (*agent)->wallet) out.emplace_back(agent_id, (*agent)->wallet);
    }
    return {};
}

bool Accounting::Impl::epoch_due(const LedgerNumbers& numbers) const {
    const std::uint64_t blocks = numbers.last_height + 1 - std::min(numbers.epoch_first_height, numbers.last_height);
    return blocks >= settings.rewards.epoch_blocks && elapsed() >= settings.rewards.min_epoch_duration;
}

Status Accounting::Impl::write(const ExecutedBlock& block, std::span<const DispatchedAction> dispatched,
                               BlockOutcome& out, LedgerTx& tx) {
    out = {};
    auto numbers = tx.numbers();
    if (!numbers) return fail(numbers.error());
    out.numbers = *numbers;
    if (block.height <= out.numbers.last_height) {
        out.known = true;
        return {};
    }
    out.change = books.plan(block, dispatched, *forgotten.lock());
    if (Status status = write_change(out.change, tx); !status) return status;
    if (Status status = read_wallets(out.change.work, out.wallets, tx); !status) return status;

    add_counted(out.change.counted, out.numbers);
    out.numbers.last_height = block.height;
    if (out.numbers.epoch_first_height == 0) out.numbers.epoch_first_height = block.height;
    if (epoch_due(out.numbers)) {
        auto closed = close_epoch(tx, settings.rewards, work_with(books, out.change), out.numbers, to_ms(clock.wall()));
        if (!closed) return fail(closed.error());
        out.closed = std::move(*closed);
    }
    return tx.set_numbers(out.numbers);
}

Status Accounting::Impl::write_change(const BlockChange& change, LedgerTx& tx) {
    for (const Hash256& raw_id : change.mined) {
        if (Status status = tx.mark_mined(raw_id, change.recent.height); !status) return status;
    }
    for (const Hash256& raw_id : change.dropped) {
        if (Status status = tx.drop_answers(raw_id); !status) return status;
    }
    for (const auto& [agent_id, delta] : change.work) {
        if (Status status = tx.add_work(delta); !status) return status;
    }
    if (Status status = tx.drop_recent_below(change.drop_recent_below); !status) return status;
    return tx.add_recent_block(change.recent);
}

void Accounting::Impl::committed(const BlockOutcome& outcome) {
    if (outcome.known) return;
    {
        const std::lock_guard locked(mutex);
        books.apply(outcome.change);
        if (outcome.closed) {
            books.start_epoch(outcome.numbers);
            epoch_before = {};
            epoch_since = clock.steady();
        } else {
            books.set_numbers(outcome.numbers);
            for (const auto& [agent_id, wallet] : outcome.wallets) books.set_wallet(agent_id, wallet);
        }
    }
    {
        // Those that came meanwhile stay for the next block; what is not held any more needs no forgetting.
        auto locked = forgotten.lock();
        std::erase_if(*locked, [&](const Hash256& raw_id) {
            const HeldAction* action = books.find(raw_id);
            return action == nullptr || action->mined_height;
        });
    }
    if (outcome.closed) notices.add(outcome.closed->payouts);
}

void Accounting::Impl::announce(const BlockOutcome& outcome) {
    const EpochRow& epoch = outcome.closed->epoch;
    const std::vector<PayoutRow>& payouts = outcome.closed->payouts;
    log.info("epoch {} ended at height {}: {} tasks of {} agents, {} of {} compared correct, {} rau to {} agents",
             epoch.epoch, epoch.last_height, epoch.tasks, epoch.agents, epoch.correct, epoch.compared,
             to_decimal(epoch.pool_rau), payouts.size());
    U256 owed = 0;
    std::size_t without = 0;
    for (const PayoutRow& payout : payouts) {
        if (payout.wallet) continue;
        owed += payout.amount_rau;
        ++without;
    }
    if (settings.rewards.settles_on_chain && without > 0) {
        log.warn("epoch {}: {} agents named no wallet; their {} rau stay owed", epoch.epoch, without, to_decimal(owed));
    }
    if (settler != nullptr) settler->epoch_closed(epoch.epoch);
}

Status Accounting::Impl::set_wallet(const std::string& agent_id, const Address& wallet,
                                    std::optional<Address>& in_force, LedgerTx& tx) {
    auto found = tx.agent(agent_id);
    if (!found) return fail(found.error());
    AgentRow agent = *found ? std::move(**found) : AgentRow{};
    agent.agent_id = agent_id;
    const std::optional<Address> before = agent.next_wallet ? agent.next_wallet : agent.wallet;
    in_force = agent.wallet;
    if (before == wallet) return {};
    const std::uint64_t epoch = books.numbers().epoch;
    WalletChangeRow change{agent_id, before, wallet, to_ms(clock.wall()), epoch};
    if (!agent.wallet || agent.wallet == wallet) {
        agent.wallet = wallet;
        agent.next_wallet.reset();
    } else {
        agent.next_wallet = wallet;
        change.from_epoch = epoch + 1;
    }
    in_force = agent.wallet;
    if (Status status = tx.set_agent(agent); !status) return status;
    return tx.add_wallet_change(change);
}

Result<std::unique_ptr<Accounting>> Accounting::open(Ledger& ledger, const CoordinatorSettings& settings,
                                                     const Clock& clock, RewardSettler* settler, Log log) {
    LedgerState state;
    std::vector<std::pair<std::string, std::optional<Address>>> wallets;
    const Status loaded = ledger.run([&](LedgerTx& tx) -> Status {
        auto all = tx.load();
        if (!all) return fail(all.error());
        state = std::move(*all);
        if (state.numbers.epoch_started_ms == 0) {
            state.numbers.epoch_started_ms = to_ms(clock.wall());
            if (Status status = tx.set_numbers(state.numbers); !status) return status;
        }
        wallets.clear();
        for (const WorkRow& work : state.work) {
            const auto agent = tx.agent(work.agent_id);
            if (!agent) return fail(agent.error());
            if (*agent) wallets.emplace_back(work.agent_id, (*agent)->wallet);
        }
        return {};
    });
    if (!loaded) return fail(loaded.error());
    auto impl = std::make_unique<Impl>(ledger, settings, clock, settler, std::move(log), std::move(state));
    for (const auto& [agent_id, wallet] : wallets) impl->books.set_wallet(agent_id, wallet);
    return std::unique_ptr<Accounting>(new Accounting(std::move(impl)));
}

Accounting::Accounting(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Accounting::~Accounting() {
    // Submissions under way refer to this object.
    std::unique_lock locked(impl_->flight_mutex);
    impl_->landed.wait(locked, [&] { return impl_->in_flight == 0; });
}

void Accounting::record(std::vector<Answer> answers, std::function<void(Status)> done) {
    auto submission = std::make_shared<Impl::Submission>();
    submission->answers = std::move(answers);
    submission->done = std::move(done);
    {
        const std::lock_guard locked(impl_->flight_mutex);
        ++impl_->in_flight;
    }
    impl_->ledger.submit({[impl = impl_.get(), submission](LedgerTx& tx) { return impl->write(*submission, tx); },
                          [impl = impl_.get(), submission](const Status& status) {
                              if (status) impl->committed(*submission);
                              if (submission->done) submission->done(status);
                              const std::lock_guard locked(impl->flight_mutex);
                              if (--impl->in_flight == 0) impl->landed.notify_all();
                          },
                          false});
}

Status Accounting::on_block(const ExecutedBlock& block, std::span<const DispatchedAction> dispatched) {
    if (block.height <= last_height()) return {};
    Impl::BlockOutcome outcome;
    const Status status =
        impl_->ledger.run([&](LedgerTx& tx) { return impl_->write(block, dispatched, outcome, tx); },
                          [&] { impl_->committed(outcome); }, true);
    if (status && outcome.closed) impl_->announce(outcome);
    return status;
}

void Accounting::forget(const std::vector<Hash256>& raw_ids) {
    std::vector<Hash256> held;
    {
        const std::lock_guard locked(impl_->mutex);
        for (const Hash256& raw_id : raw_ids) {
            if (impl_->books.find(raw_id) != nullptr) held.push_back(raw_id);
        }
    }
    impl_->forgotten.lock()->insert(held.begin(), held.end());
}

std::uint64_t Accounting::last_height() const {
    const std::lock_guard locked(impl_->mutex);
    return impl_->books.numbers().last_height;
}

std::vector<std::pair<Hash256, std::uint32_t>> Accounting::open_answers() const {
    const std::lock_guard locked(impl_->mutex);
    std::vector<std::pair<Hash256, std::uint32_t>> out;
    for (const auto& [raw_id, action] : impl_->books.actions()) {
        if (!action.mined_height) out.emplace_back(raw_id, static_cast<std::uint32_t>(action.answers.size()));
    }
    return out;
}

std::vector<std::string> Accounting::answered_by(const Hash256& raw_id) const {
    const std::lock_guard locked(impl_->mutex);
    std::vector<std::string> out;
    const HeldAction* action = impl_->books.find(raw_id);
    if (action == nullptr || action->mined_height) return out;
    for (const HeldAnswer& answer : action->answers) out.push_back(answer.agent_id);
    return out;
}

Result<std::uint64_t> Accounting::reserve_ids(std::uint64_t count) {
    if (count == 0) return fail(ErrorCode::invalid_argument, "cannot reserve ids", {}, "none asked for");
    std::uint64_t first = 0;
    const Status status = impl_->ledger.run([&](LedgerTx& tx) -> Status {
        auto numbers = tx.numbers();
        if (!numbers) return fail(numbers.error());
        first = numbers->next_id;
        numbers->next_id += count;
        return tx.set_numbers(*numbers);
    });
    if (!status) return fail(status.error());
    return first;
}

Status Accounting::name_wallet(const std::string& agent_id, const std::optional<Address>& wallet) {
    if (!wallet) return {};
    // Agents register often and change their wallet hardly ever, so look before asking for a write.
    const auto known = impl_->ledger.agent(agent_id);
    if (!known) return fail(known.error());
    if (*known && (*known)->wallet == wallet && !(*known)->next_wallet) return {};
    std::optional<Address> in_force;
    return impl_->ledger.run([&](LedgerTx& tx) { return impl_->set_wallet(agent_id, *wallet, in_force, tx); },
                             [&] {
                                 const std::lock_guard locked(impl_->mutex);
                                 impl_->books.set_wallet(agent_id, in_force);
                             });
}

std::optional<PayoutInfo> Accounting::take_payout(const std::string& agent_id) {
    return impl_->notices.take(agent_id);
}

ShadowTotals Accounting::shadow() const {
    const std::lock_guard locked(impl_->mutex);
    const LedgerNumbers& numbers = impl_->books.numbers();
    ShadowTotals out;
    out.compared = numbers.compared;
    out.matched = numbers.matched;
    out.mismatched = numbers.compared - numbers.matched;
    out.false_positives = numbers.false_positives;
    out.false_negatives = numbers.false_negatives;
    out.nonce_race_excluded = numbers.nonce_race_excluded;
    return out;
}

EpochView Accounting::epoch() const {
    const std::lock_guard locked(impl_->mutex);
    EpochView out;
    const WorkRow& sum = impl_->books.work_sum();
    out.epoch = impl_->books.numbers().epoch;
    for (const auto& [agent_id, agent] : impl_->books.work()) out.agents += agent.work.tasks > 0 ? 1 : 0;
    out.total_tasks = sum.tasks;
    out.compared = sum.compared;
    out.correct = sum.correct;
    out.elapsed = impl_->elapsed();
    out.start_height = impl_->books.numbers().epoch_first_height;
    return out;
}

std::vector<LeaderboardEntry> Accounting::leaderboard() const {
    std::vector<LeaderboardEntry> out;
    {
        const std::lock_guard locked(impl_->mutex);
        out.reserve(impl_->books.work().size());
        for (const auto& [agent_id, agent] : impl_->books.work()) {
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
    for (std::size_t i = 0; i < out.size(); ++i) out[i].rank = static_cast<std::uint32_t>(i + 1);
    return out;
}

Result<RewardsView> Accounting::rewards(const std::string& agent_id) const {
    RewardsView out;
    out.agent_id = agent_id;
    const auto agent = impl_->ledger.agent(agent_id);
    if (!agent) return fail(agent.error());
    if (!*agent) return out;
    out.earned_rau = (*agent)->earned_rau;
    out.total_tasks = (*agent)->tasks;
    out.total_compared = (*agent)->compared;
    out.total_correct = (*agent)->correct;
    const auto payouts = impl_->ledger.payouts(agent_id, kHistoryEpochs);
    if (!payouts) return fail(payouts.error());
    out.history.reserve(payouts->size());
    for (const PayoutRow& row : *payouts) {
        out.history.push_back({row.epoch, row.amount_rau, row.tasks, row.compared, row.correct, row.rank, row.bonus});
    }
    return out;
}

std::uint64_t Accounting::tasks_received() const {
    const std::lock_guard locked(impl_->mutex);
    return impl_->books.numbers().closed_tasks + impl_->books.work_sum().tasks;
}

Status Accounting::ready() const {
    return impl_->ledger.ready();
}

}  // namespace ioswarm
