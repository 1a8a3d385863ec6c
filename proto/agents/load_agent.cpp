// SPDX-License-Identifier: Apache-2.0
#include "proto/agents/load_agent.hpp"

#include <utility>

namespace ioswarm::proto {
namespace {

/// Whether the error will be the same at every later attempt.
bool is_for_good(const Error& error) {
    return error.code == ErrorCode::unauthenticated || error.code == ErrorCode::permission_denied ||
           error.code == ErrorCode::invalid_argument;
}

Clock::Steady now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

/// While an object of this class exists, leave() waits as for a submission. Create it before reading `leaving`:
/// then leave() either waits for the batch, or the batch is not started.
class LoadGenerator::Working {
  public:
    explicit Working(Shared& shared) : shared_(shared) { shared_.submission_began(); }
    ~Working() { shared_.submission_ended(); }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;

  private:
    Shared& shared_;
};

LoadGenerator::Work::Work(Shared& shared, std::uint32_t index)
    : shared_(shared), index_(index), fault_(shared.faults.of(index)) {}

void LoadGenerator::Work::registered() {
    if (!std::exchange(has_joined_, true)) shared_.agent_joined();
}

void LoadGenerator::Work::refused(const std::string& reason) {
    if (shared_.leaving) return;
    const Error error{ErrorCode::resource_exhausted,
                      "agents cannot join",
                      load_agent_id(shared_.settings, index_),
                      reason,
                      {}};
    shared_.agent_failed(error, !has_joined_);
}

void LoadGenerator::Work::failed(const Error& error) {
    if (!shared_.leaving) shared_.agent_failed(error, is_for_good(error) && !has_joined_);
}

void LoadGenerator::Work::on_batch(Agent& agent, TaskBatch batch_in) {
    const Working working(shared_);
    if (shared_.leaving) return agent.next();  // end_stream() may have run before this message came
    auto batch = std::make_shared<Batch>();
    batch->agent = agent.shared_from_this();
    batch->batch = std::move(batch_in);
    batch->delivered_at = now();
    shared_.record.delivered(index_, batch->batch.tasks.size());
    if (shared_.faults.shares().for_others > 0) shared_.show_batch(index_, batch->batch);
    const std::uint32_t before = batches_++;
    if (fault_ == sim::AgentFault::vanish && !has_vanished_ &&
        before >= shared_.faults.batches_before_vanishing(index_)) {
        return vanish(batch->agent);
    }
    if (fault_ == sim::AgentFault::never_read) return;  // without next() the stream is never read again
    compute(*batch);
    if (fault_ == sim::AgentFault::late) {
        static_cast<void>(shared_.context.loop.after(shared_.settings.late_by, [this, batch] {
            const Working still(shared_);
            if (!shared_.leaving) hand_in(batch);
        }));
        return;
    }
    if (fault_ == sim::AgentFault::for_others) {
        return answer_for_others(batch, [this, batch] { hand_in(batch); });
    }
    hand_in(batch);
}

void LoadGenerator::Work::compute(Batch& batch) {
    batch.result = batch.agent->answer(
        batch.batch, shared_.settings.answer,
        [&](const TaskPackage& task, const TaskResult& result, std::chrono::nanoseconds took) {
            shared_.record.computed(index_, took);
            const bool executed = task.evm_tx && shared_.settings.level == TaskLevel::l3_full_execute;
            batch.answers.push_back(
                {shared_.record.identify(task.tx_raw), result.valid, executed, result.gas_used != 0});
        });
}

/// Submits a forged answer: alternately under its own name for another agent's batch, and under another agent's
/// name. All verdicts are inverted, so that it would show if the coordinator accepted them.
void LoadGenerator::Work::answer_for_others(const BatchPtr& batch, std::function<void()> then) {
    BatchResult forged = batch->result;
    for (TaskResult& result : forged.results)
        result.valid = !result.valid;
    const auto other = shared_.batch_of_another(index_);
    if (batches_ % 2 == 0 && other) {
        forged.batch_id = other->batch_id;
        forged.results.resize(other->tasks.size());
        for (std::size_t i = 0; i < other->tasks.size(); ++i)
            forged.results[i].task_id = other->tasks[i];
    } else {
        forged.agent_id = load_agent_id((index_ + 1) % shared_.settings.agents);
        if (other) forged.batch_id = other->batch_id;
    }
    submit(batch->agent, forged, [this, then = std::move(then)](sim::Outcome outcome) {
        shared_.record.foreign_submission(outcome);
        then();
    });
}

void LoadGenerator::Work::hand_in(const BatchPtr& batch) {
    submit(batch->agent, batch->result, [this, batch](sim::Outcome outcome) {
        shared_.record.submitted(index_, batch->answers, outcome, batch->delivered_at, now());
        if (fault_ == sim::AgentFault::twice && !shared_.leaving) return hand_in_again(batch);
        batch->agent->next();
    });
}

void LoadGenerator::Work::hand_in_again(const BatchPtr& batch) {
    submit(batch->agent, batch->result, [this, batch](sim::Outcome outcome) {
        shared_.record.second_submission(outcome);
        batch->agent->next();
    });
}

void LoadGenerator::Work::submit(const AgentPtr& agent, const BatchResult& result, const Then& then) {
    shared_.submission_began();
    const bool started = agent->submit(result, [this, agent, then](const Result<SubmitResponse>& response) {
        then(outcome_of(*agent, response));
        shared_.submission_ended();
    });
    if (started) return;
    then(sim::Outcome::unknown);
    shared_.submission_ended();
}

sim::Outcome LoadGenerator::Work::outcome_of(const Agent& agent, const Result<SubmitResponse>& response) const {
    if (!response) {
        if (response.error().code == ErrorCode::resource_exhausted) return sim::Outcome::rate_limited;
        shared_.context.log.warn("agent {}: outcome of results unknown: {}", agent.profile().id,
                                 response.error().text());
        return sim::Outcome::unknown;
    }
    // A reason beside accepted=true means that some results were accepted; which ones is not known.
    if (response->accepted) return response->reason.empty() ? sim::Outcome::accepted : sim::Outcome::unknown;
    // The protocol has no code for a late answer, only the text.
    return response->reason.find("too late") != std::string::npos ? sim::Outcome::refused_late
                                                                  : sim::Outcome::refused;
}

void LoadGenerator::Work::vanish(const AgentPtr& agent) {
    has_vanished_ = true;
    shared_.record.vanished();
    agent->disconnect();
    if (!shared_.faults.comes_back(index_)) return;
    static_cast<void>(shared_.context.loop.after(shared_.settings.away_for, [this, agent] {
        shared_.record.returned();
        agent->register_now();
    }));
}

}  // namespace ioswarm::proto
