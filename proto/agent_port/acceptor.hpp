// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/descriptor.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/proxy_list.hpp"
#include "core/base/result.hpp"
#include "core/metrics/registry.hpp"
#include "proto/agent_port/connection.hpp"
#include "proto/agent_port/counters.hpp"
#include "proto/agent_port/memory_trim.hpp"

namespace ioswarm::proto {

/// Limits for all connections together and per address.
struct AcceptorBounds {
    /// Maximum number of connections at a time. If RLIMIT_NOFILE allows fewer, the lower number applies: each
    /// connection needs two descriptors, and `reserved_files` are kept for the ledger, logs and HTTP.
    std::uint32_t connections = 20'000;
    std::uint32_t reserved_files = 256;
    /// Maximum number of connections from one remote address (for IPv6: from one /64).
    std::uint32_t connections_per_address = 256;
    /// Proxies that are not on loopback. A proxy carries the calls of many clients on few connections. So the
    /// two limits per address do not apply to it, and its connection is asked to end (GOAWAY) before it is
    /// shut.
    ProxyList proxies;
    /// Whether loopback connections come from proxies or test agents.
    bool loopback_is_proxy = true;
    /// GOAWAY can be sent only if gRPC does not encrypt. With TLS, a proxy's connection is shut once it has no
    /// calls.
    bool has_tls = false;
    /// How long an address gets no new connection after one of its connections was shut.
    std::chrono::seconds barred_for{10};
    /// Maximum number of unexplained bytes (see ConnectionBounds) of all connections together, which is how
    /// much memory messages that are not complete can take. Above this, the connections with most are shut
    /// until the total is below it.
    std::uint64_t held_bytes = std::uint64_t{256} << 20;
    ConnectionBounds connection;
};

/// Sockets that listen, and their port.
struct Listening {
    std::vector<Descriptor> sockets;
    std::uint16_t port = 0;
};
/// Opens sockets that listen on `address`. It must be an IP address, not a name; IPv6 may be in brackets. An
/// empty address means every interface (IPv6 and IPv4). `port` 0 picks a free port, the same for all sockets.
/// Errors: invalid_argument, unavailable.
[[nodiscard]] Result<Listening> listen_on(const std::string& address, std::uint16_t port);

/// Raises the soft limit of open files to the hard limit, but at most to `wanted`. Returns the resulting limit.
std::uint64_t raise_file_limit(std::uint64_t wanted);

/// What the owner of an Acceptor wants to know. All are called on the acceptor's thread, without a lock. Empty
/// functions are not called.
struct AcceptorHooks {
    /// The connection is over and was removed from the table.
    std::function<void(const Connection&, SteadyTime)> on_closed{};
    /// Called once per second while there are connections, and at least once per 10 s.
    std::function<void(SteadyTime)> on_sweep{};
};

/// Accepts connections for gRPC and supervises them. gRPC itself would never accept again after one EMFILE. All
/// of it happens on one thread, which sleeps in epoll while nothing happens. Connections that receive data are
/// measured every 10 to 100 ms; new connections and busy ones, every 2 to 10 ms. Calls are checked every
/// second. Freed memory is given back to the system after a load has ended.
class Acceptor {
  public:
    /// Takes ownership of `fd`, a non-blocking socket. Its connection is already in the table. Called from the
    /// acceptor's thread.
    using HandOver = std::function<void(int fd)>;
    /// What new connections get: their limits, and who takes them over.
    struct Admission {
        ConnectionBounds bounds;
        HandOver hand_over;
    };

    /// Starts the thread. If the system has no descriptor left for it, no connection is ever accepted.
    Acceptor(Listening listening, AcceptorBounds bounds, ConnectionTable& table, HandOver hand_over, Log log,
             AcceptorHooks hooks = {}, const metrics::Registry& registry = {});
    /// Calls stop().
    ~Acceptor();
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    /// No new connection is accepted after this returns. Existing ones are still supervised. Thread-safe.
    void stop_accepting();
    /// Connections accepted after this returns get this. Those that are open stay as they are. Thread-safe.
    void change_admission(ConnectionBounds bounds, HandOver hand_over);
    /// Ends the thread. A second call does nothing. Not thread-safe.
    void stop();
    [[nodiscard]] const AcceptorCounters& counters() const noexcept { return counters_; }

  private:
    /// A group of connections that received data and wait to be measured together. The measurement comes
    /// between `least` and `most` after the first of them was added. It should come soon: gRPC processes a
    /// flood until the flood is noticed. The more connections were measured last time, the longer the wait, so
    /// that measuring does not take too much CPU time.
    struct MeasureQueue {
        std::chrono::milliseconds least;
        std::chrono::milliseconds most;
        std::vector<std::shared_ptr<Connection>> connections{};
        SteadyTime next{};
        std::size_t last_count = 0;  // connections in the last measurement

        void add(std::shared_ptr<Connection> connection);
        [[nodiscard]] bool is_due(SteadyTime now) const { return !connections.empty() && now >= next; }
    };

    void run(const std::stop_token& stop);
    void close_listeners();
    void accept_some(int listener);
    [[nodiscard]] bool is_proxy(const PeerKey& peer) const;
    [[nodiscard]] const char* refusal_for(const PeerKey& peer);
    void admit(Descriptor socket, const PeerKey& peer);
    void watch(int operation, Connection& connection);
    void on_activity(Connection& connection);
    void measure(MeasureQueue& queue, SteadyTime now);
    void judge(Connection& connection, Connection::FloodLevel level, SteadyTime now);
    void note_flood(Connection& connection, SteadyTime now);
    void begin_ending(Connection& connection, SteadyTime now, const char* why);
    void go_on_ending(Connection& connection, SteadyTime now);
    void bound_total();
    void sweep(SteadyTime now);
    void remove(const std::shared_ptr<Connection>& connection);
    void shut(Connection& connection, const metrics::Counter& counter, const char* why);
    void warn(const char* what, const PeerKey& peer, const char* why);
    [[nodiscard]] int timeout_ms(SteadyTime now) const;
    void wake() noexcept;

    const AcceptorBounds bounds_;
    const std::uint64_t max_connections_;
    ConnectionTable& table_;
    Guarded<std::shared_ptr<const Admission>> admission_;
    const Log log_;
    const AcceptorHooks hooks_;
    const AcceptorCounters counters_;
    std::atomic<bool> accepting_{true};
    std::atomic<bool> closed_{false};  ///< true once the listeners are closed
    Descriptor epoll_;
    Descriptor wake_;
    Descriptor spare_;  ///< freed for a moment when descriptors run out, to accept a connection and close it

    std::vector<Descriptor> listeners_;  ///< this and the members below are used by the acceptor's thread only
    MeasureQueue active_{std::chrono::milliseconds(10), std::chrono::milliseconds(100)};
    MeasureQueue hot_{std::chrono::milliseconds(2), std::chrono::milliseconds(10)};
    std::vector<std::shared_ptr<Connection>> removed_;  ///< kept until no event can refer to them any more
    /// Connections per network: an IPv4 address, or for IPv6 a /64 (PeerKey::network()).
    std::map<std::array<std::uint8_t, 16>, std::uint32_t> per_network_;
    /// End of the bar per network; at most kMaxBarred.
    std::map<std::array<std::uint8_t, 16>, SteadyTime> barred_;
    std::uint64_t unexplained_bytes_ = 0;  ///< of all connections together
    SteadyTime next_sweep_;
    SteadyTime next_warning_;
    SteadyTime next_flood_warning_;
    MemoryTrim trim_;

    std::jthread thread_;  ///< last, because it uses all members above
};

}  // namespace ioswarm::proto
