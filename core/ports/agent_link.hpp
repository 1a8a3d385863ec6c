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

/// The side that the coordinator holds up: one per accepted GetTasks.
class TaskStream {
  public:
    virtual ~TaskStream() = default;
    /// The next batch for this agent, nothing when none waits (on_ready comes later). Thread-safe.
    [[nodiscard]] virtual std::shared_ptr<const TaskBatch> take() = 0;
    /// The transport's side is gone (client left, write failed). What was not answered goes to other agents.
    /// Called at most once; the sink is not called any more once this returned. Destruction without it does the
    /// same.
    virtual void closed() = 0;
};

/// What agents ask of the coordinator, in domain types; proto/ calls it for every rpc after authentication,
/// size checks and decoding. `agent_id` is the authenticated id (the claimed one where no secret is
/// configured). All of it is thread-safe, and nothing of it waits, since gRPC has as few as two threads to call
/// it on: register_agent() and submit(), which need the disk, answer through their callbacks. A Result's error
/// becomes the rpc's status; refusals that the protocol puts into a response are responses.
class AgentLink {
  public:
    using SubmitDone = std::function<void(Result<SubmitResponse>)>;
    using RegisterDone = std::function<void(Result<RegisterResponse>)>;

    virtual ~AgentLink() = default;

    /// `Register`. `done` is called exactly once, from any thread, perhaps before this returns. Field rules
    /// (capability, lengths, wallet form) are checked here too: a wallet that is no address is accepted=false.
    /// Errors: resource_exhausted (too soon after the last one; the text says how many seconds to wait),
    /// unavailable (shutting down, or the ledger takes no writes).
    virtual void register_agent(const std::string& agent_id, const RegisterRequest& request,
                                RegisterDone done) = 0;

    /// `GetTasks`. Errors: failed_precondition (not registered; the agent registers again). `sink` is kept
    /// until on_end or closed(); on_end's reasons: aborted (a newer stream of the agent), permission_denied
    /// (revoked), unavailable (evicted or shutting down).
    [[nodiscard]] virtual Result<std::unique_ptr<TaskStream>> open_task_stream(
        const std::string& agent_id, const GetTasksRequest& request, std::shared_ptr<StreamSink> sink) = 0;

    /// `SubmitResults`. `done` is called exactly once, from any thread, perhaps before this returns; a
    /// SubmitResponse with accepted=true only after the results are durable. Errors: resource_exhausted (rate),
    /// unavailable (the ledger takes no writes).
    virtual void submit(const std::string& agent_id, BatchResult batch, SubmitDone done) = 0;

    /// `Heartbeat`. Unknown agents get alive=false, "shutdown".
    [[nodiscard]] virtual Result<HeartbeatResponse> heartbeat(const std::string& agent_id,
                                                              const HeartbeatRequest& request) = 0;

    /// The agent may not go on (revoked): its streams end with `reason` and its place is freed.
    virtual void end_agent(const std::string& agent_id, const Error& reason) = 0;
};

}  // namespace ioswarm
