// SPDX-License-Identifier: Apache-2.0
#pragma once

// The private part of Payroll, shared by payroll.cpp (the public calls), agents.cpp (wallets and payout
// notices) and write.cpp (the ledger operations).
// OpenWork is the in-memory copy of the ledger. Only the ledger's thread changes it, and only after the commit,
// so it never shows anything that a kill could undo. Operations run on the same thread and therefore read it
// without the lock. A block runs alone in its transaction, so OpenWork and the ledger agree when it starts.
// Answers share a transaction. Whether an answer is the first of its agent is therefore looked up both in
// OpenWork and in `staged`, which holds the answers that are not committed yet.
//
// An answer costs one row at the end of one table and no other write, which makes it cheap. The work that it
// adds to its agent is written with the next block. After a restart before that block, the work is counted
// again from the rows.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/accounting/counters.hpp"
#include "core/accounting/epoch_close.hpp"
#include "core/accounting/ledger_worker.hpp"
#include "core/accounting/open_work.hpp"
#include "core/accounting/payout_notices.hpp"
#include "core/accounting/payroll.hpp"
#include "core/auth/once_per_agent.hpp"
#include "core/base/guarded.hpp"
#include "core/base/unix_time.hpp"
#include "core/ledger/ledger.hpp"

namespace ioswarm {

struct Payroll::Impl {
    using RegistrationDone = Payroll::RegistrationDone;
    using Wallets = std::vector<std::pair<std::string, std::optional<Address>>>;

    Impl(Ledger& ledger_in, const CoordinatorSettings& settings_in, const Clock& clock_in,
         RewardSettler* settler_in, Log log_in, const LedgerState& state)
        : ledger(ledger_in),
          settings(settings_in),
          clock(clock_in),
          settler(settler_in),
          log(std::move(log_in)),
          wallet_changes(settings_in.wallet_change_interval),
          open_work(state, settings_in.shadow_mode, settings_in.late_result_blocks),
          rewards(settings_in.rewards) {
        next_answer = open_work.last_answer() + 1;
        // The epoch may have begun before a restart, and only the wall clock tells how long ago that was. From
        // now on the steady clock measures its length, because it does not jump.
        const std::int64_t before = unix_ms(clock.wall()) - open_work.numbers().epoch_started_ms;
        elapsed_before_start = std::chrono::milliseconds(std::max<std::int64_t>(before, 0));
        epoch_since = clock.steady();
    }

    // The results of one call of record(), from the caller's thread to the ledger's thread.
    struct Submission {
        std::vector<Answer> answers;
        std::function<void(Status)> done;
        // The ledger may run the operation more than once. Each run sets this and the next two members again.
        std::vector<AnswerRow> added;
        std::uint64_t repeated = 0;
        Wallets wallets;
    };
    // The changes of one block, computed and written by write() and applied by committed().
    struct BlockOutcome {
        BlockChange change;
        std::optional<ClosedEpoch> closed;
        Wallets wallets;
        bool already_processed = false;  // the block is at or below the last one; nothing was changed
    };
    // One call of on_registration() that names a wallet, from the caller's thread to the ledger's thread.
    struct Arrival {
        std::string agent_id;
        Address wallet;
        RegistrationDone done;
        // The ledger may run the operation more than once. Each run sets this and the next two members again.
        RegistrationOutcome outcome;
        std::optional<Address> in_force;  // unchanged if nothing was changed
        bool is_changed = false;          // the agent had another wallet before
    };
    // An answer that was written in the open transaction and is not committed yet.
    struct Staged {
        std::string agent_id;
        const Submission* by = nullptr;
    };

    // Not changed after construction.
    Ledger& ledger;
    const CoordinatorSettings settings;
    const Clock& clock;
    RewardSettler* settler;
    Log log;
    const PayrollCounters counters{settings.metrics};

    // These synchronise themselves.
    PayoutNotices notices;
    RecentAnswers recent_answers;
    Guarded<std::unordered_set<Hash256, FixedBytesHash>> forgotten;  // dropped with the next block
    Guarded<std::optional<RewardSettings>> next_rewards;             // empty: those of the running epoch stay

    // Used only by the ledger's thread.
    std::uint64_t next_answer = 1;
    std::unordered_map<Hash256, std::vector<Staged>, FixedBytesHash>
        staged;  // not committed yet; key: key_of()
    OncePerAgent wallet_changes;

    std::mutex pending_mutex;  // guards pending_count
    std::condition_variable none_pending;
    std::size_t pending_count = 0;  // submissions, arrivals and marks that have not ended yet
    std::atomic<bool> is_marking{false};

    mutable std::mutex mutex;  // guards all members below; they are changed only on the ledger's thread
    OpenWork open_work;
    RewardSettings rewards;                           // of the running epoch
    std::chrono::nanoseconds elapsed_before_start{};  // how long the running epoch lasted before epoch_since
    Clock::Steady epoch_since;

    // These must be the last members: they use all others, so they have to end before they do.
    const metrics::ReadHook gauges_hook{settings.metrics.on_read([this] { set_gauges(); })};
    std::optional<LedgerWorker> worker;

    void begin();
    void end();
    void set_gauges() const;

    // In agents.cpp.
    void load_notices(const std::string& agent_id);
    void name_wallet(const std::shared_ptr<Arrival>& arrival);
    Status write(Arrival& arrival, LedgerTx& tx);
    void committed(const Arrival& arrival);
    void finish(const Arrival& arrival, const Status& status);
    void mark_next_notices_sent();

    Status write(Submission& submission, LedgerTx& tx);
    bool stage(const Answer& answer, const Submission& submission);
    void unstage(const Submission& submission);
    void committed(const Submission& submission);
    [[nodiscard]] RecentAnswers::Judged judged_late(const Submission& submission) const;
    void finish(const Submission& submission, const Status& status);
    Status write(const ExecutedBlock& block, std::span<const DispatchedAction> dispatched, BlockOutcome& out,
                 LedgerTx& tx);
    Status write_change(const BlockChange& change, LedgerTx& tx);
    void committed(const BlockOutcome& outcome);
    void announce(const BlockOutcome& outcome);
    Status read_wallet(const std::string& agent_id, Wallets& out, LedgerTx& tx) const;
    bool epoch_due(const LedgerNumbers& numbers) const;
    std::chrono::nanoseconds elapsed() const { return elapsed_before_start + (clock.steady() - epoch_since); }
};

}  // namespace ioswarm
