// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/auth/access.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/metrics/registry.hpp"
#include "core/ports/agent_link.hpp"
#include "core/ports/diff_link.hpp"
#include "proto/agent_port/acceptor.hpp"

namespace ioswarm::proto {

/// The values are part of the agent protocol, unless a comment says that this project chose them.
struct AgentServerSettings {
    std::string address;        ///< empty: every interface
    std::uint16_t port = 0;     ///< 0: any free port
    std::string tls_cert_file;  ///< give both files or none
    std::string tls_key_file;

    std::uint32_t streams_per_connection = 100;
    std::uint32_t metadata_bytes = 16u << 10;
    std::uint32_t body_bytes = 64u << 10;        ///< for Register, GetTasks, Heartbeat and StreamStateDiffs
    std::uint32_t submit_body_bytes = 8u << 20;  ///< for SubmitResults
    std::uint32_t message_out_bytes = 32u << 20;
    std::chrono::seconds ping_every{30};
    std::chrono::seconds ping_timeout{10};
    std::chrono::seconds idle_timeout{300};  ///< for a connection without a call
    /// Minimum time between two pings of a client. After several pings that come sooner, gRPC closes the
    /// connection (GOAWAY "too_many_pings"). Deployed agents ping every 30 s or not at all.
    std::chrono::seconds client_ping_every{1};
    /// Limit for the TLS handshake and the HTTP/2 preface. This project chose it.
    std::chrono::seconds handshake_timeout{10};
    /// Limit for a call that is not a stream. Agents wait at most 10 s. This project chose it.
    std::chrono::seconds call_timeout{30};
    /// A stream is ended if its client takes no byte of a waiting message for this long.
    std::chrono::seconds write_timeout{60};
    /// Maximum number of bytes in the bodies of all calls that are being read or worked on. Above this,
    /// SubmitResults is answered with RESOURCE_EXHAUSTED. This project chose it: a thousand agents with
    /// messages of the usual size need less than 10% of it.
    std::uint64_t bodies_in_work_bytes = std::uint64_t{256} << 20;
    AcceptorBounds accept;
    /// What grpc.health.v1 answers. It is called on gRPC's threads, so it must not wait. Empty: always ready.
    std::function<bool()> is_ready;
    metrics::Registry metrics;  ///< see counters.hpp
};

/// The gRPC service `ioswarm.IOSwarm`, which agents connect to. It provides transport, authentication and
/// encoding around an AgentLink. It supports JSON and protobuf and all content-types of the protocol on the
/// same methods, with or without TLS. StreamStateDiffs serves a DiffLink to any agent with a valid key,
/// registered or not; without a DiffLink it answers UNIMPLEMENTED. The checks, and so the refusals, come in the
/// protocol's order: authentication, revocation, size, decoding, fields, registration, rate. It also serves
/// grpc.health.v1.Health, which needs no key.
class AgentServer {
  public:
    /// Binds the port and starts to serve. Raises the soft limit of open files to the hard limit, but at most
    /// to 2 × AcceptorBounds::connections + reserved_files. `link`, `access` and `diffs` (may be null) must
    /// outlive the server. Errors: invalid_argument or config (bad address, or only one of the TLS files),
    /// those of load_tls_pair (TLS files), unavailable (the port is taken).
    [[nodiscard]] static Result<std::unique_ptr<AgentServer>> start(AgentServerSettings settings,
                                                                    AgentLink& link,
                                                                    const AccessControl& access, Log log,
                                                                    DiffLink* diffs = nullptr);
    /// Calls shutdown() with no time left, unless shutdown() was called before.
    ~AgentServer();
    AgentServer(const AgentServer&) = delete;
    AgentServer& operator=(const AgentServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] bool uses_tls() const noexcept;

    /// New connections may have at most `streams` (at least 1) calls at a time. Open connections keep their
    /// limit. Not to be called after shutdown(). Thread-safe. Error: unavailable (another gRPC server cannot be
    /// started, or the limit was changed too often).
    Status change_streams_per_connection(std::uint32_t streams);
    /// New connections are refused from now on. Open ones continue. Agents that leave are not logged any more.
    void stop_accepting();
    /// Ends the streams of agents with UNAVAILABLE one after the other, each at a random moment, spread over
    /// `over` (see stream_ends.hpp). Returns when all have been ended. From now on no agent can open a stream;
    /// other calls continue. Further calls do nothing. shutdown() must still be called.
    void end_streams(std::chrono::milliseconds over);
    /// Ends every stream with UNAVAILABLE, lets other calls finish until `within` has passed, then cancels the
    /// rest. When it returns, no code of the server runs any more. It cannot be delayed by clients.
    void shutdown(std::chrono::milliseconds within);

  private:
    struct Parts;
    explicit AgentServer(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace ioswarm::proto
