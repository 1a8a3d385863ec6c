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

#include "core/base/ip_network.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "proto/agent_port/connection.hpp"
#include "proto/agent_port/memory_trim.hpp"

namespace ioswarm::proto {

struct AcceptorBounds {
    /// Connections at once; the smaller of this and what RLIMIT_NOFILE leaves (two descriptors each, after
    /// `reserved_files` for ledger, logs and HTTP).
    std::uint32_t connections = 20'000;
    std::uint32_t reserved_files = 256;
    /// Connections of one remote address (IPv6: of one /64).
    std::uint32_t connections_per_address = 256;
    /// Proxies beside those on loopback: they bring the calls of many clients on few connections. The two
    /// bounds of addresses are not for them, and a connection of theirs is asked to end (GOAWAY) before it is
    /// shut.
    std::vector<IpNetwork> proxies;
    /// Whether loopback is where proxies and test agents come from.
    bool loopback_is_proxy = true;
    /// GOAWAY can be said only where gRPC does not encrypt. With TLS a proxy's connection is shut once no call
    /// is under way on it.
    bool has_tls = false;
    /// An address whose connection was shut for abuse gets no new one for so long.
    std::chrono::seconds barred_for{10};
    /// What all connections together may hold in messages not yet read; beyond, the one that holds most is
    /// shut.
    std::uint64_t held_bytes = std::uint64_t{256} << 20;
    ConnectionBounds connection;
};

/// A socket of our own; closed with it.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor();
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  private:
    int fd_ = -1;
};

/// Sockets that listen where `address` says: an IP address, no name; empty for every interface (IPv6 and
/// IPv4), brackets around IPv6 allowed. `port` 0 picks one, the same for all of them. Errors: invalid_argument,
/// unavailable.
struct Listening {
    std::vector<Descriptor> sockets;
    std::uint16_t port = 0;
};
[[nodiscard]] Result<Listening> listen_on(const std::string& address, std::uint16_t port);

/// Raises the soft limit of open files to the hard one, at most to `wanted`; gives what it is then.
std::uint64_t raise_file_limit(std::uint64_t wanted);

/// Accepts connections for gRPC, which would never accept again after one EMFILE, and watches over them. One
/// thread of its own does all of it: it sleeps in epoll while nothing happens; connections that get data are
/// measured every 10 to 100 ms (new ones and those that get much every 2 to 10 ms), calls are swept every
/// second, and freed memory goes back to the system when a load has gone.
class Acceptor {
  public:
    /// Takes over `fd`, non-blocking, of a connection that is in the table already. Called from the acceptor's
    /// thread.
    using HandOver = std::function<void(int fd)>;

    struct Counters {
        std::atomic<std::uint64_t> accepted{0};
        std::atomic<std::uint64_t> refused_full{0};  ///< at the bound of all connections, or out of descriptors
        std::atomic<std::uint64_t> refused_per_address{0};  ///< at the bound of one address
        std::atomic<std::uint64_t> refused_same_port{0};    ///< while one of that address and port was open
        std::atomic<std::uint64_t> refused_barred{0};  ///< of an address that was shut for abuse just before
        std::atomic<std::uint64_t> shut_abusive{0};    ///< over one of ConnectionBounds
        std::atomic<std::uint64_t> shut_memory{0};     ///< held most when all together held too much
        std::atomic<std::uint64_t> bodies_refused{
            0};                                 ///< connections whose messages were refused while coming in
        std::atomic<std::uint64_t> goaways{0};  ///< connections of proxies that were asked to end
        /// Times that a connection which carries agents was seen flooded, at most once per minute and
        /// connection.
        std::atomic<std::uint64_t> floods{0};
        std::atomic<std::uint64_t> flood_bytes{0};  ///< what those brought that belongs to no call
        std::atomic<std::uint64_t> memory_trims{0};
    };

    Acceptor(Listening listening, AcceptorBounds bounds, ConnectionTable& table, HandOver hand_over, Log log);
    /// stop()s.
    ~Acceptor();
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    /// No new connections once this returns; the others are watched over as before. Thread-safe.
    void stop_accepting();
    /// Ends the thread.
    void stop();
    [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

  private:
    /// Connections that got data and are looked at together, `least` later and at most `most`: gRPC works on a
    /// flood that is not seen yet, so a few are looked at as often as that costs nothing, many less often.
    struct Looks {
        std::chrono::milliseconds least;
        std::chrono::milliseconds most;
        std::vector<std::shared_ptr<Connection>> connections{};
        SteadyTime next{};
        std::size_t count_before = 0;

        void add(std::shared_ptr<Connection> connection);
        [[nodiscard]] bool is_due(SteadyTime now) const { return !connections.empty() && now >= next; }
    };

    void run(const std::stop_token& stop);
    void close_listeners();
    void accept_some(int listener);
    [[nodiscard]] bool is_proxy(const PeerKey& peer) const;
    [[nodiscard]] bool may_enter(const PeerKey& peer);
    void admit(Descriptor socket, const PeerKey& peer);
    void watch(int operation, Connection& connection);
    void on_activity(Connection& connection);
    void measure(Looks& looks, SteadyTime now);
    void judge(Connection& connection, Connection::Verdict verdict, SteadyTime now);
    void note_flood(Connection& connection, SteadyTime now);
    void begin_ending(Connection& connection, SteadyTime now, const char* why);
    void go_on_ending(Connection& connection, SteadyTime now);
    void bound_total();
    void sweep(SteadyTime now);
    void forget(const std::shared_ptr<Connection>& connection);
    void shut(Connection& connection, std::atomic<std::uint64_t>& counter, const char* why);
    void warn(const char* what, const PeerKey& peer, const char* why);
    [[nodiscard]] int timeout_ms(SteadyTime now) const;
    void wake() noexcept;

    const AcceptorBounds bounds_;
    const std::uint64_t most_connections_;
    ConnectionTable& table_;
    const HandOver hand_over_;
    const Log log_;
    Counters counters_;
    std::atomic<bool> accepting_{true};
    std::atomic<bool> closed_{false};  ///< the listeners are
    Descriptor epoll_;
    Descriptor wake_;
    Descriptor spare_;  ///< given up for a moment to accept and close when descriptors run out

    std::vector<Descriptor> listeners_;  ///< this and what follows: the acceptor's thread only
    Looks active_{std::chrono::milliseconds(10), std::chrono::milliseconds(100)};
    Looks hot_{std::chrono::milliseconds(2), std::chrono::milliseconds(10)};
    std::vector<std::shared_ptr<Connection>> forgotten_;  ///< kept until no event can name them any more
    std::map<std::array<std::uint8_t, 16>, std::uint32_t> per_network_;
    std::map<std::array<std::uint8_t, 16>, SteadyTime> barred_;  ///< until when; at most kMostBarred
    std::uint64_t held_ = 0;
    SteadyTime next_sweep_;
    SteadyTime next_warning_;
    SteadyTime next_flood_warning_;
    MemoryTrim trim_;

    std::jthread thread_;  ///< last: it uses all of the above
};

}  // namespace ioswarm::proto
