// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/prefetcher.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace ioswarm {
namespace {

// Maximum number of cached accounts; above it the cache is cleared. A block seldom has more senders and
// receivers than this.
constexpr std::size_t kMaxKnown = 200'000;
/// How often a run is tried for one task when new blocks keep overtaking it. After that the task goes out
/// without a run.
constexpr std::uint32_t kMaxOvertaken = 3;

AccountPtr to_snapshot(const Address& address, const AccountState& state) {
    auto snapshot = std::make_shared<AccountSnapshot>();
    snapshot->address = to_hex0x(address.view());
    snapshot->balance = to_decimal(state.balance_rau);
    snapshot->nonce = state.nonce;
    if (state.code_hash) snapshot->code_hash = to_bytes(state.code_hash->view());
    return snapshot;
}

}  // namespace

std::vector<Result<AccountPtr>> read_accounts(StateReader& reader, const AccountRead& read) {
    const std::vector<Result<AccountState>> states = reader.accounts(read.addresses, read.height);
    std::vector<Result<AccountPtr>> out;
    out.reserve(read.addresses.size());
    for (std::size_t i = 0; i < read.addresses.size(); ++i) {
        if (i >= states.size()) {
            out.emplace_back(
                fail(ErrorCode::bad_data, "cannot read accounts", {}, "fewer answers than addresses"));
        } else if (!states[i]) {
            out.emplace_back(fail(states[i].error()));
        } else {
            out.emplace_back(to_snapshot(read.addresses[i], *states[i]));
        }
    }
    return out;
}

void Prefetcher::follow_tip() {
    const std::uint64_t height = one_behind_ ? book_.tip() - 1 : book_.tip();
    if (known_height_ == height && known_.size() <= kMaxKnown) return;
    known_.clear();
    known_height_ = height;
}

void Prefetcher::note_failure(const Error& error) {
    last_failure_ = error;
    if (tips_failed_ != 0 && failed_tip_ == book_.tip()) return;
    failed_tip_ = book_.tip();
    ++tips_failed_;
    // The task book accepts accounts that are one block old, so nothing is lost by trying that height.
    if (tips_failed_ >= kTipsWithoutAccounts && error.code == ErrorCode::out_of_range)
        one_behind_ = !one_behind_;
}

std::optional<Error> Prefetcher::fault() const {
    if (!has_fault()) return std::nullopt;
    return last_failure_;
}

void Prefetcher::on_poll() {
    wait_for_poll_ = false;
    if (!std::exchange(answers_again_, false)) return;
    std::vector<TaskPtr> failed_once;
    for (const auto& [order, task] : book_.queue(TaskQueue::unreadable)) {
        if (task->reads_failed == 1) failed_once.push_back(task);
    }
    for (const TaskPtr& task : failed_once) {
        task->read_alone = false;
        book_.requeue(task);
    }
}

std::vector<AccountReadPtr> Prefetcher::plan(std::size_t room, Clock::Steady now) {
    std::vector<AccountReadPtr> reads;
    if (wait_for_poll_ || book_.tip() == 0) return reads;
    follow_tip();
    std::vector<TaskPtr> chosen;
    for (const auto& [order, task] : book_.queue(TaskQueue::unread)) {
        if (chosen.size() + reading_ >= room) break;
        if (task->reading == 0) chosen.push_back(task);
    }
    for (const TaskPtr& task : chosen)
        begin(task, false, reads, now);
    return reads;
}

std::vector<AccountReadPtr> Prefetcher::plan_again(std::size_t room, Clock::Steady now) {
    std::vector<AccountReadPtr> reads;
    if (wait_for_poll_ || book_.tip() == 0) return reads;
    follow_tip();
    const TaskBook::Queue& queue = book_.queue(TaskQueue::unreadable);
    std::vector<TaskPtr> chosen;
    auto at = queue.upper_bound(tried_again_);
    while (chosen.size() < std::min(room, queue.size())) {
        if (at == queue.end()) at = queue.begin();
        tried_again_ = at->first;
        chosen.push_back((at++)->second);
    }
    for (const TaskPtr& task : chosen)
        begin(task, true, reads, now);
    return reads;
}

AccountReadPtr Prefetcher::plan_probe(Clock::Steady now) {
    if (!has_fault() || wait_for_poll_ || book_.tip() == 0) return nullptr;
    if (reading_ > 0 || !probe_.expired() || now - asked_at_ < kProbeEvery) return nullptr;
    follow_tip();
    asked_at_ = now;
    auto probe = std::make_shared<AccountRead>();
    probe->height = known_height_;
    probe->alone = true;
    probe->is_probe = true;
    probe->addresses.emplace_back();  // the zero address, which every node can read
    probe->waiting.emplace_back();
    probe_ = probe;
    return probe;
}

void Prefetcher::begin(const TaskPtr& task, bool alone, std::vector<AccountReadPtr>& reads, Clock::Steady now) {
    asked_at_ = now;
    task->reading = next_reading_++;
    task->reads_missing = 0;
    if (!task->read_alone) ++reading_;
    if (alone) {
        reads.push_back(std::make_shared<AccountRead>());
        reads.back()->height = known_height_;
        reads.back()->alone = true;
    }
    want(task, task->action->sender, true, alone, reads);
    if (task->action->receiver) {
        want(task, *task->action->receiver, false, alone, reads);
    } else {
        task->receiver = nullptr;
    }
    if (alone && reads.back()->addresses.empty()) reads.pop_back();
    if (task->reads_missing == 0) return accounts_there(task, known_height_);
    book_.requeue(task);  // so that it leaves the queue of unreadable tasks while it is being read
    deadlines_.push_back({now + kReadDeadline, task, task->reading, known_height_});
}

void Prefetcher::want(const TaskPtr& task, const Address& address, bool as_sender, bool alone,
                      std::vector<AccountReadPtr>& reads) {
    const auto at = known_.find(address);
    if (at != known_.end() && at->second.value) {
        (as_sender ? task->sender : task->receiver) = at->second.value;
        return;
    }
    ++task->reads_missing;
    const AccountRead::Waiting waiting{task, task->reading, as_sender};
    if (at != known_.end() && !alone) {
        at->second.read->waiting[at->second.index].push_back(waiting);
        return;
    }
    if (!alone && (reads.empty() || reads.back()->addresses.size() == kAddressesPerRead)) {
        reads.push_back(std::make_shared<AccountRead>());
        reads.back()->height = known_height_;
    }
    const AccountReadPtr& read = reads.back();
    if (alone && !read->addresses.empty() &&
        read->addresses.front() == address) {  // a transfer to the sender's own address
        read->waiting.front().push_back(waiting);
        return;
    }
    read->addresses.push_back(address);
    read->waiting.push_back({waiting});
    known_.insert_or_assign(address, Known{nullptr, read, read->addresses.size() - 1});
}

bool Prefetcher::wants_run(const Task& task, std::uint64_t height) const {
    return runs_wanted_ && task.action->evm_tx && task.run_height != height;
}

void Prefetcher::accounts_there(const TaskPtr& task, std::uint64_t height) {
    if (!wants_run(*task, height)) return finish(task, height);
    task->reading = next_reading_++;
    task->is_being_run = true;
    planned_runs_.push_back({task, task->reading, height});
    book_.requeue(task);
}

std::vector<PlannedRun> Prefetcher::take_runs(Clock::Steady now) {
    for (const PlannedRun& run : planned_runs_)
        deadlines_.push_back({now + kReadDeadline, run.task, run.reading, run.height});
    return std::exchange(planned_runs_, {});
}

void Prefetcher::done(const RunRequest& run, RunAnswer answer) {
    run_counters_.ends[static_cast<std::size_t>(answer.end)].add();
    const TaskPtr& task = run.task;
    if (task->reading != run.reading) return;  // nobody waits for this run any more
    if (answer.end == RunEnd::tip_moved) {
        if (run.height == known_height_) wait_for_poll_ = true;
        if (++task->runs_overtaken < kMaxOvertaken) return fail_read(task, false);
    }
    task->run = std::move(answer.run);
    task->run_height = run.height;
    finish(task, run.height);
}

void Prefetcher::finish(const TaskPtr& task, std::uint64_t height) {
    task->reading = 0;
    task->is_being_run = false;
    task->runs_overtaken = 0;
    // The task's accounts are now newer than its run.
    if (task->run && task->run->height != height) task->run = nullptr;
    if (!task->read_alone) --reading_;
    answers_again_ = answers_again_ || task->read_alone;
    task->read_alone = false;
    task->reads_failed = 0;
    task->accounts_height = height;
    if (TaskBook::was_mined_before(*task)) return book_.mined_before(task);
    book_.requeue(task);
}

void Prefetcher::fail_read(const TaskPtr& task, bool alone_next) {
    task->reading = 0;
    task->is_being_run = false;
    if (!task->read_alone) --reading_;
    task->read_alone = alone_next;
    if (alone_next) ++task->reads_failed;
    book_.requeue(task);
}

bool Prefetcher::wanted(const AccountReadPtr& read) {
    if (read->is_probe) return true;
    for (const auto& tasks : read->waiting) {
        for (const AccountRead::Waiting& waiting : tasks) {
            if (waiting.task->reading == waiting.reading) return true;
        }
    }
    for (const Address& address : read->addresses) {
        const auto at = known_.find(address);
        if (at != known_.end() && at->second.read == read) known_.erase(at);
    }
    return false;
}

void Prefetcher::done(const AccountReadPtr& read, std::vector<Result<AccountPtr>> answers) {
    const bool current = read->height == known_height_;
    for (std::size_t i = 0; i < read->addresses.size() && i < answers.size(); ++i) {
        const Result<AccountPtr>& answer = answers[i];
        const bool moved = !answer && answer.error().code == ErrorCode::out_of_range;
        (answer ? counters_.accounts : moved ? counters_.out_of_range : counters_.failed).add();
        if (moved && current) wait_for_poll_ = true;
        if (answer) {
            tips_failed_ = 0;
        } else {
            note_failure(answer.error());
        }
        if (current) {
            const auto at = known_.find(read->addresses[i]);
            const bool mine = at != known_.end() && at->second.read == read;
            if (mine && answer) at->second = Known{*answer, nullptr, 0};
            if (mine && !answer) known_.erase(at);
        }
        for (const AccountRead::Waiting& waiting : read->waiting[i]) {
            const TaskPtr& task = waiting.task;
            // The task gave up waiting, or another of its reads failed.
            if (task->reading != waiting.reading) continue;
            if (!answer) {
                fail_read(task, !moved);
                continue;
            }
            (waiting.as_sender ? task->sender : task->receiver) = *answer;
            if (--task->reads_missing == 0) accounts_there(task, read->height);
        }
        read->waiting[i].clear();
    }
}

void Prefetcher::expire(Clock::Steady now) {
    while (!deadlines_.empty()) {
        const Deadline& first = deadlines_.front();
        const bool waits = first.task->reading == first.reading;
        if (waits && first.at > now) return;
        if (waits && first.task->is_being_run) {
            run_counters_.late.add();
            first.task->run_height = first.height;
            finish(first.task, first.height);
        } else if (waits) {
            counters_.late.add();
            note_failure({ErrorCode::timed_out,
                          "cannot read an account",
                          "block " + std::to_string(first.height),
                          "no answer in time",
                          {}});
            fail_read(first.task, true);
        }
        deadlines_.pop_front();
    }
}

}  // namespace ioswarm
