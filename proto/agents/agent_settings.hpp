// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "core/model/messages.hpp"
#include "proto/codec/codec.hpp"

namespace ioswarm::proto {

/// The coordinator's address and how to connect to it.
struct CoordinatorAddress {
    std::string target;  ///< "127.0.0.1:14689", "[::1]:14689", "host.example:443"
    bool tls = false;
    std::string root_certificates_pem;  ///< used with tls; empty: the system's certificates
    /// Used with tls: the name that the certificate must have; empty: the host in `target`.
    std::string tls_name;
};

/// The identity and properties that an agent sends to the coordinator.
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

/// The waiting times of the public agent.
struct AgentTimes {
    std::chrono::milliseconds register_deadline{10'000};
    std::chrono::milliseconds submit_deadline{10'000};
    std::chrono::milliseconds heartbeat_deadline{5'000};
    std::chrono::milliseconds retry_min{2'000};  ///< wait after a stream ended or a registration failed
    std::chrono::milliseconds retry_max{5'000};
    /// If the coordinator refuses a registration (it is full, or a list excludes the agent), the agent waits
    /// for the time above, then twice that time, and so on up to this limit.
    std::chrono::milliseconds refused_max{300'000};
    /// Replaces the interval that the coordinator sends.
    std::optional<std::chrono::milliseconds> heartbeat_every;
};

/// The time to wait before the next registration after this many refusals in a row. `random` picks a value from
/// the allowed range.
[[nodiscard]] std::chrono::milliseconds retry_pause(const AgentTimes& times, unsigned refusals,
                                                    std::uint64_t random);

/// Counters of all agents together, since the start.
struct AgentCounters {
    std::uint64_t registrations = 0;  ///< accepted registrations
    /// Registrations that were refused or not answered; a repeated reason is logged once.
    std::uint64_t failed_registrations = 0;
    std::uint64_t streams_ended = 0;
    std::uint64_t batches = 0;
    std::uint64_t tasks = 0;
    std::uint64_t unreadable_batches = 0;
    std::uint64_t submissions_accepted = 0;
    std::uint64_t submissions_refused = 0;  ///< answered with accepted=false
    std::uint64_t submissions_failed = 0;   ///< not answered, or ended with an error status
    std::uint64_t heartbeats = 0;           ///< answered with alive=true
    std::uint64_t failed_heartbeats = 0;
    std::uint64_t payouts = 0;
};

}  // namespace ioswarm::proto
