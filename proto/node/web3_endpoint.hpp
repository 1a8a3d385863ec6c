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

/// A node's web3 endpoint and whether it is there. Thread-safe.
///
/// It counts as away after three calls in a row that brought no answer to anything, whatever the reason: no
/// connection, a time-out, HTTP 502, error objects alone, something that is no JSON-RPC. It is back with the
/// first answer. Both are logged once. A thread of its own asks for the block number when nothing was answered
/// for `watch_interval`, so that an endpoint that nobody needs just now is watched too.
class Web3Endpoint {
  public:
    Web3Endpoint(std::unique_ptr<JsonRpcClient> client, std::chrono::milliseconds watch_interval, Log log);
    Web3Endpoint(const Web3Endpoint&) = delete;
    Web3Endpoint& operator=(const Web3Endpoint&) = delete;

    /// As JsonRpcClient's.
    [[nodiscard]] std::vector<JsonRpcClient::BatchReplies> call_all(
        std::span<const JsonRpcClient::Batch> batches, const std::stop_token& stop = {});
    [[nodiscard]] Result<RpcReply> call(RpcCall request, const std::stop_token& stop = {});
    [[nodiscard]] std::size_t batch_limit() const noexcept { return client_->batch_limit(); }
    [[nodiscard]] const std::string& name() const noexcept { return client_->name(); }

    /// Adds the reason while it is away.
    void add_reasons(Reasons& reasons) const { away_.add_to(reasons); }
    /// How often it went away since the start.
    [[nodiscard]] std::uint64_t times_away() const { return away_.times(); }

  private:
    struct Health {
        int failures = 0;  ///< calls in a row without an answer
        std::chrono::steady_clock::time_point last_answer;
    };

    void note(bool answered, const std::string& why);
    void tell_batch_limit();
    void watch(const std::stop_token& stop);

    const std::unique_ptr<JsonRpcClient> client_;
    const std::chrono::milliseconds watch_interval_;
    const Log log_;
    // own synchronisation
    Guarded<Health> health_;
    Alarm away_;
    std::atomic<std::size_t> told_limit_{JsonRpcClient::kMaxBatch};

    std::jthread watcher_;  // last: it uses all of the above
};

}  // namespace ioswarm::proto
