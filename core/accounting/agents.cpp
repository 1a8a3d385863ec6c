// SPDX-License-Identifier: Apache-2.0
// The accounting for single agents when they register and send heartbeats: wallets and payout notices. Those
// calls arrive on gRPC's callback threads, which must not wait for a disk. The ledger is therefore read on the
// worker's thread and written on the ledger's own thread.
#include <algorithm>
#include <utility>

#include "core/accounting/impl.hpp"

#include "core/base/try.hpp"

namespace ioswarm {
namespace {

/// Maximum number of notices marked in one transaction: as many as agents can cause per second, and few enough
/// for a short transaction.
constexpr std::size_t kMarkedAtOnce = 5000;

std::chrono::seconds round_up(std::chrono::nanoseconds time) {
    return std::chrono::ceil<std::chrono::seconds>(time);
}

}  // namespace

void Payroll::on_registration(const std::string& agent_id, const std::optional<Address>& wallet,
                              RegistrationDone done) {
    auto arrival = std::make_shared<Impl::Arrival>();
    arrival->agent_id = agent_id;
    arrival->done = std::move(done);
    if (wallet) arrival->wallet = *wallet;
    impl_->begin();
    const bool taken = impl_->worker->post([impl = impl_.get(), arrival, names_wallet = wallet.has_value()] {
        impl->load_notices(arrival->agent_id);
        if (names_wallet) return impl->name_wallet(arrival);
        impl->finish(*arrival, {});
    });
    if (taken) return;
    impl_->finish(*arrival, fail(ErrorCode::resource_exhausted, "cannot register", agent_id,
                                 "too many agents register at the same time; try again in 1 s"));
}

std::optional<PayoutInfo> Payroll::take_payout(const std::string& agent_id) {
    PayoutNotices::Taken taken = impl_->notices.take(agent_id);
    if (taken.must_load &&
        !impl_->worker->post([impl = impl_.get(), agent_id] { impl->load_notices(agent_id); })) {
        impl_->notices.not_loaded(agent_id);
    }
    return taken.payout;
}

Result<std::size_t> Payroll::payouts_final(const std::vector<std::pair<std::string, std::uint64_t>>& payouts) {
    std::vector<std::string> agents;  // each run of the operation sets it again
    const Status status = impl_->ledger.run(
        [&](LedgerTx& tx) -> Status {
            agents.clear();
            for (const auto& [agent_id, epoch] : payouts) {
                IOSWARM_TRY(const auto marked, tx.mark_notice_due(epoch, agent_id));
                if (marked) agents.push_back(agent_id);
            }
            return {};
        },
        [&] { impl_->notices.became_due(agents); });
    if (!status) return fail(status.error());
    return agents.size();
}

Status Payroll::mark_notices_sent() {
    for (;;) {
        const std::vector<PayoutNotices::Key> keys = impl_->notices.unmarked(kMarkedAtOnce);
        if (keys.empty()) return {};
        Status status = impl_->ledger.run(
            [&](LedgerTx& tx) -> Status {
                for (const auto& [agent_id, epoch] : keys) {
                    IOSWARM_DO(tx.mark_notice_sent(epoch, agent_id));
                }
                return {};
            },
            [&] { impl_->notices.marked(keys); });
        if (!status) return status;
    }
}

void Payroll::Impl::begin() {
    const std::lock_guard locked(pending_mutex);
    ++pending_count;
}

/// The last call that a submission, an arrival or a mark makes on this object.
void Payroll::Impl::end() {
    const std::lock_guard locked(pending_mutex);
    if (--pending_count == 0) none_pending.notify_all();
}

/// Runs on the worker's thread.
void Payroll::Impl::load_notices(const std::string& agent_id) {
    notices.loading(agent_id);
    const auto due = ledger.due_payouts(agent_id, PayoutNotices::kMaxHeld);
    if (!due) return notices.not_loaded(agent_id);
    notices.loaded(agent_id, *due, due->size() < PayoutNotices::kMaxHeld);
}

/// Runs on the worker's thread. Agents register often and hardly ever change their wallet, so this reads before
/// it asks for a write. Agents with an unchanged wallet can then register even while the ledger accepts no
/// writes.
void Payroll::Impl::name_wallet(const std::shared_ptr<Arrival>& arrival) {
    const auto known = ledger.agent(arrival->agent_id);
    if (!known) return finish(*arrival, fail(known.error()));
    if (*known && (*known)->wallet == arrival->wallet && !(*known)->next_wallet) return finish(*arrival, {});
    const Status taken = ledger.submit({[this, arrival](LedgerTx& tx) { return write(*arrival, tx); },
                                        [this, arrival](const Status& status) {
                                            if (status) committed(*arrival);
                                            finish(*arrival, status);
                                        },
                                        false});
    if (!taken) finish(*arrival, taken);
}

Status Payroll::Impl::write(Arrival& arrival, LedgerTx& tx) {
    arrival.outcome = {};
    arrival.is_changed = false;
    IOSWARM_TRY(auto found, tx.agent(arrival.agent_id));
    AgentRow agent = found ? std::move(*found) : AgentRow{};
    agent.agent_id = arrival.agent_id;
    arrival.in_force = agent.wallet;
    const std::optional<Address> before = agent.next_wallet ? agent.next_wallet : agent.wallet;
    if (before == arrival.wallet) return {};
    if (before) {
        arrival.outcome.wait = round_up(wallet_changes.wait(arrival.agent_id, clock.steady()));
        if (arrival.outcome.wait.count() > 0) return {};
        arrival.is_changed = true;
    }
    const std::uint64_t epoch = open_work.numbers().epoch;
    WalletChangeRow change{arrival.agent_id, before, arrival.wallet, unix_ms(clock.wall()), epoch};
    if (!agent.wallet || agent.wallet == arrival.wallet) {
        agent.wallet = arrival.wallet;
        agent.next_wallet.reset();
    } else {
        agent.next_wallet = arrival.wallet;
        change.from_epoch = epoch + 1;
    }
    arrival.in_force = agent.wallet;
    IOSWARM_DO(tx.set_agent(agent));
    return tx.add_wallet_change(change);
}

void Payroll::Impl::committed(const Arrival& arrival) {
    if (arrival.is_changed) wallet_changes.note(arrival.agent_id, clock.steady());
    if (arrival.outcome.wait.count() > 0) counters.wallet_changes_too_soon.add();
    const std::lock_guard locked(mutex);
    open_work.set_wallet(arrival.agent_id, arrival.in_force);
}

void Payroll::Impl::finish(const Arrival& arrival, const Status& status) {
    if (arrival.done)
        arrival.done(status ? Result<RegistrationOutcome>(arrival.outcome) : fail(status.error()));
    end();
}

/// Runs on the worker's thread once per second. Marks in one transaction all payouts that agents were told of
/// meanwhile.
void Payroll::Impl::mark_next_notices_sent() {
    if (is_marking.load()) return;  // the ledger has not finished the last mark
    auto keys = std::make_shared<const std::vector<PayoutNotices::Key>>(notices.unmarked(kMarkedAtOnce));
    if (keys->empty()) return;
    begin();
    is_marking = true;
    const Status taken = ledger.submit({[keys](LedgerTx& tx) -> Status {
                                            for (const auto& [agent_id, epoch] : *keys) {
                                                IOSWARM_DO(tx.mark_notice_sent(epoch, agent_id));
                                            }
                                            return {};
                                        },
                                        [this, keys](const Status& status) {
                                            if (status) notices.marked(*keys);
                                            is_marking = false;
                                            end();
                                        },
                                        false});
    if (taken) return;
    is_marking = false;
    end();
}

}  // namespace ioswarm
