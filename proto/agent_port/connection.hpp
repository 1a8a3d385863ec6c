// SPDX-License-Identifier: Apache-2.0
#pragma once

// Measures each agent connection independently of gRPC. gRPC 1.51 announces its limits and trusts clients to
// keep them. It buffers a message of any declared length before it checks the size, and it closes no connection
// that misbehaves within the rules of HTTP/2. So calls, cancellations and bytes are counted here, and a
// connection that exceeds a limit is shut at its socket. A duplicate of the socket is kept for that; this works
// with TLS too.
//
// Unexplained bytes are received bytes that no finished call accounts for: frames without content, calls that
// were cancelled or had no credentials, messages that do not end. At each measurement (Connection::measure()):
//   unexplained = max(0, unexplained before + received - explained - acknowledged / 8 - rate * elapsed time)
// where `explained` is what calls that finished since the last measurement took (headers, bodies, an allowance
// for frames), `acknowledged` is what the peer acknowledged of our data (1 byte of window updates and pings per
// 8 bytes), and `rate` is unexplained_bytes_per_second. The limit is
//   unexplained_bytes + min(explained in all / 4, unexplained_bytes_earned) + the largest sizes of bodies in
//   progress

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

#include "core/base/descriptor.hpp"
#include "proto/agent_port/peer_key.hpp"

namespace ioswarm::proto {

using SteadyTime = std::chrono::steady_clock::time_point;

struct ConnectionBounds {
    /// Maximum number of calls that are not answered yet. It is twice the 100 streams that the server announces
    /// by default, because a client that cancels calls may open new ones before the cancellations have arrived
    /// here.
    std::uint32_t calls = 200;
    /// Maximum number of calls, answered or not, that a connection may have for longer than three seconds. When
    /// gRPC reports that an answered call is over, the client may already have opened its next call. On a busy
    /// machine that happens with hundreds of calls at a time.
    std::uint32_t calls_with_answered = 300;
    /// Maximum number of calls, answered or not, at any moment.
    std::uint32_t calls_at_most = 1000;
    std::uint32_t cancels_per_second = 300;
    /// Limit for unexplained bytes of a new connection. It is small, because a call of only 28 bytes can cost
    /// gRPC as much work as a normal one.
    std::uint64_t unexplained_bytes = std::uint64_t{32} << 10;
    /// Once calls have finished, the limit rises by a quarter of their bytes, up to this much.
    std::uint64_t unexplained_bytes_earned = std::uint64_t{1} << 20;
    /// This much is subtracted per second. An honest client's HTTP/2 overhead is far below it.
    std::uint64_t unexplained_bytes_per_second = std::uint64_t{8} << 10;
    /// Maximum number of bytes of large bodies (limit above 64 KiB) that may be in progress on one connection.
    /// Each body counts with the largest size that its method allows.
    std::uint64_t body_bytes = std::uint64_t{16} << 20;
    /// The same for bodies whose method allows at most 64 KiB. Those of honest clients have a few hundred
    /// bytes.
    std::uint64_t small_body_bytes = std::uint64_t{1} << 20;
    /// How much a connection from a proxy may still send, after it was asked to end (GOAWAY), before it is
    /// shut.
    std::uint64_t ending_bytes = std::uint64_t{32} << 10;

    /// The limits above are for 100 calls at a time. This returns the limits for a connection with up to
    /// `streams` calls at a time, such as one from a proxy, which carries many agents. Large and small bodies
    /// each stay below `max_body_bytes`, unless the limit above is higher.
    [[nodiscard]] ConnectionBounds for_streams(std::uint32_t streams, std::uint64_t max_body_bytes) const;
};

/// A call in progress, seen from its connection.
class LiveCall {
  public:
    virtual ~LiveCall() = default;
    /// Called once per second, without a lock. Ends the call if it has exceeded its time.
    virtual void sweep(SteadyTime now) = 0;
    /// Refuses the body now, because the connection has sent far more than the body may have. Has no effect
    /// once the body was read.
    virtual void refuse_body() = 0;
    /// True if nothing is left to do except to send the answer.
    [[nodiscard]] virtual bool is_answered() const = 0;
    /// Called when the server shuts down. Calls that do not end by themselves end now.
    virtual void end_for_shutdown() {}
    /// True for a stream of tasks or diffs. The agent opens it again when it ends.
    [[nodiscard]] virtual bool is_agent_stream() const { return false; }
};

/// One accepted connection. It carries agents if an authenticated stream is open on it, or an authenticated
/// call was answered in the last minute. While it carries agents it is never shut for bytes that belong to no
/// call: it may come from a proxy with many agents, and on a busy machine the measurement can be wrong.
/// Thread-safe: fd(), peer(), begin_call(), end_call(), begin_agent_call(), end_agent_call(), refused(),
/// begin_body(), end_body(), shut(), is_shut(), live_calls(), acked_bytes(), holds_too_many(), is_over(),
/// is_from_proxy(), carries_agents(), agents_text(), wants_end() and has_calls(). Everything else is for the
/// accepting thread only.
class Connection {
  public:
    /// `socket` is a duplicate of gRPC's socket. `from_proxy`: the other end is a proxy, which
    /// carries the calls of many clients.
    Connection(Descriptor socket, PeerKey peer, ConnectionBounds bounds, SteadyTime now,
               bool from_proxy = false);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    [[nodiscard]] const PeerKey& peer() const noexcept { return peer_; }

    /// Keeps `call` alive until end_call(). Returns false if the connection had too many calls and was shut;
    /// the call is not kept then.
    [[nodiscard]] bool begin_call(std::shared_ptr<LiveCall> call, SteadyTime now);
    /// For the sweep: whether the connection has too many calls. (begin_call() checks only when a call begins.)
    [[nodiscard]] bool holds_too_many(SteadyTime now);
    /// `header_bytes` count as explained if the call was not cancelled. Pass 0 if the call was not
    /// authenticated. Returns false if too many calls were cancelled per second and the connection was shut for
    /// that. A connection from a proxy is not shut, because its other clients have nothing to do with that;
    /// wants_end() becomes true instead.
    bool end_call(const LiveCall* call, bool was_cancelled, std::size_t header_bytes, SteadyTime now);
    /// Call begin_agent_call() when an authenticated stream starts, and end_agent_call() when it ends. For an
    /// authenticated unary call, call both when it is answered. `agent_id` is empty if there is no secret.
    void begin_agent_call(const std::string& agent_id, SteadyTime now);
    void end_agent_call(SteadyTime now) noexcept;
    /// Reports that a call was refused before its body was read. While the connection carries agents, the bytes
    /// of the call do not count as unexplained.
    void refused(std::size_t header_bytes) noexcept;
    /// Report that the body of a call begins and ends. `max_bytes` is the largest size that the method allows,
    /// and the same in both calls. `bytes` is the actual size.
    void begin_body(std::uint64_t max_bytes);
    void end_body(std::uint64_t max_bytes, std::uint64_t bytes);
    /// Shuts the socket; gRPC then cancels all calls on it. A second call does nothing.
    void shut() noexcept;
    [[nodiscard]] bool is_shut() const noexcept { return shut_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::vector<std::shared_ptr<LiveCall>> live_calls() const;
    /// Bytes that the peer has acknowledged since it connected.
    [[nodiscard]] std::uint64_t acked_bytes() const noexcept;

    enum class FloodLevel { fine, hot, refuse_bodies, flood, shut };
    /// Reads the socket's counters and compares the unexplained bytes with the limit. `fine`: below it. `hot`:
    /// measure again soon, because the connection is new, receives much, or is just above the limit.
    /// `refuse_bodies`: refuse the bodies that are in progress. `flood`: far above the limit, but the
    /// connection carries agents and must not be shut. `shut`: shut it.
    [[nodiscard]] FloodLevel measure(SteadyTime now);
    /// The unexplained bytes at the last measure(), which is how much memory this connection may hold.
    [[nodiscard]] std::uint64_t held() const noexcept { return held_; }
    /// True if both directions are closed. Then gRPC does not use the connection any more.
    [[nodiscard]] bool is_over() const noexcept;
    [[nodiscard]] bool is_from_proxy() const noexcept { return from_proxy_; }
    [[nodiscard]] bool carries_agents(SteadyTime now) const noexcept;
    /// The agents whose calls came over this connection in the last minute, for a log: "a1, a2 and 3 more".
    [[nodiscard]] std::string agents_text(SteadyTime now) const;
    /// True if calls were cancelled too fast on a connection from a proxy, which is not shut for that.
    [[nodiscard]] bool wants_end() const noexcept { return wants_end_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool has_calls() const;

    /// Starts to end the connection: the other end is asked to close it, and may still send
    /// ConnectionBounds::ending_bytes.
    void begin_ending(SteadyTime now);
    [[nodiscard]] const std::optional<SteadyTime>& ending_since() const noexcept { return ending_since_; }
    /// Asks the other end to open no more calls on this connection (HTTP/2 GOAWAY). This happens once, at a
    /// moment when gRPC writes nothing, because gRPC 1.51 has no function for it. Only for connections without
    /// TLS. Returns true if it was sent now.
    [[nodiscard]] bool say_goaway(SteadyTime now);

    bool active = false;            ///< data has arrived since the last measure()
    bool is_hot = true;             ///< the last measure() found it hot; true for a new connection
    std::uint64_t flood_bytes = 0;  ///< flood bytes since flood_told_at
    SteadyTime flood_told_at = SteadyTime::min();

  private:
    [[nodiscard]] bool is_too_many_calls(SteadyTime now);

    const Descriptor socket_;
    const PeerKey peer_;
    const ConnectionBounds bounds_;
    const bool from_proxy_;
    std::atomic<bool> shut_{false};
    std::atomic<bool> wants_end_{false};
    std::atomic<std::int64_t> agent_calls_{0};  ///< authenticated calls in progress
    /// The connection carries agents until this time, because of authenticated calls that have ended.
    std::atomic<SteadyTime::rep> agents_until_;
    std::atomic<std::uint64_t> explained_{0};
    std::atomic<std::uint64_t> refused_{0};  ///< bytes of calls that were refused unread
    std::atomic<std::uint64_t> large_bodies_{0};
    std::atomic<std::uint64_t> small_bodies_{0};

    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<LiveCall>> calls_;  ///< guarded by mutex_, as are the next three
    std::optional<SteadyTime> too_many_since_;
    SteadyTime cancel_window_;
    std::uint32_t cancels_ = 0;
    /// Guarded by mutex_: when each agent was last heard; at most kMaxAgentsHeard.
    std::map<std::string, SteadyTime> agents_;

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

/// All open connections, by their peer. Thread-safe.
class ConnectionTable {
  public:
    /// Returns false if there is already a connection with that peer.
    [[nodiscard]] bool add(std::shared_ptr<Connection> connection);
    /// Returns false if the connection is not in the table.
    bool remove(const Connection& connection);
    [[nodiscard]] std::shared_ptr<Connection> find(const PeerKey& peer) const;
    [[nodiscard]] std::vector<std::shared_ptr<Connection>> all() const;
    [[nodiscard]] std::size_t size() const;

  private:
    mutable std::mutex mutex_;
    std::unordered_map<PeerKey, std::shared_ptr<Connection>, PeerKeyHash> by_peer_;
};

}  // namespace ioswarm::proto
