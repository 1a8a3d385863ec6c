// SPDX-License-Identifier: Apache-2.0
#pragma once

// Internals of LoadGenerator: the data that its agents share (load_generator.cpp), and one agent
// (load_agent.cpp).

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "proto/agents/load_generator.hpp"
#include "proto/agents/rpc_loop.hpp"

namespace ioswarm::proto {

/// Outlives every callback, because leave() waits for them.
class LoadGenerator::Shared {
  public:
    Shared(LoadSettings settings_in, const sim::FaultPlan& faults_in, sim::RunRecord& record_in, Log log_in);

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
    const Log log;
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
    RpcLoop loop;  ///< last, because its threads use all members above
};

/// One agent's state machine. It writes to the record only in the callbacks of its stream and of the submission
/// that the stream waits for. Those never overlap.
class LoadGenerator::Agent : public std::enable_shared_from_this<LoadGenerator::Agent> {
  public:
    Agent(Shared& shared, std::uint32_t index);

    void register_now();
    /// Ends the stream, if there is one, also while one of its batches is being worked on.
    void let_go();
    [[nodiscard]] bool in_touch() const { return in_touch_; }

  private:
    using StreamPtr = std::shared_ptr<RpcLoop::Stream>;
    using Then = std::function<void(sim::Outcome)>;
    struct Batch {
        TaskBatch batch;
        Clock::Steady delivered_at;
        BatchResult result;
        std::vector<sim::RunRecord::Answered> answers;
    };
    using BatchPtr = std::shared_ptr<Batch>;

    [[nodiscard]] ClientCall rpc(const char* method, std::chrono::milliseconds deadline) const;
    template <typename Response>
    [[nodiscard]] Result<Response> read(const Result<Bytes>& answer) const;

    void registered(const Result<RegisterResponse>& response);
    void failed(const Error& error, bool for_good);
    void heartbeat_later(bool first);
    void heartbeat();
    void open_stream();
    void cancel_stream();
    [[nodiscard]] StreamPtr take_parked();
    /// Reads the next batch. Does nothing if that was already done.
    void resume();
    void work_on(const StreamPtr& stream, const Bytes& message);
    void compute(Batch& batch);
    void answer_for_others(const BatchPtr& batch, std::function<void()> then);
    void hand_in(const BatchPtr& batch);
    void hand_in_again(const BatchPtr& batch);
    void submit(const BatchResult& result, const Then& then);
    [[nodiscard]] sim::Outcome outcome_of(const Result<SubmitResponse>& response) const;
    void vanish();

    Shared& shared_;
    const std::uint32_t index_;
    const AgentProfile profile_;
    const sim::AgentFault fault_;
    std::atomic<bool> away_{false};      ///< true while the agent has vanished
    std::atomic<bool> in_touch_{false};  ///< false after a registration or a stream has failed
    std::atomic<bool> beating_{false};
    std::atomic<std::uint32_t> tasks_processed_{0};
    std::atomic<std::chrono::milliseconds> heartbeat_every_{std::chrono::seconds(10)};
    bool counted_ = false;       ///< has joined once; used by the registration only
    bool has_vanished_ = false;  ///< used by the stream's callbacks only, as is the next
    std::uint32_t batches_ = 0;
    mutable std::mutex mutex_;  // guards all members below
    std::shared_ptr<grpc::Channel> channel_;
    StreamPtr parked_;  ///< the stream whose message is being worked on
    std::weak_ptr<RpcLoop::Stream> stream_;
};

}  // namespace ioswarm::proto
