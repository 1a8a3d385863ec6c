// SPDX-License-Identifier: Apache-2.0
#include "test/support/fake_agent_link.hpp"

#include <chrono>
#include <utility>

namespace ioswarm::test {

/// How many results are kept for the tests. The newest are kept.
constexpr std::size_t kMaxKept = 1000;

struct FakeAgentLink::Queue {
    std::shared_ptr<StreamSink> sink;
    std::mutex mutex;
    std::deque<std::shared_ptr<const TaskBatch>> waiting;
};

class FakeAgentLink::Stream final : public TaskStream {
  public:
    Stream(FakeAgentLink& link, std::string agent_id, std::shared_ptr<Queue> queue)
        : link_(link), agent_id_(std::move(agent_id)), queue_(std::move(queue)) {}
    ~Stream() override { closed(); }

    std::shared_ptr<const TaskBatch> take() override {
        const std::lock_guard lock(queue_->mutex);
        if (queue_->waiting.empty()) return nullptr;
        auto batch = std::move(queue_->waiting.front());
        queue_->waiting.pop_front();
        return batch;
    }
    void closed() override { link_.leave(agent_id_, queue_.get()); }

  private:
    FakeAgentLink& link_;
    const std::string agent_id_;
    const std::shared_ptr<Queue> queue_;
};

void FakeAgentLink::register_agent(const std::string& agent_id, const RegisterRequest& request,
                                   RegisterDone done) {
    {
        const std::lock_guard lock(mutex_);
        agents_[agent_id] = request;
        if (registered_.size() >= kMaxKept) registered_.erase(registered_.begin());
        registered_.emplace_back(agent_id, request);
        if (holds_registers_) {
            held_registers_.push_back(std::move(done));
            changed_.notify_all();
            return;
        }
    }
    done(RegisterResponse{true, "", 10});
}

Result<std::unique_ptr<TaskStream>> FakeAgentLink::open_task_stream(const std::string& agent_id,
                                                                    const GetTasksRequest&,
                                                                    std::shared_ptr<StreamSink> sink) {
    std::shared_ptr<Queue> earlier;
    auto queue = std::make_shared<Queue>();
    queue->sink = std::move(sink);
    {
        const std::lock_guard lock(mutex_);
        if (!agents_.contains(agent_id)) {
            return fail(ErrorCode::failed_precondition, "agent not registered", agent_id);
        }
        earlier = std::exchange(streams_[agent_id], queue);
    }
    changed_.notify_all();
    if (earlier)
        earlier->sink->on_end(Error{ErrorCode::aborted, "a newer stream of this agent took over", {}, {}, {}});
    return std::make_unique<Stream>(*this, agent_id, std::move(queue));
}

void FakeAgentLink::leave(const std::string& agent_id, const Queue* queue) {
    std::shared_ptr<Queue> last_owner;
    {
        const std::lock_guard lock(mutex_);
        const auto found = streams_.find(agent_id);
        if (found == streams_.end() || found->second.get() != queue) return;
        last_owner = std::move(found->second);
        streams_.erase(found);
    }
    changed_.notify_all();
}

void FakeAgentLink::submit(const std::string& agent_id, BatchResult batch, SubmitDone done) {
    {
        const std::lock_guard lock(mutex_);
        if (agents_.contains(agent_id)) {
            if (submitted_.size() >= kMaxKept) submitted_.erase(submitted_.begin());
            submitted_.push_back(std::move(batch));
            if (holds_) {
                held_.push_back(std::move(done));
                changed_.notify_all();
                return;
            }
        } else {
            done(SubmitResponse{false, "agent not registered"});
            return;
        }
    }
    done(SubmitResponse{true, ""});
}

Result<HeartbeatResponse> FakeAgentLink::heartbeat(const std::string& agent_id, const HeartbeatRequest&) {
    const std::lock_guard lock(mutex_);
    if (!agents_.contains(agent_id)) return HeartbeatResponse{false, "shutdown", std::nullopt};
    return HeartbeatResponse{true, "continue", std::nullopt};
}

void FakeAgentLink::end_agent(const std::string& agent_id, const Error& reason) {
    std::shared_ptr<Queue> queue;
    {
        const std::lock_guard lock(mutex_);
        agents_.erase(agent_id);
        const auto found = streams_.find(agent_id);
        if (found == streams_.end()) return;
        queue = std::move(found->second);
        streams_.erase(found);
    }
    changed_.notify_all();
    queue->sink->on_end(reason);
}

bool FakeAgentLink::give(const std::string& agent_id, TaskBatch batch) {
    std::shared_ptr<Queue> queue;
    {
        const std::lock_guard lock(mutex_);
        const auto found = streams_.find(agent_id);
        if (found == streams_.end()) return false;
        queue = found->second;
    }
    {
        const std::lock_guard lock(queue->mutex);
        queue->waiting.push_back(std::make_shared<const TaskBatch>(std::move(batch)));
        // The coordinator limits the queue in the same way.
        if (queue->waiting.size() > 16) queue->waiting.pop_front();
    }
    queue->sink->on_ready();
    return true;
}

void FakeAgentLink::give_all(const TaskBatch& batch) {
    std::vector<std::string> ids;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, queue] : streams_)
            ids.push_back(id);
    }
    for (const auto& id : ids)
        (void)give(id, batch);
}

void FakeAgentLink::hold_submits() {
    const std::lock_guard lock(mutex_);
    holds_ = true;
}

void FakeAgentLink::release_submits() {
    std::vector<SubmitDone> held;
    {
        const std::lock_guard lock(mutex_);
        holds_ = false;
        held.swap(held_);
    }
    for (const auto& done : held)
        done(SubmitResponse{true, ""});
}

void FakeAgentLink::hold_registers() {
    const std::lock_guard lock(mutex_);
    holds_registers_ = true;
}

void FakeAgentLink::release_registers() {
    std::vector<RegisterDone> held;
    {
        const std::lock_guard lock(mutex_);
        holds_registers_ = false;
        held.swap(held_registers_);
    }
    for (const auto& done : held)
        done(RegisterResponse{true, "", 10});
}

std::size_t FakeAgentLink::held_registers() const {
    const std::lock_guard lock(mutex_);
    return held_registers_.size();
}

std::size_t FakeAgentLink::open_streams() const {
    const std::lock_guard lock(mutex_);
    return streams_.size();
}

std::size_t FakeAgentLink::held_submits() const {
    const std::lock_guard lock(mutex_);
    return held_.size();
}

std::vector<BatchResult> FakeAgentLink::submitted() const {
    const std::lock_guard lock(mutex_);
    return submitted_;
}

std::vector<std::pair<std::string, RegisterRequest>> FakeAgentLink::registered() const {
    const std::lock_guard lock(mutex_);
    return registered_;
}

bool FakeAgentLink::wait_for_stream(const std::string& agent_id, bool open) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10),
                             [&] { return streams_.contains(agent_id) == open; });
}

}  // namespace ioswarm::test
