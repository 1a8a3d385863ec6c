// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/coordinator/task.hpp"
#include "core/coordinator/task_book.hpp"
#include "core/coordinator/task_run.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/state_reader.hpp"

namespace ioswarm {

/// Addresses a call to the state reader asks for (node.md: web3 batches of up to 100).
inline constexpr std::size_t kAddressesPerRead = 100;
/// A task whose accounts are not there by then is tried again at the next poll, with a read of its own.
inline constexpr std::chrono::milliseconds kReadDeadline{2000};

/// One call to the state reader. `height` and `addresses` never change after it was planned and may be read
/// without a lock; `waiting` belongs to the prefetcher.
struct AccountRead {
    struct Waiting {
        TaskPtr task;
        std::uint64_t reading = 0;  // Task::reading when it began to wait
        bool as_sender = false;
    };

    std::uint64_t height = 0;
    bool alone = false;  ///< for a task whose last read failed: may well hang, so others go first
    std::vector<Address> addresses;
    std::vector<std::vector<Waiting>> waiting;  // by address
};
using AccountReadPtr = std::shared_ptr<AccountRead>;

/// Makes the call, in the caller's thread, and what it answers into what tasks carry. Touches nothing else.
[[nodiscard]] std::vector<Result<AccountPtr>> read_accounts(StateReader& reader, const AccountRead& read);

struct ReadCounters {
    std::uint64_t accounts = 0;      ///< read
    std::uint64_t failed = 0;        ///< answered with an error
    std::uint64_t out_of_range = 0;  ///< the tip had moved; read again at the new one
    std::uint64_t late = 0;          ///< tasks whose accounts were not there in time
};

struct RunCounters {
    std::array<std::uint64_t, kRunEnds> ends{};  ///< by RunEnd
    std::uint64_t late = 0;                      ///< runs that were not there in time

    [[nodiscard]] std::uint64_t of(RunEnd end) const { return ends[static_cast<std::size_t>(end)]; }
};

/// A task whose accounts are there and whose transaction is to be run.
struct PlannedRun {
    TaskPtr task;
    std::uint64_t reading = 0;  ///< Task::reading
    std::uint64_t height = 0;
};

/// Plans which accounts to read for which tasks, and hands what was read to them; then, when agents that
/// execute are there, the runs of their transactions. An address is read once per block. Not thread-safe; the
/// reading itself happens elsewhere, on as many threads as its caller likes.
class Prefetcher {
  public:
    explicit Prefetcher(TaskBook& book) : book_(book) {}

    /// Reads for the oldest tasks that wait for accounts, at most `room` of them (more would be outdated before
    /// they find an agent). Tasks whose accounts were read before are ready at once.
    [[nodiscard]] std::vector<AccountReadPtr> plan(std::size_t room, Clock::Steady now);
    /// As plan(), for those whose last read failed: once a poll, in turn, each in a read of its own.
    [[nodiscard]] std::vector<AccountReadPtr> plan_again(std::size_t room, Clock::Steady now);
    /// A new poll: what the tip's height refused may be asked again. After one of those read alone answered,
    /// the others that failed once, perhaps because nobody answered, are read together again.
    void on_poll();
    /// Whether a task still waits for it. If not, the read need not be made and is forgotten.
    [[nodiscard]] bool wanted(const AccountReadPtr& read);
    /// The answers of a read, in the order of its addresses.
    void done(const AccountReadPtr& read, std::vector<Result<AccountPtr>> answers);
    /// Gives up waiting for reads and runs that take too long.
    void expire(Clock::Steady now);

    /// Whether transactions are run from now on. Tasks go out without their runs where not.
    void want_runs(bool wanted) { runs_wanted_ = wanted; }
    /// Runs planned since the last call; their time begins now.
    [[nodiscard]] std::vector<PlannedRun> take_runs(Clock::Steady now);
    /// Whether the task still waits for the run.
    [[nodiscard]] static bool wanted(const RunRequest& run) { return run.task->reading == run.reading; }
    void done(const RunRequest& run, RunAnswer answer);
    [[nodiscard]] const RunCounters& run_counters() const { return run_counters_; }

    /// True after a read was refused because of its height: polling soon helps.
    [[nodiscard]] bool waits_for_poll() const { return wait_for_poll_; }
    [[nodiscard]] const ReadCounters& counters() const { return counters_; }

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
    void begin(const TaskPtr& task, bool alone, std::vector<AccountReadPtr>& reads, Clock::Steady now);
    void want(const TaskPtr& task, const Address& address, bool as_sender, bool alone,
              std::vector<AccountReadPtr>& reads);
    void accounts_there(const TaskPtr& task, std::uint64_t height);
    [[nodiscard]] bool wants_run(const Task& task, std::uint64_t height) const;
    void finish(const TaskPtr& task, std::uint64_t height);
    void fail_read(const TaskPtr& task, bool alone_next);

    TaskBook& book_;
    std::unordered_map<Address, Known, FixedBytesHash> known_;  // at known_height_
    std::uint64_t known_height_ = 0;
    std::deque<Deadline> deadlines_;  // in order: the time allowed is the same for all
    std::vector<PlannedRun> planned_runs_;
    bool runs_wanted_ = false;
    std::uint64_t next_reading_ = 1;
    std::size_t reading_ = 0;  // tasks, but for those read alone
    bool wait_for_poll_ = false;
    bool answers_again_ = false;     // a task that was read alone has its accounts, since the last poll
    std::uint64_t tried_again_ = 0;  // order of the last task of plan_again()
    ReadCounters counters_;
    RunCounters run_counters_;
};

}  // namespace ioswarm
