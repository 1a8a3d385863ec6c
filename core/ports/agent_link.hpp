// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/messages.hpp"
#include "core/ports/stream_sink.hpp"

namespace ioswarm {

/// The coordinator's side of a task stream: one object per accepted GetTasks.
class TaskStream {
  public:
    virtual ~TaskStream() = default;
    /// Returns the next batch for this agent, or null when none is waiting (on_ready comes later). Thread-safe.
    [[nodiscard]] virtual std::shared_ptr<const TaskBatch> take() = 0;
    /// Reports that the transport's side is gone (the client left, or a write failed). Unanswered tasks go to
    /// other agents. Call it at most once; once it has returned, the sink is not called again. Destroying the
    /// stream without this call has the same effect.
    virtual void closed() = 0;
};

/// The calls that agents make to the coordinator, in domain types. proto/ makes them for every rpc, after
/// authentication, size checks and decoding. `agent_id` is the authenticated id, or the claimed one where no
/// secret is configured.
/// Everything is thread-safe and nothing waits, because gRPC may have only two threads to call it on.
/// register_agent() and submit() need the disk, so they answer through their callbacks. The error of a Result
/// becomes the status of the rpc. A refusal that the protocol puts into a response is a response, not an error.
class AgentLink {
  public:
    using SubmitDone = std::function<void(Result<SubmitResponse>)>;
    using RegisterDone = std::function<void(Result<RegisterResponse>)>;

    virtual ~AgentLink() = default;

    /// `Register`. `done` is called exactly once, from any thread, perhaps before this returns. The rules for
    /// fields (capability, lengths, form of the wallet) are checked here too. A wallet that is no address, or
    /// is the zero address, gives accepted=true with the reason why the agent works unpaid. Errors:
    /// resource_exhausted (too soon after the last registration; the text says how many seconds to wait),
    /// unavailable (shutting down, or the ledger cannot be written).
    virtual void register_agent(const std::string& agent_id, const RegisterRequest& request,
                                RegisterDone done) = 0;

    /// `GetTasks`. Error: failed_precondition (the agent is not registered and must register again). `sink` is
    /// kept until on_end or closed(). Reasons of on_end: aborted (the agent opened a newer stream),
    /// permission_denied (revoked), unavailable (evicted, or shutting down).
    [[nodiscard]] virtual Result<std::unique_ptr<TaskStream>> open_task_stream(
        const std::string& agent_id, const GetTasksRequest& request, std::shared_ptr<StreamSink> sink) = 0;

    /// `SubmitResults`. `done` is called exactly once, from any thread, perhaps before this returns. A response
    /// with accepted=true comes only after the results are durable. Errors: resource_exhausted (too many
    /// results), unavailable (the ledger cannot be written).
    virtual void submit(const std::string& agent_id, BatchResult batch, SubmitDone done) = 0;

    /// `Heartbeat`. An unknown agent gets alive=false and the directive "shutdown".
    [[nodiscard]] virtual Result<HeartbeatResponse> heartbeat(const std::string& agent_id,
                                                              const HeartbeatRequest& request) = 0;

    /// Reports that the last connection of this agent closed. The agent does not count as live until it calls
    /// again.
    virtual void agent_gone(const std::string& agent_id) { (void)agent_id; }

    /// Removes a revoked agent: its streams end with `reason`, and its place is free for another agent.
    virtual void end_agent(const std::string& agent_id, const Error& reason) = 0;
};

}  // namespace ioswarm
