// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"
#include "proto/codec/codec.hpp"

namespace ioswarm::proto {

/// Where the coordinator is and how it is reached.
struct CoordinatorAddress {
    std::string target;  ///< "127.0.0.1:14689", "[::1]:14689", "host.example:443"
    bool tls = false;
    std::string root_certificates_pem;  ///< with tls; empty: the system's
    std::string tls_name;  ///< with tls: the name the certificate must carry; empty: the target's host
};

/// One agent as it presents itself.
struct AgentProfile {
    std::string id;
    std::string token;  ///< "iosw_…" (core/crypto/hmac.hpp agent_token); empty: no credentials are sent
    TaskLevel level = TaskLevel::l2_state_verify;
    std::string region;
    std::string version;
    std::string wallet_address;
    Codec codec = Codec::protobuf;
    std::uint32_t max_batch_size = 10;
};

/// The public agent's times (../shared/spec/protocol.md sections 1 and 4).
struct AgentTimes {
    std::chrono::milliseconds register_deadline{10'000};
    std::chrono::milliseconds submit_deadline{10'000};
    std::chrono::milliseconds heartbeat_deadline{5'000};
    std::chrono::milliseconds retry_min{2'000};  ///< after a stream ended or a registration failed
    std::chrono::milliseconds retry_max{5'000};
    /// A coordinator that refuses a registration (it is full, or its lists name the agent) is asked again after
    /// the time above, then after twice that time, and so on up to this.
    std::chrono::milliseconds refused_max{300'000};
    std::optional<std::chrono::milliseconds> heartbeat_every;  ///< instead of what the coordinator says
};

/// How long to wait before the next registration after so many that were refused one after the other; of the
/// range that allows, `random` picks.
[[nodiscard]] std::chrono::milliseconds retry_pause(const AgentTimes& times, unsigned refusals,
                                                    std::uint64_t random);

/// What an agent answers to a task: everything but task_id and latency_us, which the client fills in. Called
/// from the client's threads, for several agents at once, one batch of an agent at a time.
using AnswerTask = std::function<TaskResult(const TaskPackage&)>;

/// Since the start, all agents together.
struct AgentCounters {
    std::uint64_t registrations = 0;         ///< accepted ones
    std::uint64_t failed_registrations = 0;  ///< refused or not answered; a repeated reason is logged once
    std::uint64_t streams_ended = 0;
    std::uint64_t batches = 0;
    std::uint64_t tasks = 0;
    std::uint64_t unreadable_batches = 0;
    std::uint64_t submissions_accepted = 0;
    std::uint64_t submissions_refused = 0;  ///< accepted=false
    std::uint64_t submissions_failed = 0;   ///< no answer, or a status
    std::uint64_t heartbeats = 0;           ///< answered alive=true
    std::uint64_t failed_heartbeats = 0;
    std::uint64_t payouts = 0;
};

/// Any number of agents of one coordinator, on a few threads; every agent has a connection of its own, as in
/// the field. Each registers, sends heartbeats, takes batches one after the other, answers each, and begins
/// again after whatever ended its stream. Over gRPC C++, so with content-type application/grpc, in either
/// encoding.
class AgentClients {
  public:
    /// `threads` ≥ 1 run everything, answers included. `stop` ends all agents; so does the destructor, which
    /// waits.
    AgentClients(CoordinatorAddress address, AgentTimes times, unsigned threads, std::stop_token stop, Log log);
    ~AgentClients();
    AgentClients(const AgentClients&) = delete;
    AgentClients& operator=(const AgentClients&) = delete;

    /// Starts at once; connecting and registering go on until they succeed. Thread-safe.
    void add(AgentProfile profile, AnswerTask answer);

    /// Thread-safe; each figure is exact, all of them together are not one moment.
    [[nodiscard]] AgentCounters counters() const;

  private:
    class Shared;
    class Agent;

    std::unique_ptr<Shared> shared_;
};

}  // namespace ioswarm::proto
