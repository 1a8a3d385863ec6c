// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>

#include <grpcpp/channel.h>

#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"
#include "core/sim/agent_rules.hpp"
#include "proto/agents/agent_settings.hpp"
#include "proto/agents/rpc_loop.hpp"
#include "proto/codec/codec.hpp"

namespace ioswarm::proto {

/// What some agents of one process share. It must outlive them: end them with loop.stop_and_wait(), or by
/// destroying this object.
struct AgentContext {
    AgentContext(AgentTimes times_in, unsigned threads, Log log_in);

    /// Each counter is exact, but they are not all read at the same moment. Thread-safe.
    [[nodiscard]] AgentCounters counters() const;

    struct Counts {
        std::atomic<std::uint64_t> registrations{0}, failed_registrations{0}, streams_ended{0}, batches{0},
            tasks{0}, unreadable_batches{0}, submissions_accepted{0}, submissions_refused{0},
            submissions_failed{0}, heartbeats{0}, failed_heartbeats{0}, payouts{0};
    };

    const AgentTimes times;
    const Log log;
    Counts counts;
    /// True once it is known that the coordinator is about to stop. From then on an agent that loses its stream
    /// is not a problem, and it does not register again.
    std::atomic<bool> coordinator_stops{false};
    RpcLoop loop;  ///< last, because its threads use all members above
};

class Agent;

/// What an agent does with its batches, and who is told what happens to the agent. The functions are called on
/// the loop's threads. They must not wait for the network. Those of one agent do not overlap, except paid().
class AgentWork {
  public:
    virtual ~AgentWork() = default;

    /// A batch has come. Nothing more is read before agent.next() is called, now or later.
    virtual void on_batch(Agent& agent, TaskBatch batch) = 0;
    /// A message was not a batch. The agent reads the next one.
    virtual void unreadable() {}
    /// The coordinator has accepted the registration. The agent asks for tasks next.
    virtual void registered() {}
    /// The coordinator does not accept the agent, for example because it is full.
    virtual void refused(const std::string& /*reason*/) {}
    /// A registration got no answer or an error, or the task stream has ended.
    virtual void failed(const Error& /*error*/) {}
    /// A heartbeat brought a payout.
    virtual void paid() {}
    /// Asked after refused() and failed(): whether the agent tries again.
    [[nodiscard]] virtual bool keeps_trying() const { return true; }
};

/// One agent's state machine, the only one in the program. It registers, sends heartbeats, takes batches one
/// after the other, and submits their answers. When its stream ends for any reason, it waits and starts again
/// with the registration, except when the coordinator is known to stop. It waits longer each time that it is
/// refused. The calls use gRPC C++ and thus
/// content-type application/grpc, in either encoding. Thread-safe. Callbacks own it, so it lives as long as one
/// of them is pending; create it as a shared_ptr.
class Agent : public std::enable_shared_from_this<Agent> {
  public:
    /// Makes the agent's connection, or returns one that it shares with others.
    using Connect = std::function<std::shared_ptr<grpc::Channel>()>;
    using Submitted = std::function<void(Result<SubmitResponse>)>;
    /// Told each answer, and how long it took.
    using Answered = std::function<void(const TaskPackage&, const TaskResult&, std::chrono::nanoseconds)>;

    Agent(AgentContext& context, AgentProfile profile, Connect connect, std::unique_ptr<AgentWork> work);

    [[nodiscard]] const AgentProfile& profile() const noexcept { return profile_; }
    /// False before the first registration, and after a registration, a stream or a heartbeat has failed.
    [[nodiscard]] bool is_in_touch() const noexcept { return in_touch_ && heartbeat_failures_ == 0; }

    /// Starts the agent. Call it once, and again after each disconnect().
    void register_now();

    /// Makes the answers to a batch with `rules`, and fills in ids and times. `each` may be empty.
    [[nodiscard]] BatchResult answer(const TaskBatch& batch, const sim::AnswerTask& rules,
                                     const Answered& each);
    /// Returns false once a stop was requested; `then` is not called in that case.
    [[nodiscard]] bool submit(const BatchResult& result, Submitted then);
    /// Reads the next batch. Does nothing if it is being read already.
    void next();

    /// Ends the stream, if there is one, also while a batch is in work. The agent then registers again.
    void end_stream();
    /// Ends the stream, closes the connection and sends no more heartbeats, like an agent that has died.
    void disconnect();

  private:
    using StreamPtr = std::shared_ptr<RpcLoop::Stream>;

    [[nodiscard]] ClientCall rpc(const char* method, std::chrono::milliseconds deadline) const;
    template <typename Response>
    [[nodiscard]] Result<Response> read(const Result<Bytes>& answer) const;

    void registration_answered(const Result<RegisterResponse>& response, std::uint64_t life);
    void not_registered(const std::string& reason, bool is_refusal);
    void register_later();
    void heartbeat_later(bool first);
    void heartbeat();
    void heartbeat_answered(const Result<HeartbeatResponse>& response, std::uint64_t registration);
    void open_stream(std::uint64_t life);
    void stream_ended(const Status& status, std::uint64_t life);
    void take_message(const StreamPtr& stream, const Bytes& message);
    void count_submission(const Result<SubmitResponse>& response);
    void cancel_stream();
    [[nodiscard]] StreamPtr take_parked();

    AgentContext& context_;
    const AgentProfile profile_;
    const Connect connect_;
    const std::unique_ptr<AgentWork> work_;
    std::atomic<bool> in_touch_{false};
    /// How many heartbeats in a row got no answer since the last registration. A coordinator that stands still
    /// closes no stream, so only its missing answers show it.
    std::atomic<std::uint32_t> heartbeat_failures_{0};
    std::atomic<std::uint64_t> registration_{0};  ///< the number of accepted registrations
    std::atomic<bool> away_{false};               ///< true after disconnect()
    /// How often disconnect() was called. What began in an earlier life has no effect any more.
    std::atomic<std::uint64_t> life_{0};
    std::atomic<bool> beating_{false};  ///< true while a heartbeat is planned or under way
    std::atomic<std::uint32_t> tasks_processed_{0};
    std::atomic<std::chrono::milliseconds> heartbeat_every_;

    // Used only while the agent registers or waits to do so. Those callbacks never overlap.
    std::minstd_rand random_;
    unsigned refusals_ = 0;    ///< number of refused registrations in a row
    std::string told_reason_;  ///< the last reason that was logged

    mutable std::mutex mutex_;  // guards all members below
    std::shared_ptr<grpc::Channel> channel_;
    StreamPtr parked_;  ///< the stream whose batch is in work
    std::weak_ptr<RpcLoop::Stream> stream_;
};

}  // namespace ioswarm::proto
