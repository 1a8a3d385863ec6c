// SPDX-License-Identifier: Apache-2.0
#include "test/bench/submit_load.hpp"

#include <chrono>
#include <cstdlib>

#include <fmt/format.h>

#include "core/crypto/hmac.hpp"
#include "proto/codec/codec.hpp"
#include "proto/grpc/locks.hpp"
#include "test/bench/bench_servers.hpp"

namespace ioswarm::bench {
namespace {

constexpr unsigned kThreads = 3;
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::seconds kDeadline{30};

std::shared_ptr<grpc::Channel> connect(std::uint16_t port) {
    proto::leave_out_lock_checks();
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials(),
                                     arguments);
}

std::string id_of(std::size_t agent) {
    return "agent-" + std::to_string(agent);
}

std::uint64_t unix_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace

SubmitLoad::SubmitLoad(std::uint16_t port, std::size_t connections, std::size_t agents)
    : waiting_(connections), loop_(kThreads) {
    for (std::size_t i = 0; i < connections; ++i)
        channels_.push_back(connect(port));
    for (std::size_t i = 0; i < agents; ++i) {
        headers_.push_back(
            {{"x-ioswarm-agent-id", id_of(i)}, {"x-ioswarm-token", agent_token(kSecret, id_of(i))}});
    }
}

proto::ClientCall SubmitLoad::rpc(std::size_t agent, const char* method) const {
    return {
        channels_[agent % channels_.size()], std::string("/ioswarm.IOSwarm/") + method, headers_[agent], {}};
}

void SubmitLoad::wait_until(const char* what, const std::function<bool()>& is_so) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, kPatience, is_so)) return;
    fmt::print(stderr, "benchmark: {}: not within {} s\n", what, kPatience.count());
    std::_Exit(1);
}

void SubmitLoad::join() {
    for (std::size_t agent = 0; agent < headers_.size(); ++agent) {
        const RegisterRequest request{id_of(agent), TaskLevel::l1_sig_verify, "loopback", "bench", ""};
        (void)loop_.unary(rpc(agent, "Register"), proto::encode(proto::Codec::json, request),
                          [this](const Result<Bytes>& answer) {
                              if (!answer) return;
                              const auto response =
                                  proto::decode<RegisterResponse>(proto::Codec::json, *answer);
                              if (!response || !response->accepted) return;
                              const std::lock_guard lock(mutex_);
                              ++joined_;
                              changed_.notify_all();
                          });
    }
    wait_until("agents join", [&] { return joined_ == headers_.size(); });
}

void SubmitLoad::open_streams(std::uint32_t batch_size) {
    for (std::size_t agent = 0; agent < headers_.size(); ++agent) {
        proto::RpcLoop::StreamHandlers handlers;
        handlers.on_message = [this, agent](const std::shared_ptr<proto::RpcLoop::Stream>& stream,
                                            const Bytes& message) {
            take(agent, message);
            stream->resume();
        };
        handlers.on_end = [](const Status&) {};
        const GetTasksRequest request{id_of(agent), TaskLevel::l1_sig_verify, batch_size};
        (void)loop_.stream(rpc(agent, "GetTasks"), proto::encode(proto::Codec::json, request),
                           std::move(handlers));
    }
}

void SubmitLoad::take(std::size_t agent, const Bytes& message) {
    const auto batch = proto::decode<TaskBatch>(proto::Codec::json, message);
    if (!batch) return;
    BatchResult answer{id_of(agent), batch->batch_id, {}, unix_ms()};
    for (const TaskPackage& task : batch->tasks) {
        TaskResult& result = answer.results.emplace_back();
        result.task_id = task.task_id;
        result.valid = true;
        result.gas_estimate = 21'000;
        result.latency_us = 850;
    }
    SubmitCall call{agent, proto::encode(proto::Codec::json, answer)};
    const std::lock_guard lock(mutex_);
    waiting_[agent % channels_.size()].push_back(std::move(call));
    tasks_ += batch->tasks.size();
    changed_.notify_all();
}

SubmitCalls SubmitLoad::collect(std::size_t tasks) {
    wait_until("batches come", [&] { return tasks_ >= tasks; });
    const std::lock_guard lock(mutex_);
    tasks_ = 0;
    return std::exchange(waiting_, SubmitCalls(channels_.size()));
}

SubmitRun SubmitLoad::run(const SubmitCalls& calls) {
    SubmitRun run;
    {
        const std::lock_guard lock(mutex_);
        finished_ = 0;
    }
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t connection = 0; connection < calls.size(); ++connection)
        next(calls, connection, 0, run);
    wait_until("answers come", [&] { return finished_ == calls.size(); });
    run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return run;
}

void SubmitLoad::next(const SubmitCalls& calls, std::size_t connection, std::size_t index, SubmitRun& run) {
    if (index == calls[connection].size()) {
        const std::lock_guard lock(mutex_);
        ++finished_;
        changed_.notify_all();
        return;
    }
    const SubmitCall& call = calls[connection][index];
    proto::ClientCall to = rpc(call.agent, "SubmitResults");
    to.deadline = kDeadline;
    (void)loop_.unary(to, call.body, [&calls, connection, index, &run, this](const Result<Bytes>& answer) {
        const auto response = answer ? proto::decode<SubmitResponse>(proto::Codec::json, *answer)
                                     : Result<SubmitResponse>(SubmitResponse{});
        {
            const std::lock_guard lock(mutex_);
            ++run.calls;
            if (response && response->accepted) ++run.accepted;
        }
        next(calls, connection, index + 1, run);
    });
}

}  // namespace ioswarm::bench
