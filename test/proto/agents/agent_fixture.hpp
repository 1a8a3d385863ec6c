// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include <catch2/catch.hpp>

#include "core/crypto/hmac.hpp"
#include "proto/agent_port/agent_server.hpp"
#include "proto/agents/channel.hpp"
#include "test/support/fake_agent_link.hpp"

namespace ioswarm::test {

/// A fake coordinator whose calls can be waited for: each call of an agent is noted.
class WatchedLink final : public AgentLink {
  public:
    void register_agent(const std::string& agent_id, const RegisterRequest& request,
                        RegisterDone done) override {
        fake.register_agent(agent_id, request, std::move(done));
        note("register " + agent_id);
    }
    Result<std::unique_ptr<TaskStream>> open_task_stream(const std::string& agent_id,
                                                         const GetTasksRequest& request,
                                                         std::shared_ptr<StreamSink> sink) override {
        return fake.open_task_stream(agent_id, request, std::move(sink));
    }
    void submit(const std::string& agent_id, BatchResult batch, SubmitDone done) override {
        fake.submit(agent_id, std::move(batch), std::move(done));
        note("submit " + agent_id);
    }
    Result<HeartbeatResponse> heartbeat(const std::string& agent_id, const HeartbeatRequest& request) override {
        if (fails_heartbeats) {
            note("failed " + agent_id);
            return fail(ErrorCode::unavailable, "no answer", agent_id);
        }
        auto response = fake.heartbeat(agent_id, request);
        {
            const std::lock_guard lock(mutex_);
            last_processed_ = request.tasks_processed;
            if (response) response->payout = std::exchange(payout_, std::nullopt);
        }
        note(std::string(response->alive ? "alive " : "unknown ") + agent_id);
        return response;
    }
    void end_agent(const std::string& agent_id, const Error& reason) override {
        fake.end_agent(agent_id, reason);
    }

    /// Waits until `what` was noted `count` times since the start.
    bool wait_for(const std::string& what, std::size_t count = 1) {
        std::unique_lock lock(mutex_);
        return noted_.wait_for(lock, std::chrono::seconds(20), [&] { return notes_.count(what) >= count; });
    }
    std::uint32_t last_processed() {
        const std::lock_guard lock(mutex_);
        return last_processed_;
    }

    /// The next heartbeat carries this payout.
    void pay(const PayoutInfo& payout) {
        const std::lock_guard lock(mutex_);
        payout_ = payout;
    }

    FakeAgentLink fake;
    std::atomic<bool> fails_heartbeats{false};

  private:
    void note(const std::string& what) {
        {
            const std::lock_guard lock(mutex_);
            notes_.insert(what);
        }
        noted_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable noted_;
    std::multiset<std::string> notes_;
    std::uint32_t last_processed_ = 0;
    std::optional<PayoutInfo> payout_;
};

struct WatchedCoordinator {
    explicit WatchedCoordinator(proto::AgentServerSettings settings = {})
        : access(AccessControl::open({kMasterSecret, "", ""}).value()) {
        settings.address = "127.0.0.1";
        settings.metrics = metrics;
        auto started = proto::AgentServer::start(std::move(settings), link, *access, Log());
        if (!started) FAIL(started.error().text());
        server = std::move(*started);
    }
    [[nodiscard]] proto::CoordinatorAddress address() const {
        return {"127.0.0.1:" + std::to_string(server->port()), false, {}, {}};
    }

    metrics::Registry metrics;
    WatchedLink link;
    std::unique_ptr<AccessControl> access;
    std::unique_ptr<proto::AgentServer> server;
};

inline proto::AgentProfile profile_of(const std::string& id, proto::Codec codec = proto::Codec::protobuf) {
    proto::AgentProfile profile;
    profile.id = id;
    profile.token = agent_token(kMasterSecret, id);
    profile.level = TaskLevel::l3_full_execute;
    profile.region = "here";
    profile.version = "1.0";
    profile.wallet_address = "0x14aedb14f3f73e04bb207a9af1e3d0d0a3ab1f20";
    profile.codec = codec;
    return profile;
}

inline proto::AgentTimes quick_times() {
    proto::AgentTimes times;
    times.retry_min = std::chrono::milliseconds(5);
    times.retry_max = std::chrono::milliseconds(20);
    return times;
}

inline TaskBatch batch_of_two(const std::string& batch_id) {
    TaskBatch batch;
    batch.batch_id = batch_id;
    batch.tasks.resize(2);
    batch.tasks[0].task_id = 7;
    batch.tasks[0].tx_raw = {1, 2, 3};
    batch.tasks[1].task_id = 8;
    return batch;
}

/// Answers "valid" if the task has raw bytes, otherwise "invalid".
inline TaskResult answer_by_size(const TaskPackage& task) {
    TaskResult result;
    result.valid = !task.tx_raw.empty();
    if (!result.valid) result.reject_reason = "empty";
    return result;
}

}  // namespace ioswarm::test
