// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/accounting.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/base/guarded.hpp"
#include "core/coordinator/books.hpp"
#include "core/coordinator/epoch_close.hpp"
#include "core/coordinator/payout_notices.hpp"
#include "core/ledger/ledger.hpp"

// The books are in the ledger; Books is their mirror. It is changed only on the ledger's thread, after the commit, and
// so shows nothing that a kill could take back. Operations run on that thread too and read the mirror without the lock:
// nobody else changes it. A block is an operation alone, so it finds the mirror equal to the ledger. Answers share their
// transaction, so whether one is the first of its agent is asked of the mirror and of what is staged before it.
//
// An answer is one row at the end of one table, nothing else, which is what makes it cheap; what it adds to the work of
// its agent is written with the next block, and counted again from the rows when a restart comes before that.

namespace ioswarm {
namespace {

constexpr std::uint32_t kHistoryEpochs = 1000;

std::int64_t to_ms(Clock::Wall time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

using Wallets = std::vector<std::pair<std::string, std::optional<Address>>>;

WorkRow work_after(const Books& books, const BlockChange& change, const std::string& agent_id) {
    const auto found = books.work().find(agent_id);
    WorkRow out = found == books.work().end() ? WorkRow{agent_id, 0, 0, 0, 0} : found->second.work;
    if (const auto delta = change.compared.find(agent_id); delta != change.compared.end()) {
        out.compared += delta->second.compared;
        out.correct += delta->second.correct;
    }
    return out;
}

std::vector<WorkRow> all_work_after(const Books& books, const BlockChange& change) {
    std::vector<WorkRow> out;
    out.reserve(books.work().size() + change.compared.size());
    for (const auto& [agent_id, agent] : books.work()) out.push_back(work_after(books, change, agent_id));
    for (const auto& [agent_id, delta] : change.compared) {
        if (!books.work().contains(agent_id)) out.push_back(delta);
    }
    return out;
}

}  // namespace

struct Accounting::Impl {
    Impl(Ledger& ledger_in, const CoordinatorSettings& settings_in, const Clock& clock_in, RewardSettler* settler_in,
         Log log_in, const LedgerState& state)
        : ledger(ledger_in),
          settings(settings_in),
          clock(clock_in),
          settler(settler_in),
          log(std::move(log_in)),
          notices(ledger_in),
          books(state, settings_in.shadow_mode, settings_in.late_result_blocks) {
        next_answer = books.last_answer() + 1;
        // The wall clock bridges a restart; from here on the steady one counts, which does not jump.
        const std::int64_t before = to_ms(clock.wall()) - books.numbers().epoch_started_ms;
        epoch_before = std::chrono::milliseconds(std::max<std::int64_t>(before, 0));
        epoch_since = clock.steady();
    }

    struct Submission {
        std::vector<Answer> answers;
        std::function<void(Status)> done;
        std::vector<AnswerRow> added;  // of the last run of the operation
        Wallets wallets;
    };
    struct BlockOutcome {
        BlockChange change;
        std::optional<ClosedEpoch> closed;
        Wallets wallets;
        bool known = false;
    };
    struct Staged {
        std::string agent_id;
        const Submission* by = nullptr;
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

    // The ledger's thread only.
    std::uint64_t next_answer;
    std::unordered_map<Hash256, std::vector<Staged>, FixedBytesHash> staged;  // not committed yet, by raw id

    std::mutex flight_mutex;  // guards in_flight
    std::condition_variable landed;
    std::size_t in_flight = 0;  // submissions that the ledger has not told the end of

    mutable std::mutex mutex;  // guards all below; changed on the ledger's thread only
    Books books;
    std::chrono::nanoseconds epoch_before{};  // of the running epoch, before epoch_since
    Clock::Steady epoch_since;

    Status write(Submission& submission, LedgerTx& tx);
    bool stage(const Answer& answer, const Submission& submission);
    void unstage(const Submission& submission);
    void committed(const Submission& submission);
    Status write(const ExecutedBlock& block, std::span<const DispatchedAction> dispatched, BlockOutcome& out,
                 LedgerTx& tx);
    Status write_change(const BlockChange& change, LedgerTx& tx);
    void committed(const BlockOutcome& outcome);
    void announce(const BlockOutcome& outcome);
    Status set_wallet(const std::string& agent_id, const Address& wallet, std::optional<Address>& in_force,
                      LedgerTx& tx);
    Status read_wallet(const std::string& agent_id, Wallets& out, LedgerTx& tx) const;
    bool epoch_due(const LedgerNumbers& numbers) const;
    std::chrono::nanoseconds elapsed() const { return epoch_before + (clock.steady() - epoch_since); }
};

Status Accounting::Impl::write(Submission& submission, LedgerTx& tx) {
    submission.added.clear();
    submission.wallets.clear();
    for (const Answer& answer : submission.answers) {
        if (!stage(answer, submission)) continue;
        AnswerRow row = books.plan(answer);
        row.id = next_answer++;
        if (Status status = tx.add_answer(row); !status) return status;
        if (Status status = read_wallet(answer.agent_id, submission.wallets, tx); !status) return status;
        submission.added.push_back(std::move(row));
    }
    return {};
}

/// False: this agent's answer to this action is in the books, or on its way there in the same transaction.
bool Accounting::Impl::stage(const Answer& answer, const Submission& submission) {
    if (books.has_answer(answer.raw_id, answer.agent_id)) return false;
    std::vector<Staged>& same = staged[answer.raw_id];
    const auto found = std::find_if(same.begin(), same.end(),
                                    [&](const Staged& other) { return other.agent_id == answer.agent_id; });
    if (found == same.end()) {
        same.push_back({answer.agent_id, &submission});
        return true;
    }
    if (found->by != &submission) return false;
    // Staged by this submission: twice in it, or left from a run of it that was undone.
    return std::none_of(submission.added.begin(), submission.added.end(), [&](const AnswerRow& row) {
        return row.raw_id == answer.raw_id && row.agent_id == answer.agent_id;
    });
}

void Accounting::Impl::unstage(const Submission& submission) {
    for (const Answer& answer : submission.answers) {
        const auto found = staged.find(answer.raw_id);
        if (found == staged.end()) continue;
        std::erase_if(found->second, [&](const Staged& one) { return one.by == &submission; });
        if (found->second.empty()) staged.erase(found);
    }
}

void Accounting::Impl::committed(const Submission& submission) {
    const std::lock_guard locked(mutex);
    for (const AnswerRow& answer : submission.added) books.apply(answer);
    for (const auto& [agent_id, wallet] : submission.wallets) books.set_wallet(agent_id, wallet);
}

/// The wallet of an agent that was not at work in this epoch before.
Status Accounting::Impl::read_wallet(const std::string& agent_id, Wallets& out, LedgerTx& tx) const {
    if (books.work().contains(agent_id) || (!out.empty() && out.back().first == agent_id)) return {};
    const auto agent = tx.agent(agent_id);
    if (!agent) return fail(agent.error());
    out.emplace_back(agent_id, *agent ? (*agent)->wallet : std::nullopt);
    return {};
}

bool Accounting::Impl::epoch_due(const LedgerNumbers& numbers) const {
    const std::uint64_t blocks = numbers.last_height + 1 - std::min(numbers.epoch_first_height, numbers.last_height);
    return blocks >= settings.rewards.epoch_blocks && elapsed() >= settings.rewards.min_epoch_duration;
}

Status Accounting::Impl::write(const ExecutedBlock& block, std::span<const DispatchedAction> dispatched,
                               BlockOutcome& out, LedgerTx& tx) {
    out = {};
    if (block.height <= books.numbers().last_height) {
        out.known = true;
        return {};
    }
    out.change = books.plan(block, dispatched, *forgotten.lock());
    if (Status status = write_change(out.change, tx); !status) return status;
    for (const auto& [agent_id, delta] : out.change.compared) {
        if (Status status = read_wallet(agent_id, out.wallets, tx); !status) return status;
    }
    LedgerNumbers numbers = out.change.numbers;
    if (epoch_due(numbers)) {
        auto closed =
            close_epoch(tx, settings.rewards, all_work_after(books, out.change), numbers, to_ms(clock.wall()));
        if (!closed) return fail(closed.error());
        out.closed = std::move(*closed);
        out.change.numbers = numbers;
    }
    return tx.set_numbers(numbers);
}

Status Accounting::Impl::write_change(const BlockChange& change, LedgerTx& tx) {
    for (const Hash256& raw_id : change.dropped) {
        const HeldAction* action = books.find(raw_id);
        if (action == nullptr) continue;
        for (const HeldAnswer& answer : action->answers) {
            if (Status status = tx.drop_answer(answer.id); !status) return status;
        }
    }
    for (const std::string& agent_id : books.worked()) {
        if (Status status = tx.set_work(work_after(books, change, agent_id)); !status) return status;
    }
    for (const auto& [agent_id, delta] : change.compared) {
        if (books.worked().contains(agent_id)) continue;
        if (Status status = tx.set_work(work_after(books, change, agent_id)); !status) return status;
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
            books.start_epoch(outcome.change.numbers);
            epoch_before = {};
            epoch_since = clock.steady();
        }
        for (const auto& [agent_id, wallet] : outcome.wallets) books.set_wallet(agent_id, wallet);
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
    Wallets wallets;
    const Status loaded = ledger.run([&](LedgerTx& tx) -> Status {
        auto all = tx.load();
        if (!all) return fail(all.error());
        state = std::move(*all);
        if (state.numbers.epoch_started_ms == 0) {
            state.numbers.epoch_started_ms = to_ms(clock.wall());
            if (Status status = tx.set_numbers(state.numbers); !status) return status;
        }
        return {};
    });
    if (!loaded) return fail(loaded.error());
    auto impl = std::make_unique<Impl>(ledger, settings, clock, settler, std::move(log), state);
    const Status wallets_read = ledger.run([&](LedgerTx& tx) -> Status {
        wallets.clear();
        for (const auto& [agent_id, agent] : impl->books.work()) {
            const auto row = tx.agent(agent_id);
            if (!row) return fail(row.error());
            if (*row) wallets.emplace_back(agent_id, (*row)->wallet);
        }
        return {};
    });
    if (!wallets_read) return fail(wallets_read.error());
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
                              impl->unstage(*submission);
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
        const auto reserved = tx.reserve_ids(count);
        if (!reserved) return fail(reserved.error());
        first = *reserved;
        return {};
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
