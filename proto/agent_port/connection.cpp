// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/connection.hpp"

#include <algorithm>
#include <array>

#include <linux/sockios.h>
#include <linux/tcp.h>  // not <netinet/tcp.h>: its tcp_info ends before tcpi_bytes_received
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ioswarm::proto {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Allowance for a call's HTTP/2 frames and TLS records, besides its headers and body.
constexpr std::uint64_t kCallOverheadBytes = 512;
/// A connection is measured often in its first second, and while it receives at least this much between two
/// measurements.
constexpr seconds kNewConnectionTime{1};
constexpr std::uint64_t kHotBytes = std::uint64_t{32} << 10;
/// How long a connection may have more calls than calls_with_answered. With half a second, a server
/// under attack shut the connection of an honest client whose answered calls gRPC had not reported as over yet.
/// The sweep checks this too, once per second.
constexpr seconds kTooManyCallsTolerance{3};
/// shut() discards received data in this many rounds at most, which is far more than a receive buffer needs.
constexpr int kMaxDiscards = 64;
constexpr std::size_t kDiscardBytes = std::size_t{1} << 20;
constexpr std::uint64_t kSmallBody = std::uint64_t{64} << 10;
/// gRPC reads as much of a body as the stream's window allows before our code learns of the call. On a busy
/// machine that can take some time.
constexpr std::uint64_t kStreamWindow = std::uint64_t{64} << 10;
/// So a connection may be over its limit by one window for this long. By then this program should know of the
/// call.
constexpr milliseconds kCallStartDelay{200};
/// A client whose body was refused may still send the data that was already on its way. Otherwise the
/// connection would be shut before the client has read the refusal. gRPC discards that data. If more comes, or
/// if it comes later, the connection is shut.
constexpr seconds kGraceFor{10};
constexpr std::uint64_t kGraceBytes = std::uint64_t{16} << 20;

/// How long a connection counts as carrying agents after its last authenticated call. Agents send a heartbeat
/// every 10 s, and are evicted only after missing several.
constexpr seconds kAgentTimeout{60};
/// How many agent ids are kept per connection, and how many of them a log line names. If there are more, the id
/// whose last call is the longest ago is dropped.
constexpr std::size_t kMaxAgentsHeard = 64;
constexpr std::size_t kAgentsNamed = 8;
/// A GOAWAY frame with the highest stream id and NO_ERROR (RFC 9113 section 6.8): no new calls on this
/// connection, existing calls continue.
constexpr std::array<std::uint8_t, 17> kGoaway{0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0};
/// Calls that are not finished delay the GOAWAY by at most this much.
constexpr seconds kGoawayWithCallsAfter{1};

/// For every 8 bytes that the peer acknowledged, 1 received byte is accepted as explained: window updates and
/// pings come back for data that was sent.
constexpr std::uint64_t kAckedPerExplained = 8;

}  // namespace

ConnectionBounds ConnectionBounds::for_streams(std::uint32_t streams, std::uint64_t max_body_bytes) const {
    constexpr std::uint32_t kStreams = 100;
    const std::uint64_t factor = std::max<std::uint64_t>(1, (std::uint64_t{streams} + kStreams - 1) / kStreams);
    const auto times = [factor](std::uint32_t value) {
        return static_cast<std::uint32_t>(std::min<std::uint64_t>(value * factor, UINT32_MAX));
    };
    ConnectionBounds out = *this;
    out.calls = times(calls);
    out.calls_with_answered = times(calls_with_answered);
    out.calls_at_most = times(calls_at_most);
    out.cancels_per_second = times(cancels_per_second);
    out.body_bytes = std::max(body_bytes, std::min(body_bytes * factor, max_body_bytes));
    out.small_body_bytes = std::max(small_body_bytes, std::min(small_body_bytes * factor, max_body_bytes));
    return out;
}

Connection::Connection(Descriptor socket, PeerKey peer, ConnectionBounds bounds, SteadyTime now,
                       bool from_proxy)
    : socket_(std::move(socket)),
      peer_(peer),
      bounds_(bounds),
      from_proxy_(from_proxy),
      agents_until_(SteadyTime::min().time_since_epoch().count()),
      cancel_window_(now),
      begun_(now),
      measured_at_(now),
      refused_at_(now - 2 * kGraceFor) {}

Connection::~Connection() = default;

/// Call it with mutex_ held.
bool Connection::is_too_many_calls(SteadyTime now) {
    if (calls_.size() <= bounds_.calls) {
        too_many_since_.reset();
        return false;
    }
    const auto open =
        std::count_if(calls_.begin(), calls_.end(), [](const auto& call) { return !call->is_answered(); });
    if (open > static_cast<std::ptrdiff_t>(bounds_.calls) || calls_.size() > bounds_.calls_at_most) return true;
    if (calls_.size() <= bounds_.calls_with_answered) {
        too_many_since_.reset();
        return false;
    }
    if (!too_many_since_) too_many_since_ = now;
    return now - *too_many_since_ > kTooManyCallsTolerance;
}

bool Connection::begin_call(std::shared_ptr<LiveCall> call, SteadyTime now) {
    std::shared_ptr<LiveCall> last_owner;  // destroyed after the lock is released
    {
        const std::lock_guard lock(mutex_);
        calls_.push_back(std::move(call));
        if (!is_too_many_calls(now)) return true;
        last_owner = std::move(calls_.back());
        calls_.pop_back();
    }
    shut();
    return false;
}

bool Connection::holds_too_many(SteadyTime now) {
    const std::lock_guard lock(mutex_);
    return is_too_many_calls(now);
}

bool Connection::end_call(const LiveCall* call, bool was_cancelled, std::size_t header_bytes, SteadyTime now) {
    if (header_bytes != 0 && !was_cancelled) {
        explained_.fetch_add(header_bytes + kCallOverheadBytes, std::memory_order_relaxed);
    }
    std::shared_ptr<LiveCall> last_owner;  // destroyed after the lock is released
    bool over = false;
    {
        const std::lock_guard lock(mutex_);
        const auto found =
            std::find_if(calls_.begin(), calls_.end(), [&](const auto& c) { return c.get() == call; });
        if (found != calls_.end()) {
            last_owner = std::move(*found);
            *found = std::move(calls_.back());
            calls_.pop_back();
        }
        if (was_cancelled) {
            if (now - cancel_window_ >= seconds(1)) {
                cancel_window_ = now;
                cancels_ = 0;
            }
            over = ++cancels_ > bounds_.cancels_per_second;
        }
    }
    if (!over || is_shut()) return true;
    if (from_proxy_) {
        wants_end_.store(true, std::memory_order_relaxed);
        return true;
    }
    shut();
    return false;
}

void Connection::begin_agent_call(const std::string& agent_id, SteadyTime now) {
    agent_calls_.fetch_add(1, std::memory_order_relaxed);
    if (agent_id.empty()) return;
    const std::lock_guard lock(mutex_);
    if (const auto known = agents_.find(agent_id); known != agents_.end()) {
        known->second = now;
        return;
    }
    if (agents_.size() >= kMaxAgentsHeard) {
        agents_.erase(std::min_element(agents_.begin(), agents_.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; }));
    }
    agents_.emplace(agent_id, now);
}

void Connection::end_agent_call(SteadyTime now) noexcept {
    // The order matters: a thread that no longer sees the call must already see the new time.
    agents_until_.store((now + kAgentTimeout).time_since_epoch().count(), std::memory_order_relaxed);
    agent_calls_.fetch_sub(1, std::memory_order_release);
}

bool Connection::carries_agents(SteadyTime now) const noexcept {
    if (agent_calls_.load(std::memory_order_acquire) > 0) return true;
    return now.time_since_epoch().count() < agents_until_.load(std::memory_order_relaxed);
}

std::string Connection::agents_text(SteadyTime now) const {
    std::vector<std::pair<SteadyTime, std::string>> recent;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, heard] : agents_)
            recent.emplace_back(heard, id);
    }
    std::sort(recent.rbegin(), recent.rend());
    std::string out;
    std::size_t named = 0;
    for (const auto& [heard, id] : recent) {
        if (named == kAgentsNamed) return out + " and " + std::to_string(recent.size() - named) + " more";
        if (named > 0 && now - heard > kAgentTimeout) break;
        out += (named++ == 0 ? "" : ", ") + id;
    }
    return out.empty() ? "none known" : out;
}

void Connection::refused(std::size_t header_bytes) noexcept {
    // Adds as much of a body as may have arrived before the client learned of the refusal. gRPC discards that
    // data.
    refused_.fetch_add(header_bytes + kCallOverheadBytes + kStreamWindow, std::memory_order_relaxed);
}

bool Connection::has_calls() const {
    const std::lock_guard lock(mutex_);
    return !calls_.empty();
}

void Connection::begin_ending(SteadyTime now) {
    ending_since_ = now;
    held_ = 0;
}

bool Connection::say_goaway(SteadyTime now) {
    if (said_goaway_ || !ending_since_) return false;
    if (has_calls() && now - *ending_since_ < kGoawayWithCallsAfter) return false;
    // Bytes in the send queue may be the first part of a frame, and gRPC may hold the rest.
    int unsent = 0;
    if (::ioctl(socket_.get(), SIOCOUTQ, &unsent) != 0 || unsent != 0) return false;
    said_goaway_ = ::send(socket_.get(), kGoaway.data(), kGoaway.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
                   static_cast<ssize_t>(kGoaway.size());
    return said_goaway_;
}

void Connection::begin_body(std::uint64_t max_bytes) {
    auto& bodies = max_bytes > kSmallBody ? large_bodies_ : small_bodies_;
    bodies.fetch_add(max_bytes, std::memory_order_relaxed);
}

void Connection::end_body(std::uint64_t max_bytes, std::uint64_t bytes) {
    // An eighth on top pays for the frames of the body: a small client may send it in frames of 100 bytes, each
    // with a header of 9 bytes.
    explained_.fetch_add(bytes + bytes / 8, std::memory_order_relaxed);
    auto& bodies = max_bytes > kSmallBody ? large_bodies_ : small_bodies_;
    // A thread that sees the body gone also sees its bytes explained.
    bodies.fetch_sub(max_bytes, std::memory_order_release);
}

void Connection::shut() noexcept {
    if (shut_.exchange(true)) return;
    // The peer misbehaved, so do not wait until it has taken the data in the send buffer: reset the connection.
    const linger at_once{1, 0};
    (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)::shutdown(socket_.get(), SHUT_RDWR);
    // Otherwise the data in the receive buffer would still be read and worked on.
    for (int i = 0; i < kMaxDiscards; ++i) {
        if (::recv(socket_.get(), nullptr, kDiscardBytes, MSG_DONTWAIT | MSG_TRUNC) <= 0) break;
    }
}

std::vector<std::shared_ptr<LiveCall>> Connection::live_calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

Connection::FloodLevel Connection::measure(SteadyTime now) {
    tcp_info info{};
    socklen_t size = sizeof info;
    // No byte may count as unexplained only because of the order of these lines. Many bodies may begin and end
    // between them.
    // 1. The kernel's count of received bytes is read before `bodies` and `explained`. So a body whose bytes
    // are in
    //    that count is either still in progress or explained.
    // 2. Some bytes that were explained meanwhile are only in the kernel's next count. So the value of
    // `explained`
    //    from before the count is remembered, and they are credited again at the next measurement.
    const auto explained_before = explained_.load(std::memory_order_relaxed);
    const auto refused_before = refused_.load(std::memory_order_relaxed);
    if (::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return FloodLevel::fine;
    const auto bodies = std::min(large_bodies_.load(std::memory_order_acquire), bounds_.body_bytes) +
                        std::min(small_bodies_.load(std::memory_order_acquire), bounds_.small_body_bytes);
    const auto explained = explained_.load(std::memory_order_relaxed);
    const bool carries = carries_agents(now);

    const auto elapsed = std::chrono::duration_cast<milliseconds>(now - measured_at_).count();
    const std::uint64_t credit =
        (explained - explained_seen_) + (info.tcpi_bytes_acked - acked_) / kAckedPerExplained +
        (carries ? refused_.load(std::memory_order_relaxed) - refused_seen_ : 0) +
        bounds_.unexplained_bytes_per_second * static_cast<std::uint64_t>(elapsed) / 1000;
    const std::uint64_t got = info.tcpi_bytes_received - received_;
    const std::uint64_t level = held_ + got;
    held_ = level > credit ? level - credit : 0;
    received_ = info.tcpi_bytes_received;
    acked_ = info.tcpi_bytes_acked;
    explained_seen_ = explained_before;
    refused_seen_ = refused_before;
    measured_at_ = now;

    const bool has_grace = now - refused_at_ < kGraceFor;
    const auto bound = bounds_.unexplained_bytes + std::min(explained / 4, bounds_.unexplained_bytes_earned) +
                       bodies + (has_grace ? kGraceBytes : 0) + (ending_since_ ? bounds_.ending_bytes : 0);
    const auto calm =
        got >= kHotBytes || now - begun_ < kNewConnectionTime ? FloodLevel::hot : FloodLevel::fine;
    if (held_ <= bound) {
        over_since_.reset();
        return calm;
    }
    // Data that is still in the kernel does not count: it is limited there, and nobody has read it yet.
    int unread = 0;
    (void)::ioctl(socket_.get(), FIONREAD, &unread);
    if (held_ <= bound + static_cast<std::uint64_t>(std::max(unread, 0))) return FloodLevel::hot;
    if (bodies == 0 && held_ <= bound + kStreamWindow) {
        if (!over_since_) over_since_ = now;
        if (now - *over_since_ < kCallStartDelay) return FloodLevel::hot;
    }
    if (bodies == 0 && carries) {
        // The excess is counted as a flood once. Only what comes on top of it counts next time.
        flood_bytes += held_ - bound;
        held_ = bound;
        return FloodLevel::flood;
    }
    if (bodies == 0 || (has_grace && !carries)) return FloodLevel::shut;
    // The bodies are refused, so what arrived of them is accounted for.
    refused_at_ = now;
    held_ = 0;
    return FloodLevel::refuse_bodies;
}

std::uint64_t Connection::acked_bytes() const noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    return ::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_acked : 0;
}

bool Connection::is_over() const noexcept {
    pollfd state{socket_.get(), 0, 0};
    return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

bool ConnectionTable::add(std::shared_ptr<Connection> connection) {
    const std::lock_guard lock(mutex_);
    const auto peer = connection->peer();
    return by_peer_.emplace(peer, std::move(connection)).second;
}

bool ConnectionTable::remove(const Connection& connection) {
    std::shared_ptr<Connection> last_owner;  // destroyed after the lock is released
    const std::lock_guard lock(mutex_);
    const auto found = by_peer_.find(connection.peer());
    if (found == by_peer_.end() || found->second.get() != &connection) return false;
    last_owner = std::move(found->second);
    by_peer_.erase(found);
    return true;
}

std::shared_ptr<Connection> ConnectionTable::find(const PeerKey& peer) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_peer_.find(peer);
    return found == by_peer_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Connection>> ConnectionTable::all() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Connection>> out;
    out.reserve(by_peer_.size());
    for (const auto& [peer, connection] : by_peer_)
        out.push_back(connection);
    return out;
}

std::size_t ConnectionTable::size() const {
    const std::lock_guard lock(mutex_);
    return by_peer_.size();
}

}  // namespace ioswarm::proto
