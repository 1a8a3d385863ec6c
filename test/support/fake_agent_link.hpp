// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/ports/agent_link.hpp"

namespace ioswarm::test {

/// The master secret of the servers that tests start with a FakeAgentLink.
inline const std::string kMasterSecret = "test-secret";

/// An AgentLink without a coordinator. Agents can register, streams carry the batches given to give(), and
/// results are kept. Thread-safe.
class FakeAgentLink final : public AgentLink {
  public:
    void register_agent(const std::string& agent_id, const RegisterRequest& request,
                        RegisterDone done) override;
    Result<std::unique_ptr<TaskStream>> open_task_stream(const std::string& agent_id,
                                                         const GetTasksRequest& request,
                                                         std::shared_ptr<StreamSink> sink) override;
    void submit(const std::string& agent_id, BatchResult batch, SubmitDone done) override;
    Result<HeartbeatResponse> heartbeat(const std::string& agent_id, const HeartbeatRequest& request) override;
    void end_agent(const std::string& agent_id, const Error& reason) override;

    /// Queues a batch for the agent's open stream. Returns false if it has none.
    bool give(const std::string& agent_id, TaskBatch batch);
    /// Queues the batch for every open stream.
    void give_all(const TaskBatch& batch);
    /// From now on submissions wait until release_submits(), as if the disk were slow.
    void hold_submits();
    void release_submits();
    /// The same for registrations.
    void hold_registers();
    void release_registers();
    [[nodiscard]] std::size_t held_registers() const;

    [[nodiscard]] std::size_t open_streams() const;
    [[nodiscard]] std::size_t held_submits() const;
    [[nodiscard]] std::vector<BatchResult> submitted() const;
    [[nodiscard]] std::vector<std::pair<std::string, RegisterRequest>> registered() const;
    /// Waits until `agent_id` has an open stream (or, with `open` false, none). Returns false after ten
    /// seconds.
    bool wait_for_stream(const std::string& agent_id, bool open) const;

  private:
    struct Queue;
    class Stream;
    void leave(const std::string& agent_id, const Queue* queue);

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::map<std::string, RegisterRequest> agents_;
    std::map<std::string, std::shared_ptr<Queue>> streams_;
    std::vector<std::pair<std::string, RegisterRequest>> registered_;
    std::vector<BatchResult> submitted_;
    bool holds_ = false;
    std::vector<SubmitDone> held_;
    bool holds_registers_ = false;
    std::vector<RegisterDone> held_registers_;
};

}  // namespace ioswarm::test
