// SPDX-License-Identifier: Apache-2.0
// Submissions of agents: which results count, and what the agent is told about the others.
#include <algorithm>

#include "core/auth/access.hpp"
#include "core/coordinator/engine.hpp"
#include "core/model/agent_id.hpp"

namespace ioswarm {
namespace {

// A reason for refusing results: the counter that counts it and the text that the agent receives.
struct Refusal {
    metrics::Counter EngineCounters::*counter;
    const char* reason;
};
constexpr Refusal kNotRegistered{&EngineCounters::refused_not_registered, "agent not registered"};
constexpr Refusal kUnknownBatch{&EngineCounters::refused_unknown_batch,
                                "no such batch was given to this agent"};
constexpr Refusal kUnknownTask{&EngineCounters::refused_unknown_task, "no such task in this batch"};
constexpr Refusal kRepeated{&EngineCounters::refused_repeated, "already answered"};
constexpr Refusal kLate{&EngineCounters::refused_late, "too late: the task went to another agent"};
constexpr Refusal kEmpty{&EngineCounters::refused_empty, "no results"};

constexpr std::chrono::hours kLogEvery{1};

}  // namespace

/// What examine() found in a submission. Nothing has been changed yet.
struct Engine::CheckedResult {
    struct Good {
        std::size_t task;    // index in the batch
        std::size_t result;  // index in the submission
    };
    BatchPtr batch;
    std::vector<Good> good;
    std::vector<std::pair<const Refusal*, std::uint64_t>> refused;  // reason and number of results

    void refuse(const Refusal& why, std::uint64_t results = 1) {
        const auto at =
            std::find_if(refused.begin(), refused.end(), [&](const auto& r) { return r.first == &why; });
        if (at != refused.end()) {
            at->second += results;
        } else {
            refused.emplace_back(&why, results);
        }
    }
    [[nodiscard]] std::string text() const {
        std::string out;
        for (const auto& [why, results] : refused) {
            out += fmt::format("{}{}", out.empty() ? "" : "; ", why->reason);
            if (!good.empty() || refused.size() > 1) out += fmt::format(" ({} results)", results);
        }
        return out;
    }
};

Engine::CheckedResult Engine::examine(const Agent& agent, const BatchResult& submitted) const {
    CheckedResult verdict;
    const std::uint64_t results = std::max<std::size_t>(submitted.results.size(), 1);
    const auto number = batch_number(submitted.batch_id);
    const auto has_number = [&](const BatchPtr& batch) { return number && batch->number == *number; };
    for (const auto* list : {&agent.batches, &agent.orphans}) {
        const auto at = std::find_if(list->begin(), list->end(), has_number);
        if (at != list->end() && (*at)->taken) verdict.batch = *at;
    }
    if (!verdict.batch) {
        const auto over = std::find_if(agent.over.begin(), agent.over.end(),
                                       [&](const Agent::Over& o) { return number && o.number == *number; });
        if (over == agent.over.end()) {
            verdict.refuse(kUnknownBatch, results);
        } else {
            verdict.refuse(over->how == BatchEnd::late ? kLate : kRepeated, results);
        }
        return verdict;
    }
    if (submitted.results.empty()) verdict.refuse(kEmpty);
    std::vector<GivenTask>& tasks = verdict.batch->tasks;
    std::vector<bool> used(tasks.size());
    for (std::size_t r = 0; r < submitted.results.size(); ++r) {
        const std::uint32_t id = submitted.results[r].task_id;
        const auto at =
            std::find_if(tasks.begin(), tasks.end(), [&](const GivenTask& g) { return g.task->id == id; });
        if (at == tasks.end()) {
            verdict.refuse(kUnknownTask);
            continue;
        }
        const auto index = static_cast<std::size_t>(at - tasks.begin());
        if (used[index] || at->state == PartState::answered || at->state == PartState::recording) {
            verdict.refuse(kRepeated);
            continue;
        }
        const Task::Part* part = at->task->part_of(*agent.name);
        // Only tick() ends a task's time. After a stall of this machine, answers that came in time are
        // therefore read first.
        const bool theirs =
            at->state == PartState::holding || (at->state == PartState::orphaned && part &&
                                                part->state == PartState::orphaned && at->task->missing() > 0);
        if (!theirs) {
            verdict.refuse(kLate);
            continue;
        }
        used[index] = true;
        verdict.good.push_back({index, r});
    }
    return verdict;
}

Result<std::variant<SubmitResponse, Submission>> Engine::judge(const std::string& id,
                                                               const BatchResult& submitted) {
    Effects effects;
    auto judged = judge(id, submitted, effects);
    fire(effects);
    return judged;
}

Result<std::variant<SubmitResponse, Submission>> Engine::judge(const std::string& id,
                                                               const BatchResult& submitted, Effects& effects) {
    using Judged = std::variant<SubmitResponse, Submission>;
    if (submitted.results.size() > kMaxResults) {
        return fail(ErrorCode::invalid_argument, "cannot take results", "results",
                    fmt::format("more than {} in a batch", kMaxResults));
    }
    const Clock::Steady now = clock_.steady();
    const std::lock_guard lock(mutex_);
    const AgentPtr agent = registry_.find(id);
    if (!agent) {
        (counters_.*kNotRegistered.counter).add(submitted.results.size());
        log_refusal(nullptr, id, kNotRegistered.reason, now, effects);
        return Judged(SubmitResponse{false, kNotRegistered.reason});
    }
    // The public agent answers each batch once, also one without tasks. The next such answer is refused.
    if (submitted.results.empty() && !submitted.batch_id.empty() && submitted.batch_id == agent->idle_batch) {
        agent->idle_batch.clear();
        counters_.idle_batches_answered.add();
        return Judged(SubmitResponse{true, {}});
    }
    CheckedResult verdict = examine(*agent, submitted);
    const bool free = !verdict.good.empty() && !verdict.batch->answered;
    if (!free && !agent->limiter.allow(now)) {
        counters_.submissions_refused_rate.add();
        return fail(
            ErrorCode::resource_exhausted, "cannot take results", id,
            fmt::format("more than {} submissions per second that answer no new batch", kSubmitRatePerSecond));
    }
    for (const auto& [why, results] : verdict.refused)
        (counters_.*(why->counter)).add(results);
    if (!verdict.refused.empty()) log_refusal(agent.get(), id, verdict.text(), now, effects);
    if (verdict.good.empty()) return Judged(SubmitResponse{false, verdict.text()});
    Submission submission = accept(agent, submitted, std::move(verdict), now, effects);
    submission.free = free;
    if (free) submission.batch->answered = true;
    return Judged(std::move(submission));
}

Submission Engine::accept(const AgentPtr& agent, const BatchResult& submitted, CheckedResult verdict,
                          Clock::Steady now, Effects& effects) {
    Submission out;
    out.agent = agent;
    begin_recording(*agent, now);
    out.note = verdict.text();
    const auto held =
        std::chrono::duration_cast<std::chrono::microseconds>(now - verdict.batch->taken.value_or(now));
    if (verdict.batch->taken) {
        counters_.task_round_trip.observe(held);
        if (settings_.on_round_trip) settings_.on_round_trip(held);
    }
    const auto longest = static_cast<std::uint64_t>(std::max<std::int64_t>(held.count(), 0));
    for (const CheckedResult::Good& good : verdict.good) {
        GivenTask& given = verdict.batch->tasks[good.task];
        const TaskResult& result = submitted.results[good.result];
        const PoolAction& action = *given.task->action;
        Answer answer;
        answer.agent_id = *agent->name;
        answer.action_hash = action.hash;
        answer.raw_id = action.raw_id;
        answer.sender = action.sender;
        answer.valid = result.valid;
        answer.has_reject_reason = !result.reject_reason.empty();
        answer.executed = is_executed(given, result);
        if (answer.executed) answer.run = compare_run(*agent, given, result, now, effects);
        // A diff shows its block's results too, and the agent may have it before the block is compared here.
        answer.known_height = std::max({book_.tip(), known_block_, agent->diffs_to});
        answer.latency_us = std::min(result.latency_us, longest);
        out.answers.push_back(std::move(answer));
        out.tasks.push_back(good.task);
        given.state = PartState::recording;
        if (Task::Part* part = given.task->part_of(*agent->name)) part->state = PartState::recording;
        book_.requeue(given.task);
    }
    out.batch = std::move(verdict.batch);
    return out;
}

void Engine::recorded(const Submission& submission, const Status& status) {
    const Clock::Steady now = clock_.steady();
    Agent& agent = *submission.agent;
    Effects effects;
    {
        const std::lock_guard lock(mutex_);
        end_recording(agent, now);
        agent.pace.add(submission.batch->taken.value_or(now), now, submission.tasks.size());
        const bool held = agent.registered && std::find(agent.batches.begin(), agent.batches.end(),
                                                        submission.batch) != agent.batches.end();
        for (const std::size_t index : submission.tasks) {
            GivenTask& given = submission.batch->tasks[index];
            Task::Part* part = given.task->part_of(*agent.name);
            if (status) {
                given.state = PartState::answered;
                if (part) part->state = PartState::answered;
                book_.answered(*given.task);
                continue;
            }
            // The agent may submit again if it still has the batch; otherwise another agent gets the task.
            given.state = PartState::holding;
            if (part) part->state = PartState::holding;
            if (!held) take_back(agent, *submission.batch, given, true);
        }
        if (!status) {
            counters_.submissions_not_recorded.add();
            if (submission.free) submission.batch->answered = false;
        } else {
            agent.tasks_processed += submission.tasks.size();
            forgive_and_catch_up(agent, now);
            counters_.results_accepted.add(submission.tasks.size());
        }
        if (agent.registered) {
            if (status && !submission.batch->is_open())
                agent.remember(submission.batch->number, BatchEnd::answered);
            drop_finished(agent);
            registry_.update(agent, now);
            announce_waiting(agent, effects);
            effects.wake = book_.waiting() > 0;
        }
    }
    fire(effects);
}

/// Logs at most once per hour and agent. All agents that are not registered count as one.
void Engine::log_refusal(Agent* agent, const std::string& id, const std::string& reason, Clock::Steady now,
                         Effects& effects) {
    std::optional<Clock::Steady>& last = agent ? agent->refusal_logged : stranger_logged_;
    if (last && now - *last < kLogEvery) return;
    last = now;
    effects.warnings.push_back(
        fmt::format("results of agent {} refused: {} (told once per hour; the counters have them all)",
                    agent_id_for_log(id), reason));
}

}  // namespace ioswarm
