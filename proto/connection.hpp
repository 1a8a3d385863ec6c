// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is known of each agent connection beside gRPC: gRPC 1.51 announces its limits and trusts the client to
// keep them, buffers a message of any declared length before it looks at the size, and closes nothing that
// misbehaves inside the rules of HTTP/2. So calls, cancellations and bytes are counted here, and a connection
// over a bound is shut at its socket, of which a duplicate is kept: it works for TLS too.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <sys/socket.h>

namespace ioswarm::proto {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Address and port of the other end; IPv4 as IPv4-mapped IPv6.
struct PeerKey {
    std::array<std::uint8_t, 16> address{};
    std::uint16_t port = 0;

    bool operator==(const PeerKey&) const = default;
    [[nodiscard]] bool is_loopback() const noexcept;
    /// The part that stands for one customer: a whole IPv4 address, the /64 of an IPv6 one.
    [[nodiscard]] std::array<std::uint8_t, 16> network() const noexcept;
    [[nodiscard]] std::string text() const;

    [[nodiscard]] static std::optional<PeerKey> from(const sockaddr_storage& address);
    /// Of what grpc::ServerContext::peer() gives: "ipv4:1.2.3.4:80", "ipv6:%5B::1%5D:80".
    [[nodiscard]] static std::optional<PeerKey> from_grpc_peer(std::string_view peer);
};

struct PeerKeyHash {
    std::size_t operator()(const PeerKey& key) const noexcept;
};

struct ConnectionBounds {
    /// Calls not yet answered. Twice the 100 streams that are announced: a client that gives some up may open
    /// others before that has arrived here.
    std::uint32_t calls = 200;
    /// Calls held for longer than a moment, answered or not: gRPC books the end of a call some time after the
    /// client has seen it and opened the next, on a busy machine hundreds of times over.
    std::uint32_t calls_with_answered = 300;
    /// The same, for no moment.
    std::uint32_t calls_at_most = 1000;
    std::uint32_t cancels_per_second = 300;
    /// Bytes that no finished call accounts for (frames that carry nothing, calls given up or without
    /// credentials, messages that do not end): a new connection may have so many at once, … (the smallest call
    /// that costs gRPC its full price is 28 bytes long)
    std::uint64_t unexplained_bytes = std::uint64_t{32} << 10;
    /// … one that had calls answered a quarter of their bytes more, up to this, …
    std::uint64_t unexplained_bytes_earned = std::uint64_t{1} << 20;
    /// … and this flows off every second. The HTTP/2 chatter of an honest client stays far under it.
    std::uint64_t unexplained_bytes_per_second = std::uint64_t{8} << 10;
    /// Bodies under way at once on one connection, counted with the most that each may have: large ones, …
    std::uint64_t body_bytes = std::uint64_t{16} << 20;
    /// … and those of at most 64 KiB, which are a few hundred bytes long when they are honest.
    std::uint64_t small_body_bytes = std::uint64_t{1} << 20;
};

/// A call under way, as its connection sees it.
class LiveCall {
  public:
    virtual ~LiveCall() = default;
    /// Once a second: ends itself when it is over its time. No lock is held.
    virtual void sweep(SteadyTime now) = 0;
    /// Its connection sent far more than the body may have: refuse it now. No effect once the body was read.
    virtual void refuse_body() = 0;
    /// Nothing is left to do but to tell the client.
    [[nodiscard]] virtual bool is_answered() const = 0;
    /// The server goes down: what has no end of its own ends now.
    virtual void end_for_shutdown() {}
};

/// One accepted connection. begin_*, end_* and shut() are thread-safe; the rest is for the accepting thread.
class Connection {
  public:
    /// Takes over `fd`, a duplicate of the socket that gRPC has.
    Connection(int fd, PeerKey peer, ConnectionBounds bounds, SteadyTime now);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] const PeerKey& peer() const noexcept { return peer_; }

    /// Keeps `call` alive until end_call. False: the connection held too many and was shut; the call is not
    /// kept.
    [[nodiscard]] bool begin_call(std::shared_ptr<LiveCall> call, SteadyTime now);
    /// For the sweep: whether it goes on to hold too many calls without opening more.
    [[nodiscard]] bool holds_too_many(SteadyTime now);
    /// `header_bytes` are accounted for when the call was a fair one: authenticated and not given up.
    /// False: calls were given up too fast, and the connection was shut for it.
    bool end_call(const LiveCall* call, bool was_cancelled, std::size_t header_bytes, SteadyTime now);
    void begin_body(std::uint64_t most_bytes);
    void end_body(std::uint64_t most_bytes, std::uint64_t bytes);
    /// Ends the connection at its socket; gRPC then cancels what is on it. Harmless a second time.
    void shut() noexcept;
    [[nodiscard]] bool is_shut() const noexcept { return shut_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::vector<std::shared_ptr<LiveCall>> live_calls() const;
    /// Bytes that the peer has taken since it connected. Thread-safe.
    [[nodiscard]] std::uint64_t acked_bytes() const noexcept;

    enum class Verdict { fine, hot, refuse_bodies, shut };
    /// Reads the socket's counters. Hot: look again soon, it is new or gets much at once. Accepting thread
    /// only, as are the next three.
    [[nodiscard]] Verdict measure(SteadyTime now);
    /// Unexplained bytes at the last measure(): what this connection may hold in memory.
    [[nodiscard]] std::uint64_t held() const noexcept { return held_; }
    /// Both directions are closed: gRPC is done with it.
    [[nodiscard]] bool is_over() const noexcept;
    bool active = false;  ///< data came since the last measure()
    bool is_hot = true;   ///< the last measure() said so; a new one is

  private:
    [[nodiscard]] bool is_too_many_calls(SteadyTime now);

    const int fd_;
    const PeerKey peer_;
    const ConnectionBounds bounds_;
    std::atomic<bool> shut_{false};
    std::atomic<std::uint64_t> explained_{0};
    std::atomic<std::uint64_t> large_bodies_{0};
    std::atomic<std::uint64_t> small_bodies_{0};

    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<LiveCall>> calls_;  ///< guarded by mutex_, as are the next three
    std::optional<SteadyTime> too_many_since_;
    SteadyTime cancel_window_;
    std::uint32_t cancels_ = 0;

    const SteadyTime begun_;
    SteadyTime measured_at_;  ///< accepting thread only, as are those below
    SteadyTime refused_at_;
    std::optional<SteadyTime> over_since_;
    std::uint64_t held_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t acked_ = 0;
    std::uint64_t explained_seen_ = 0;
};

/// Every open connection, found by its peer. Thread-safe.
class ConnectionTable {
  public:
    /// False when one of that peer is there already.
    [[nodiscard]] bool add(std::shared_ptr<Connection> connection);
    /// False when it is not there (any more).
    bool remove(const Connection& connection);
    [[nodiscard]] std::shared_ptr<Connection> find(const PeerKey& peer) const;
    [[nodiscard]] std::vector<std::shared_ptr<Connection>> all() const;
    [[nodiscard]] std::size_t size() const;

  private:
    mutable std::mutex mutex_;
    std::unordered_map<PeerKey, std::shared_ptr<Connection>, PeerKeyHash> by_peer_;
};

}  // namespace ioswarm::proto
