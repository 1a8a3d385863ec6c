// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/base/alarm.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/net/json_rpc.hpp"

namespace ioswarm::proto {

/// A node's web3 endpoint, with a check whether it is available. Thread-safe.
///
/// It counts as unavailable after three calls in a row without a result, whatever the reason: no connection, a
/// time-out, HTTP 502, only error objects, or text that is not JSON-RPC. It counts as available again with the
/// first result. Both changes are logged once. If nothing was answered for `watch_interval`, a thread of its
/// own asks for the block number. So an endpoint is also watched while nobody needs it.
class Web3Endpoint {
  public:
    Web3Endpoint(std::unique_ptr<JsonRpcClient> client, std::chrono::milliseconds watch_interval, Log log);
    Web3Endpoint(const Web3Endpoint&) = delete;
    Web3Endpoint& operator=(const Web3Endpoint&) = delete;

    /// As in JsonRpcClient.
    [[nodiscard]] std::vector<JsonRpcClient::BatchReplies> call_all(
        std::span<const JsonRpcClient::Batch> batches, const std::stop_token& stop = {});
    [[nodiscard]] Result<RpcReply> call(RpcCall request, const std::stop_token& stop = {});
    [[nodiscard]] std::size_t batch_limit() const noexcept { return client_->batch_limit(); }
    [[nodiscard]] const std::string& name() const noexcept { return client_->name(); }

    [[nodiscard]] bool is_away() const { return away_.is_raised(); }
    /// Adds the reason while the endpoint is unavailable.
    void add_reasons(Reasons& reasons) const { away_.add_to(reasons); }
    /// How often the endpoint became unavailable since the program started.
    [[nodiscard]] std::uint64_t times_away() const { return away_.times(); }

  private:
    struct Health {
        int failures = 0;  ///< calls in a row without a result
        std::chrono::steady_clock::time_point last_answer;
    };

    void note(bool answered, const std::string& why);
    void log_batch_limit();
    void watch(const std::stop_token& stop);

    const std::unique_ptr<JsonRpcClient> client_;
    const std::chrono::milliseconds watch_interval_;
    const Log log_;
    // These synchronise themselves.
    Guarded<Health> health_;
    Alarm away_;
    std::atomic<std::size_t> logged_limit_{JsonRpcClient::kMaxBatch};

    std::jthread watcher_;  // last, because it uses all members above
};

}  // namespace ioswarm::proto
