// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is known of each agent connection beside gRPC: gRPC 1.51 announces its limits and trusts the client to
// keep them, buffers a message of any declared length before it looks at the size, and closes nothing that
// misbehaves inside the rules of HTTP/2. So calls, cancellations and bytes are counted here, and a connection
// over a bound is shut at its socket, of which a duplicate is kept: it works for TLS too.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proto/agent_port/peer_key.hpp"

namespace ioswarm::proto {

using SteadyTime = std::chrono::steady_clock::time_point;

struct ConnectionBounds {
    /// Calls not yet answered. Twice the 100 streams that are announced by default: a client that gives some up
    /// may open others before that has arrived here.
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
    /// What may still come on a connection from a proxy that was asked to go (GOAWAY), before it is shut.
    std::uint64_t ending_bytes = std::uint64_t{32} << 10;

    /// The bounds for connections of up to `streams` calls at once, where those above are for 100: behind a
    /// proxy one connection carries many agents. `most_body_bytes` stays the bound of all bodies of a
    /// connection.
    [[nodiscard]] ConnectionBounds for_streams(std::uint32_t streams, std::uint64_t most_body_bytes) const;
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

/// One accepted connection. It carries agents when an authenticated stream is open on it, or an authenticated
/// call was answered in the last minute: then it is never shut for bytes that belong to no call, since a proxy
/// may bring many agents on it, and on a busy machine the measure can be wrong. begin_*, end_*, refused() and
/// shut() are thread-safe; the rest is for the accepting thread.
class Connection {
  public:
    /// Takes over `fd`, a duplicate of the socket that gRPC has. `from_proxy`: the other end is a proxy, which
    /// brings the calls of many clients.
    Connection(int fd, PeerKey peer, ConnectionBounds bounds, SteadyTime now, bool from_proxy = false);
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
    /// False: calls were given up too fast, and the connection was shut for it. One from a proxy is not shut:
    /// its other clients have nothing to do with that; wants_end() then says so.
    bool end_call(const LiveCall* call, bool was_cancelled, std::size_t header_bytes, SteadyTime now);
    /// Such a stream begins, or a call was answered; and it is over. `agent_id` is empty where there is no
    /// secret.
    void begin_agent_call(const std::string& agent_id, SteadyTime now);
    void end_agent_call(SteadyTime now) noexcept;
    /// A call was refused unread: its bytes are no flood where the connection carries agents.
    void refused(std::size_t header_bytes) noexcept;
    void begin_body(std::uint64_t most_bytes);
    void end_body(std::uint64_t most_bytes, std::uint64_t bytes);
    /// Ends the connection at its socket; gRPC then cancels what is on it. Harmless a second time.
    void shut() noexcept;
    [[nodiscard]] bool is_shut() const noexcept { return shut_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::vector<std::shared_ptr<LiveCall>> live_calls() const;
    /// Bytes that the peer has taken since it connected. Thread-safe.
    [[nodiscard]] std::uint64_t acked_bytes() const noexcept;

    enum class Verdict { fine, hot, refuse_bodies, flood, shut };
    /// Reads the socket's counters. Hot: look again soon, it is new or gets much at once. Flood: it would be
    /// shut if it did not carry agents. Accepting thread only, as is all that follows.
    [[nodiscard]] Verdict measure(SteadyTime now);
    /// Unexplained bytes at the last measure(): what this connection may hold in memory.
    [[nodiscard]] std::uint64_t held() const noexcept { return held_; }
    /// Both directions are closed: gRPC is done with it.
    [[nodiscard]] bool is_over() const noexcept;
    [[nodiscard]] bool is_from_proxy() const noexcept { return from_proxy_; }
    [[nodiscard]] bool carries_agents(SteadyTime now) const noexcept;
    /// The agents of the last minute, for a log: "a1, a2 and 3 more".
    [[nodiscard]] std::string agents_text(SteadyTime now) const;
    /// Calls were given up too fast on a connection that is not shut for it.
    [[nodiscard]] bool wants_end() const noexcept { return wants_end_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool has_calls() const;

    /// From now on the other end is asked to go, and what it sends meanwhile is held against it up to
    /// ConnectionBounds::ending_bytes.
    void begin_ending(SteadyTime now);
    [[nodiscard]] const std::optional<SteadyTime>& ending_since() const noexcept { return ending_since_; }
    /// Tells the other end to open no more calls here (HTTP/2 GOAWAY), once, in a moment in which gRPC writes
    /// nothing: gRPC 1.51 has no call for it. Only on a connection in clear. True: it was said now.
    [[nodiscard]] bool say_goaway(SteadyTime now);
    [[nodiscard]] bool said_goaway() const noexcept { return said_goaway_; }

    bool active = false;            ///< data came since the last measure()
    bool is_hot = true;             ///< the last measure() said so; a new one is
    std::uint64_t flood_bytes = 0;  ///< what floods brought since flood_told_at
    SteadyTime flood_told_at = SteadyTime::min();

  private:
    [[nodiscard]] bool is_too_many_calls(SteadyTime now);

    const int fd_;
    const PeerKey peer_;
    const ConnectionBounds bounds_;
    const bool from_proxy_;
    std::atomic<bool> shut_{false};
    std::atomic<bool> wants_end_{false};
    std::atomic<std::int64_t> agent_calls_{0};   ///< authenticated and under way
    std::atomic<SteadyTime::rep> agents_until_;  ///< what ended carries agents until then
    std::atomic<std::uint64_t> explained_{0};
    std::atomic<std::uint64_t> refused_{0};  ///< bytes of calls that were refused unread
    std::atomic<std::uint64_t> large_bodies_{0};
    std::atomic<std::uint64_t> small_bodies_{0};

    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<LiveCall>> calls_;  ///< guarded by mutex_, as are the next three
    std::optional<SteadyTime> too_many_since_;
    SteadyTime cancel_window_;
    std::uint32_t cancels_ = 0;
    std::map<std::string, SteadyTime>
        agents_;  ///< guarded by mutex_: when each was last heard; at most kMostAgents

    const SteadyTime begun_;
    SteadyTime measured_at_;  ///< accepting thread only, as are those below
    SteadyTime refused_at_;
    std::optional<SteadyTime> over_since_;
    std::uint64_t held_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t acked_ = 0;
    std::uint64_t explained_seen_ = 0;
    std::uint64_t refused_seen_ = 0;
    std::optional<SteadyTime> ending_since_;
    bool said_goaway_ = false;
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
