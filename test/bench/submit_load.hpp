// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proto/agents/rpc_loop.hpp"

namespace ioswarm::bench {

/// One SubmitResults call, ready to be sent.
struct SubmitCall {
    std::size_t agent = 0;
    Bytes body;
};
/// The calls of each connection, in order.
using SubmitCalls = std::vector<std::vector<SubmitCall>>;

struct SubmitRun {
    std::uint64_t calls = 0;
    std::uint64_t accepted = 0;
    double seconds = 0;
};

/// Agents that share connections: agent i uses connection i mod connections. All of them send credentials and
/// use JSON.
class SubmitLoad {
  public:
    SubmitLoad(std::uint16_t port, std::size_t connections, std::size_t agents);

    /// Registers every agent. Aborts if one is refused.
    void join();
    /// Opens every agent's task stream with batches of at most `batch_size`.
    void open_streams(std::uint32_t batch_size);
    /// Waits until the streams have brought this many tasks since the last call, and returns the answers to
    /// them. Aborts if that takes longer than 60 s.
    [[nodiscard]] SubmitCalls collect(std::size_t tasks);
    /// Makes the calls: one after the other on each connection, on all connections at once.
    [[nodiscard]] SubmitRun run(const SubmitCalls& calls);

  private:
    [[nodiscard]] proto::ClientCall rpc(std::size_t agent, const char* method) const;
    void take(std::size_t agent, const Bytes& message);
    void next(const SubmitCalls& calls, std::size_t connection, std::size_t index, SubmitRun& run);
    void wait_until(const char* what, const std::function<bool()>& is_so);

    std::vector<std::shared_ptr<grpc::Channel>> channels_;
    std::vector<std::vector<std::pair<std::string, std::string>>> headers_;  // by agent

    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t joined_ = 0;  // guarded by mutex_, like the members below
    std::size_t tasks_ = 0;
    std::size_t finished_ = 0;  // connections that have made all their calls
    SubmitCalls waiting_;

    proto::RpcLoop loop_;  // last, because its callbacks use all other members
};

}  // namespace ioswarm::bench
