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

/// One SubmitResults call, ready to go.
struct SubmitCall {
    std::size_t agent = 0;
    Bytes body;
};
/// For each connection, in order.
using SubmitCalls = std::vector<std::vector<SubmitCall>>;

struct SubmitRun {
    std::uint64_t calls = 0;
    std::uint64_t accepted = 0;
    double seconds = 0;
};

/// Agents that share connections, agent i on connection i mod connections; all of them with credentials, in
/// JSON.
class SubmitLoad {
  public:
    SubmitLoad(std::uint16_t port, std::size_t connections, std::size_t agents);

    /// Registers every agent, over every connection then. Aborts when one is refused.
    void join();
    /// Opens every agent's task stream with batches of at most `batch_size`.
    void open_streams(std::uint32_t batch_size);
    /// The answers to what the streams brought since the last call, once they brought so many tasks. Aborts
    /// when they do not within 60 s.
    [[nodiscard]] SubmitCalls collect(std::size_t tasks);
    /// Makes the calls: on each connection one after the other, on all connections at once.
    [[nodiscard]] SubmitRun run(const SubmitCalls& calls);

  private:
    [[nodiscard]] proto::RpcCall rpc(std::size_t agent, const char* method) const;
    void take(std::size_t agent, const Bytes& message);
    void next(const SubmitCalls& calls, std::size_t connection, std::size_t index, SubmitRun& run);
    void wait_until(const char* what, const std::function<bool()>& is_so);

    std::vector<std::shared_ptr<grpc::Channel>> channels_;
    std::vector<std::vector<std::pair<std::string, std::string>>> headers_;  // by agent

    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t joined_ = 0;  // guarded by mutex_, as is what follows
    std::size_t tasks_ = 0;
    std::size_t finished_ = 0;  // connections that have made their calls
    SubmitCalls waiting_;

    proto::RpcLoop loop_;  // last: its callbacks use all of the above
};

}  // namespace ioswarm::bench
