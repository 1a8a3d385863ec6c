// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/coordinator/counters.hpp"
#include "core/coordinator/task.hpp"
#include "core/coordinator/task_book.hpp"
#include "core/coordinator/task_run.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/state_reader.hpp"

namespace ioswarm {

/// Maximum number of addresses per call to the state reader; a node accepts batches of up to 100 web3 calls.
inline constexpr std::size_t kAddressesPerRead = 100;
/// A task whose accounts are not read within this time is tried again at the next poll, in a read of its own.
inline constexpr std::chrono::milliseconds kReadDeadline{2000};
/// If no account could be read at this many tips in a row, tasks are sent without accounts, at L1. A read that
/// a new block overtakes fails too, but hardly at three tips in a row.
inline constexpr int kTipsWithoutAccounts = 3;
/// While no account can be read and no task needs one, one is read this often to see whether it works again.
inline constexpr std::chrono::seconds kProbeEvery{5};

/// One call to the state reader. `height` and `addresses` do not change after planning, so they may be read
/// without a lock. `waiting` may be used only by the prefetcher.
struct AccountRead {
    struct Waiting {
        TaskPtr task;
        std::uint64_t reading = 0;  // value of Task::reading when the task began to wait
        bool as_sender = false;
    };

    std::uint64_t height = 0;
    bool alone = false;  ///< for a task whose last read failed; it may hang, so other reads go first
    /// No task waits for it. It only shows whether accounts can be read again.
    bool is_probe = false;
    std::vector<Address> addresses;
    std::vector<std::vector<Waiting>> waiting;  // one list per address
};
using AccountReadPtr = std::shared_ptr<AccountRead>;

/// Makes the call in the caller's thread and converts the answers into the form that tasks carry. Touches
/// nothing else.
[[nodiscard]] std::vector<Result<AccountPtr>> read_accounts(StateReader& reader, const AccountRead& read);

/// A task whose accounts are read and whose transaction is to be run.
struct PlannedRun {
    TaskPtr task;
    std::uint64_t reading = 0;  ///< value of Task::reading
    std::uint64_t height = 0;
};

/// Plans which accounts to read for which tasks and stores the results in the tasks. If agents that execute
/// transactions are connected, it then plans the runs of the transactions. Each address is read once per block.
/// Not thread-safe. The reads themselves happen elsewhere, on as many threads as the caller likes.
class Prefetcher {
  public:
    Prefetcher(TaskBook& book, const metrics::Registry& registry) : book_(book), counters_(registry) {}

    /// Plans reads for the oldest tasks that wait for accounts, for at most `room` of them (more would be
    /// outdated before they find an agent). Tasks whose accounts are already known become ready at once.
    [[nodiscard]] std::vector<AccountReadPtr> plan(std::size_t room, Clock::Steady now);
    /// The same for tasks whose last read failed. Call it once per poll; it takes the tasks in turn and plans a
    /// separate read for each.
    [[nodiscard]] std::vector<AccountReadPtr> plan_again(std::size_t room, Clock::Steady now);
    /// While no account can be read, returns from time to time a read that shows whether one can be read again,
    /// if no task needs one. Otherwise null.
    [[nodiscard]] AccountReadPtr plan_probe(Clock::Steady now);
    /// Call this after each poll. Reads that were refused because of the tip's height may then be tried again.
    /// If a task that was read alone got its accounts, the failure may have been general, so the others that
    /// failed only once are read together again.
    void on_poll();
    /// True if a task still waits for this read. Otherwise the read need not be made and is forgotten.
    [[nodiscard]] bool wanted(const AccountReadPtr& read);
    /// Takes the answers of a read, in the order of its addresses.
    void done(const AccountReadPtr& read, std::vector<Result<AccountPtr>> answers);
    /// Gives up waiting for reads and runs that take too long.
    void expire(Clock::Steady now);

    /// From now on runs are counted.
    void count_runs(const metrics::Registry& registry) { run_counters_ = RunCounters(registry); }
    /// Sets whether transactions are run from now on. If not, tasks are sent without runs.
    void want_runs(bool wanted) { runs_wanted_ = wanted; }
    /// Returns the runs planned since the last call. Their deadline starts now.
    [[nodiscard]] std::vector<PlannedRun> take_runs(Clock::Steady now);
    /// True if the task still waits for this run.
    [[nodiscard]] static bool wanted(const RunRequest& run) { return run.task->reading == run.reading; }
    void done(const RunRequest& run, RunAnswer answer);

    /// The error of the last read if no account could be read at kTipsWithoutAccounts tips in a row. Empty
    /// again as soon as one is read.
    [[nodiscard]] std::optional<Error> fault() const;
    [[nodiscard]] bool has_fault() const { return tips_failed_ >= kTipsWithoutAccounts; }
    /// True if accounts are read at the block before the tip, because the source's state follows its blocks one
    /// block later. This is tried when all reads at the tip were refused because of their height.
    [[nodiscard]] bool reads_one_behind() const { return one_behind_; }

    /// True if a read was refused because of its height. Polling soon then helps.
    [[nodiscard]] bool waits_for_poll() const { return wait_for_poll_; }

  private:
    struct Known {
        AccountPtr value;     // null while it is being read
        AccountReadPtr read;  // null once it is known
        std::size_t index = 0;
    };
    struct Deadline {
        Clock::Steady at;
        TaskPtr task;
        std::uint64_t reading;
        std::uint64_t height;
    };

    void follow_tip();
    void note_failure(const Error& error);
    void begin(const TaskPtr& task, bool alone, std::vector<AccountReadPtr>& reads, Clock::Steady now);
    void want(const TaskPtr& task, const Address& address, bool as_sender, bool alone,
              std::vector<AccountReadPtr>& reads);
    void accounts_there(const TaskPtr& task, std::uint64_t height);
    [[nodiscard]] bool wants_run(const Task& task, std::uint64_t height) const;
    void finish(const TaskPtr& task, std::uint64_t height);
    void fail_read(const TaskPtr& task, bool alone_next);

    TaskBook& book_;
    std::unordered_map<Address, Known, FixedBytesHash> known_;  // accounts at known_height_
    std::uint64_t known_height_ = 0;
    std::deque<Deadline> deadlines_;  // in order of time, because all get the same time
    std::vector<PlannedRun> planned_runs_;
    bool runs_wanted_ = false;
    std::uint64_t next_reading_ = 1;
    std::size_t reading_ = 0;  // number of tasks being read, except those read alone
    bool wait_for_poll_ = false;
    int tips_failed_ = 0;           // tips in a row at which no account could be read
    std::uint64_t failed_tip_ = 0;  // the last of them
    Error last_failure_;
    bool one_behind_ = false;
    Clock::Steady asked_at_{};          // when the last read was planned
    std::weak_ptr<AccountRead> probe_;  // expired when the last probe was made or dropped
    bool answers_again_ = false;        // since the last poll, a task that was read alone got its accounts
    std::uint64_t tried_again_ = 0;     // Task::order of the last task that plan_again() tried
    const ReadCounters counters_;
    RunCounters run_counters_;
};

}  // namespace ioswarm
