// SPDX-License-Identifier: Apache-2.0
#include "proto/connection.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <linux/tcp.h>  // not <netinet/tcp.h>: its tcp_info ends before tcpi_bytes_received
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ioswarm::proto {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A call's HTTP/2 frames and TLS records, beside its headers and body.
constexpr std::uint64_t kCallOverheadBytes = 512;
/// A connection is looked at often in its first second, and while it gets this much between two looks.
constexpr seconds kNewFor{1};
constexpr std::uint64_t kHotBytes = std::uint64_t{32} << 10;
/// The sweep, which asks too, comes once a second.
constexpr milliseconds kMomentOfTooMany{500};
/// Far more than a receive buffer holds.
constexpr int kMostDiscards = 64;
constexpr std::size_t kDiscardBytes = std::size_t{1} << 20;
constexpr std::uint64_t kSmallBody = std::uint64_t{64} << 10;
/// gRPC reads as much of a body as its stream's window lets in before the call has begun here, which on a busy
/// machine comes some time later.
constexpr std::uint64_t kStreamWindow = std::uint64_t{64} << 10;
constexpr milliseconds kBeginsWithin{200};
/// A client whose body was refused may send on what was on its way, so that it lives to read the refusal; gRPC
/// throws that away. More, or later, and the connection is shut.
constexpr seconds kGraceFor{10};
constexpr std::uint64_t kGraceBytes = std::uint64_t{16} << 20;

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// What acknowledged bytes earn: window updates and pings come back for data that was sent.
constexpr std::uint64_t kAckedPerExplained = 8;

}  // namespace

bool PeerKey::is_loopback() const noexcept {
    if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin())) return address[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(reinterpret_cast<const in6_addr*>(address.data())) != 0;
}

std::array<std::uint8_t, 16> PeerKey::network() const noexcept {
    auto out = address;
    if (!std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin())) {
        std::fill(out.begin() + 8, out.end(), std::uint8_t{0});
    }
    return out;
}

std::string PeerKey::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    const bool mapped = std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin());
    inet_ntop(mapped ? AF_INET : AF_INET6, address.data() + (mapped ? 12 : 0), buffer.data(), buffer.size());
    const std::string host = buffer.data();
    return (mapped ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::optional<PeerKey> PeerKey::from(const sockaddr_storage& address) {
    PeerKey key;
    if (address.ss_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address, sizeof in);
        std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), key.address.begin());
        std::memcpy(key.address.data() + 12, &in.sin_addr, 4);
        key.port = ntohs(in.sin_port);
        return key;
    }
    if (address.ss_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &address, sizeof in);
        std::memcpy(key.address.data(), &in.sin6_addr, 16);
        key.port = ntohs(in.sin6_port);
        return key;
    }
    return std::nullopt;
}

std::optional<PeerKey> PeerKey::from_grpc_peer(std::string_view peer) {
    const auto colon = peer.rfind(':');
    if (peer.size() < 5 || colon == std::string_view::npos || colon < 5) return std::nullopt;
    PeerKey key;
    const auto port = peer.substr(colon + 1);
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), key.port);
    if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) return std::nullopt;

    std::string host(peer.substr(5, colon - 5));
    if (peer.starts_with("ipv4:")) {
        std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), key.address.begin());
        if (inet_pton(AF_INET, host.c_str(), key.address.data() + 12) != 1) return std::nullopt;
        return key;
    }
    if (!peer.starts_with("ipv6:")) return std::nullopt;
    if (host.starts_with("%5B")) host.erase(0, 3);
    if (host.starts_with("[")) host.erase(0, 1);
    // A link-local address carries its interface behind an escaped '%'.
    host.erase(std::min(host.find_first_of("%]"), host.size()));
    if (inet_pton(AF_INET6, host.c_str(), key.address.data()) != 1) return std::nullopt;
    return key;
}

std::size_t PeerKeyHash::operator()(const PeerKey& key) const noexcept {
    return std::hash<std::string_view>{}(
               std::string_view(reinterpret_cast<const char*>(key.address.data()), key.address.size())) *
               31 +
           key.port;
}

Connection::Connection(int fd, PeerKey peer, ConnectionBounds bounds, SteadyTime now)
    : fd_(fd),
      peer_(peer),
      bounds_(bounds),
      cancel_window_(now),
      begun_(now),
      measured_at_(now),
      refused_at_(now - 2 * kGraceFor) {}

Connection::~Connection() {
    ::close(fd_);
}

/// With mutex_ held.
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
    return now - *too_many_since_ > kMomentOfTooMany;
}

bool Connection::begin_call(std::shared_ptr<LiveCall> call, SteadyTime now) {
    std::shared_ptr<LiveCall> last_owner;  // destroyed after the lock
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
    std::shared_ptr<LiveCall> last_owner;  // destroyed after the lock
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
    if (over && !is_shut()) {
        shut();
        return false;
    }
    return true;
}

void Connection::begin_body(std::uint64_t most_bytes) {
    auto& bodies = most_bytes > kSmallBody ? large_bodies_ : small_bodies_;
    bodies.fetch_add(most_bytes, std::memory_order_relaxed);
}

void Connection::end_body(std::uint64_t most_bytes, std::uint64_t bytes) {
    explained_.fetch_add(bytes + bytes / 8, std::memory_order_relaxed);
    auto& bodies = most_bytes > kSmallBody ? large_bodies_ : small_bodies_;
    bodies.fetch_sub(most_bytes, std::memory_order_release);  // whoever misses it here sees it explained
}

void Connection::shut() noexcept {
    if (shut_.exchange(true)) return;
    // Nothing is owed to such a peer: reset instead of waiting for it to take what is in the send buffer.
    const linger at_once{1, 0};
    (void)::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)::shutdown(fd_, SHUT_RDWR);
    // What lies in the receive buffer would still be read and worked on.
    for (int i = 0; i < kMostDiscards; ++i) {
        if (::recv(fd_, nullptr, kDiscardBytes, MSG_DONTWAIT | MSG_TRUNC) <= 0) break;
    }
}

std::vector<std::shared_ptr<LiveCall>> Connection::live_calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

Connection::Verdict Connection::measure(SteadyTime now) {
    tcp_info info{};
    socklen_t size = sizeof info;
    // Many bodies may come and go between two of these lines. What the kernel has counted is judged by what is
    // known after it: a body of that moment is still going on, or explained. And what was explained meanwhile
    // counts again next time, since its bytes may be counted only then.
    const auto explained_before = explained_.load(std::memory_order_relaxed);
    if (::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return Verdict::fine;
    const auto bodies = std::min(large_bodies_.load(std::memory_order_acquire), bounds_.body_bytes) +
                        std::min(small_bodies_.load(std::memory_order_acquire), bounds_.small_body_bytes);
    const auto explained = explained_.load(std::memory_order_relaxed);

    const auto elapsed = std::chrono::duration_cast<milliseconds>(now - measured_at_).count();
    const std::uint64_t credit =
        (explained - explained_seen_) + (info.tcpi_bytes_acked - acked_) / kAckedPerExplained +
        bounds_.unexplained_bytes_per_second * static_cast<std::uint64_t>(elapsed) / 1000;
    const std::uint64_t got = info.tcpi_bytes_received - received_;
    const std::uint64_t level = held_ + got;
    held_ = level > credit ? level - credit : 0;
    received_ = info.tcpi_bytes_received;
    acked_ = info.tcpi_bytes_acked;
    explained_seen_ = explained_before;
    measured_at_ = now;

    const bool has_grace = now - refused_at_ < kGraceFor;
    const auto bound = bounds_.unexplained_bytes + std::min(explained / 4, bounds_.unexplained_bytes_earned) +
                       bodies + (has_grace ? kGraceBytes : 0);
    const auto calm = got >= kHotBytes || now - begun_ < kNewFor ? Verdict::hot : Verdict::fine;
    if (held_ <= bound) {
        over_since_.reset();
        return calm;
    }
    // What still lies in the kernel is bounded there and was not read by anybody.
    int unread = 0;
    (void)::ioctl(fd_, FIONREAD, &unread);
    if (held_ <= bound + static_cast<std::uint64_t>(std::max(unread, 0))) return Verdict::hot;
    if (bodies == 0 && held_ <= bound + kStreamWindow) {
        if (!over_since_) over_since_ = now;
        if (now - *over_since_ < kBeginsWithin) return Verdict::hot;
    }
    if (bodies == 0 || has_grace) return Verdict::shut;
    refused_at_ = now;
    held_ = 0;
    return Verdict::refuse_bodies;
}

std::uint64_t Connection::acked_bytes() const noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    return ::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_acked : 0;
}

bool Connection::is_over() const noexcept {
    pollfd state{fd_, 0, 0};
    return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

bool ConnectionTable::add(std::shared_ptr<Connection> connection) {
    const std::lock_guard lock(mutex_);
    const auto peer = connection->peer();
    return by_peer_.emplace(peer, std::move(connection)).second;
}

bool ConnectionTable::remove(const Connection& connection) {
    std::shared_ptr<Connection> last_owner;  // destroyed after the lock
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
