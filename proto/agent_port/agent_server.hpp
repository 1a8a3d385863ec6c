// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/auth/access.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/ports/agent_link.hpp"
#include "core/ports/diff_link.hpp"
#include "proto/agent_port/acceptor.hpp"

namespace ioswarm::proto {

/// Figures of ../shared/spec/protocol.md sections 1 and 5 unless a line says otherwise.
struct AgentServerSettings {
    std::string address;        ///< empty: every interface
    std::uint16_t port = 0;     ///< 0: any free one
    std::string tls_cert_file;  ///< both or none
    std::string tls_key_file;

    std::uint32_t streams_per_connection = 100;
    std::uint32_t metadata_bytes = 16u << 10;
    std::uint32_t body_bytes = 64u << 10;        ///< Register, GetTasks, Heartbeat, StreamStateDiffs
    std::uint32_t submit_body_bytes = 8u << 20;  ///< SubmitResults
    std::uint32_t message_out_bytes = 32u << 20;
    std::chrono::seconds ping_every{30};
    std::chrono::seconds ping_timeout{10};
    std::chrono::seconds idle_timeout{300};  ///< a connection without a call
    /// A client may ping so often; agents in the field ping every 30 s or not at all.
    std::chrono::seconds client_ping_every{1};
    /// TLS handshake and HTTP/2 preface must be done in this time (this project's choice).
    std::chrono::seconds handshake_timeout{10};
    /// A call other than a stream must be done in this time; agents wait at most 10 s (this project's choice).
    std::chrono::seconds call_timeout{30};
    /// A stream whose client takes no byte of a waiting message for so long is ended.
    std::chrono::seconds write_timeout{60};
    /// Bodies of all calls that are read or being worked on; beyond, SubmitResults is RESOURCE_EXHAUSTED
    /// (this project's choice: a thousand agents at their usual sizes stay under a tenth of it).
    std::uint64_t bodies_in_work_bytes = std::uint64_t{256} << 20;
    AcceptorBounds accept;
};

/// The gRPC service `ioswarm.IOSwarm` that agents join: transport, authentication and encoding around an
/// AgentLink. Both encodings and all content-types of the protocol on the same methods, TLS or not.
/// StreamStateDiffs serves a DiffLink, to any agent with its key, registered or not; without one it answers
/// UNIMPLEMENTED. Every refusal comes in the protocol's order: authentication, revocation, size, decoding,
/// fields, registration, rate.
class AgentServer {
  public:
    /// Binds, listens and serves. Raises the soft limit of open files to the hard one (at most 2 × the
    /// connections allowed). `link`, `access` and `diffs` (may be null) must outlive the server. Errors:
    /// invalid_argument or config (address, only one of the TLS files), as load_tls_pair (TLS files),
    /// unavailable (port taken).
    [[nodiscard]] static Result<std::unique_ptr<AgentServer>> start(AgentServerSettings settings,
                                                                    AgentLink& link,
                                                                    const AccessControl& access, Log log,
                                                                    DiffLink* diffs = nullptr);
    /// shutdown() with no time left, if it was not called.
    ~AgentServer();
    AgentServer(const AgentServer&) = delete;
    AgentServer& operator=(const AgentServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] bool uses_tls() const noexcept;

    /// New connections are refused from now on; those that are open go on.
    void stop_accepting();
    /// Ends every stream with UNAVAILABLE, lets calls under way finish until `within` has passed, cancels
    /// the rest, and returns when nothing of the server runs any more. Does not depend on what any client does.
    void shutdown(std::chrono::milliseconds within);

    /// Connections, calls and refusals by name, each counted since the start; `*_open` are gauges.
    [[nodiscard]] std::map<std::string, std::uint64_t> counters() const;

  private:
    struct Parts;
    explicit AgentServer(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace ioswarm::proto
