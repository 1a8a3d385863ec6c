// SPDX-License-Identifier: Apache-2.0
#pragma once

// Internals of LoadGenerator: the data that its agents share (load_generator.cpp), and the work of one agent
// with its fault (load_agent.cpp). The agent itself is in agent.hpp.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "proto/agents/agent.hpp"
#include "proto/agents/load_generator.hpp"

namespace ioswarm::proto {

/// Outlives every callback, because leave() waits for them.
class LoadGenerator::Shared {
  public:
    Shared(LoadSettings settings_in, const sim::FaultPlan& faults_in, sim::RunRecord& record_in, Log log_in);

    [[nodiscard]] std::shared_ptr<Agent> make_agent(std::uint32_t index);
    /// The connection of this agent. If agents do not share connections, it is a new one.
    [[nodiscard]] std::shared_ptr<grpc::Channel> channel_of(std::uint32_t index);

    /// Report that an agent has joined or failed. After a join, further agents may start.
    void agent_joined();
    void agent_failed(const Error& error, bool for_good);
    void start_some();

    /// Report that a submission begins or has ended.
    void submission_began() { ++submissions; }
    void submission_ended();

    const LoadSettings settings;
    const sim::FaultPlan& faults;
    sim::RunRecord& record;
    std::atomic<bool> leaving{false};

    /// A batch of some agent, for agents that answer for others.
    struct ForeignBatch {
        std::uint32_t agent = 0;
        std::string batch_id;
        std::vector<std::uint32_t> tasks;
    };
    void show_batch(std::uint32_t agent, const TaskBatch& batch);
    [[nodiscard]] std::optional<ForeignBatch> batch_of_another(std::uint32_t agent) const;

    mutable std::mutex mutex;  // guards the members below, up to `foreign`
    std::condition_variable_any changed;
    std::uint32_t started = 0;
    std::uint32_t joined = 0;
    std::optional<Error> refused;
    std::optional<Error> last_failure;
    std::map<std::string, std::uint64_t> failures;
    std::vector<std::shared_ptr<grpc::Channel>> shared_channels;
    std::map<std::uint32_t, ForeignBatch> foreign;  // batches of the last two agents

    std::atomic<std::uint64_t> submissions{0};
    std::vector<std::shared_ptr<Agent>> agents;
    AgentContext context;  ///< last, because its threads use all members above
};

/// What one agent does with its batches, according to its fault. It writes to the record only in on_batch() and
/// in the callbacks of the submission that the batch waits for. Those never overlap.
class LoadGenerator::Work final : public AgentWork {
  public:
    Work(Shared& shared, std::uint32_t index);

    void on_batch(Agent& agent, TaskBatch batch) override;
    void unreadable() override { shared_.record.unreadable(); }
    void registered() override;
    void refused(const std::string& reason) override;
    void failed(const Error& error) override;
    void paid() override { shared_.record.paid(); }
    [[nodiscard]] bool keeps_trying() const override { return !shared_.leaving; }

  private:
    using AgentPtr = std::shared_ptr<Agent>;
    using Then = std::function<void(sim::Outcome)>;
    /// A batch in work. It keeps the agent, and so this object, alive.
    struct Batch {
        AgentPtr agent;
        TaskBatch batch;
        Clock::Steady delivered_at;
        BatchResult result;
        std::vector<sim::RunRecord::Answered> answers;
    };
    using BatchPtr = std::shared_ptr<Batch>;

    void compute(Batch& batch);
    void answer_for_others(const BatchPtr& batch, std::function<void()> then);
    void hand_in(const BatchPtr& batch);
    void hand_in_again(const BatchPtr& batch);
    void submit(const AgentPtr& agent, const BatchResult& result, const Then& then);
    [[nodiscard]] sim::Outcome outcome_of(const Agent& agent, const Result<SubmitResponse>& response) const;
    void vanish(const AgentPtr& agent);

    Shared& shared_;
    const std::uint32_t index_;
    const sim::AgentFault fault_;
    bool has_joined_ = false;    ///< used by the registration only
    bool has_vanished_ = false;  ///< used by on_batch() only, as is the next
    std::uint32_t batches_ = 0;
};

}  // namespace ioswarm::proto
