// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside of Accounting: what accounting.cpp (the calls) and accounting_write.cpp (the operations) share.

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

#include "core/accounting/accounting.hpp"
#include "core/accounting/books.hpp"
#include "core/accounting/epoch_close.hpp"
#include "core/accounting/ledger_worker.hpp"
#include "core/accounting/payout_notices.hpp"
#include "core/auth/once_per_agent.hpp"
#include "core/base/guarded.hpp"
#include "core/ledger/ledger.hpp"

// The books are in the ledger; Books is their mirror. It is changed only on the ledger's thread, after the
// commit, and so shows nothing that a kill could take back. Operations run on that thread too and read the
// mirror without the lock: nobody else changes it. A block is an operation alone, so it finds the mirror equal
// to the ledger. Answers share their transaction, so whether one is the first of its agent is asked of the
// mirror and of what is staged before it.
//
// An answer is one row at the end of one table, nothing else, which is what makes it cheap; what it adds to the
// work of its agent is written with the next block, and counted again from the rows when a restart comes before
// that.

namespace ioswarm {

[[nodiscard]] inline std::int64_t to_ms(Clock::Wall time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

struct Accounting::Impl {
    using Welcomed = Accounting::Welcomed;
    using Wallets = std::vector<std::pair<std::string, std::optional<Address>>>;

    Impl(Ledger& ledger_in, const CoordinatorSettings& settings_in, const Clock& clock_in,
         RewardSettler* settler_in, Log log_in, const LedgerState& state)
        : ledger(ledger_in),
          settings(settings_in),
          clock(clock_in),
          settler(settler_in),
          log(std::move(log_in)),
          wallet_changes(settings_in.wallet_change_interval),
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
        std::vector<AnswerRow> added;  // of the last run of the operation, as the next two
        std::uint64_t repeated = 0;
        Wallets wallets;
    };
    struct BlockOutcome {
        BlockChange change;
        std::optional<ClosedEpoch> closed;
        Wallets wallets;
        bool known = false;
    };
    struct Arrival {
        std::string agent_id;
        Address wallet;
        Welcomed done;
        WalletNaming outcome;             // of the last run of the operation, as the next two
        std::optional<Address> in_force;  // nothing was changed: as before
        bool is_changed = false;          // another wallet was replaced
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
    std::uint64_t next_answer = 1;
    std::unordered_map<Hash256, std::vector<Staged>, FixedBytesHash> staged;  // not committed yet, by raw id
    OncePerAgent wallet_changes;

    std::mutex flight_mutex;  // guards in_flight
    std::condition_variable landed;
    std::size_t in_flight = 0;  // submissions, arrivals and marks that the ledger has not told the end of
    std::atomic<bool> is_marking{false};
    std::atomic<std::uint64_t> changes_too_soon{0};

    mutable std::mutex mutex;  // guards all below; changed on the ledger's thread only
    Books books;
    std::uint64_t repeated = 0;
    std::chrono::nanoseconds epoch_before{};  // of the running epoch, before epoch_since
    Clock::Steady epoch_since;

    // Last: its thread uses all above. Ends before the rest does.
    std::optional<LedgerWorker> worker;

    void begin();
    void end();

    // accounting_agents.cpp
    void load_notices(const std::string& agent_id);
    void welcome(const std::shared_ptr<Arrival>& arrival);
    Status write(Arrival& arrival, LedgerTx& tx);
    void committed(const Arrival& arrival);
    void finish(const Arrival& arrival, const Status& status);
    void mark_told();

    Status write(Submission& submission, LedgerTx& tx);
    bool stage(const Answer& answer, const Submission& submission);
    void unstage(const Submission& submission);
    void committed(const Submission& submission);
    void finish(const Submission& submission, const Status& status);
    Status write(const ExecutedBlock& block, std::span<const DispatchedAction> dispatched, BlockOutcome& out,
                 LedgerTx& tx);
    Status write_change(const BlockChange& change, LedgerTx& tx);
    void committed(const BlockOutcome& outcome);
    void announce(const BlockOutcome& outcome);
    Status read_wallet(const std::string& agent_id, Wallets& out, LedgerTx& tx) const;
    bool epoch_due(const LedgerNumbers& numbers) const;
    std::chrono::nanoseconds elapsed() const { return epoch_before + (clock.steady() - epoch_since); }
};

}  // namespace ioswarm
