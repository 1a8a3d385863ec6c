// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/acceptor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <linux/tcp.h>  // as in connection.cpp; it cannot be included together with <netinet/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

namespace ioswarm::proto {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// The most measurements of connections per millisecond. Each measurement takes some microseconds.
constexpr std::size_t kMeasurementsPerMs = 4;
constexpr seconds kSweepEvery{1};
/// Without connections the sweep is rarer. It only writes out what AcceptorHooks::on_sweep still has to say.
constexpr milliseconds kSweepAtLeastEvery{10'000};
/// The most frequent warning of one kind, for all connections together, and for the flood of one connection.
constexpr seconds kWarnEvery{10};
constexpr seconds kFloodWarningEvery{60};
/// How long a proxy may take to close a connection after it was asked to end it. The proxy first waits for its
/// calls in progress.
constexpr seconds kEndsWithin{10};
/// The most addresses that are barred at a time. Further ones are not barred. Barring only slows attackers
/// down; the other limits hold without it.
constexpr std::size_t kMaxBarred = 4096;
/// Connections that are accepted before data of open ones is looked at again.
constexpr int kAcceptsInARow = 64;
constexpr std::size_t kEventsAtOnce = 256;  // the rest comes with the next call of epoll_wait()
/// epoll returns one of three tags: this one, the index of a listener + 1, or the address of a Connection,
/// which is far higher.
constexpr std::uint64_t kWakeTag = 0;
constexpr std::uint64_t kMaxListeners = 64;

std::uint64_t max_connections(const AcceptorBounds& bounds) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return bounds.connections;
    const std::uint64_t usable =
        limit.rlim_cur > bounds.reserved_files ? limit.rlim_cur - bounds.reserved_files : 0;
    return std::clamp<std::uint64_t>(usable / 2, 1, bounds.connections);
}

/// Held in reserve for when no descriptor is left.
Descriptor null_descriptor() {
    return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

Acceptor::Acceptor(Listening listening, AcceptorBounds bounds, ConnectionTable& table, HandOver hand_over,
                   Log log, AcceptorHooks hooks, const metrics::Registry& registry)
    : bounds_(bounds),
      max_connections_(max_connections(bounds)),
      table_(table),
      admission_(std::in_place,
                 std::make_shared<const Admission>(Admission{bounds.connection, std::move(hand_over)})),
      log_(std::move(log)),
      hooks_(std::move(hooks)),
      counters_(registry),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      spare_(null_descriptor()),
      listeners_(std::move(listening.sockets)) {
    std::uint64_t tag = kWakeTag;
    const auto watch_tagged = [&](int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = tag++;
        (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    };
    watch_tagged(wake_.get());
    for (const auto& listener : listeners_)
        watch_tagged(listener.get());
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Acceptor::~Acceptor() {
    stop();
}

void Acceptor::wake() noexcept {
    raise_event(wake_.get());
}

void Acceptor::stop_accepting() {
    accepting_.store(false);
    wake();
    closed_.wait(false);
}

void Acceptor::change_admission(ConnectionBounds bounds, HandOver hand_over) {
    auto fresh = std::make_shared<const Admission>(Admission{bounds, std::move(hand_over)});
    *admission_.lock() = std::move(fresh);
}

void Acceptor::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    wake();
    thread_.join();
}

int Acceptor::timeout_ms(SteadyTime now) const {
    auto due = SteadyTime::max();
    for (const auto* queue : {&active_, &hot_}) {
        if (!queue->connections.empty()) due = std::min(due, queue->next);
    }
    if (table_.size() != 0 || !barred_.empty() || trim_.is_due()) due = std::min(due, next_sweep_);
    if (due == SteadyTime::max()) return hooks_.on_sweep ? static_cast<int>(kSweepAtLeastEvery.count()) : -1;
    return static_cast<int>(
        std::max<std::int64_t>(0, std::chrono::duration_cast<milliseconds>(due - now).count() + 1));
}

void Acceptor::run(const std::stop_token& stop) {
    std::array<epoll_event, kEventsAtOnce> events{};
    while (!stop.stop_requested()) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                       timeout_ms(std::chrono::steady_clock::now()));
        if (!accepting_.load()) close_listeners();
        for (int i = 0; i < count; ++i) {
            // A copy, because the struct is packed and a reference into it is not possible.
            const epoll_data_t data = events[static_cast<std::size_t>(i)].data;
            if (data.u64 == kWakeTag) {
                clear_event(wake_.get());
            } else if (data.u64 <= kMaxListeners) {
                if (data.u64 <= listeners_.size()) accept_some(listeners_[data.u64 - 1].get());
            } else {
                on_activity(*static_cast<Connection*>(data.ptr));
            }
        }
        const auto now = std::chrono::steady_clock::now();
        if (hot_.is_due(now)) measure(hot_, now);
        if (active_.is_due(now)) measure(active_, now);
        if (now >= next_sweep_) {
            sweep(now);
            if (trim_.run(now)) counters_.memory_trims.add();
            next_sweep_ = now + kSweepEvery;
        }
        removed_.clear();
    }
    close_listeners();
}

void Acceptor::close_listeners() {
    listeners_.clear();
    closed_.store(true);
    closed_.notify_all();
}

void Acceptor::accept_some(int listener) {
    for (int i = 0; i < kAcceptsInARow; ++i) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        Descriptor socket(
            ::accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (socket.get() >= 0) {
            if (const auto peer = PeerKey::from(address)) admit(std::move(socket), *peer);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
        // A connection waits in the queue, but there is no descriptor to accept it with. So free the spare
        // descriptor, accept the connection and close it. Otherwise this loop would spin and the client would
        // hang.
        counters_.refused_full.add();
        spare_.reset();
        const bool took_one = Descriptor(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)).get() >= 0;
        spare_ = null_descriptor();
        if (!took_one) return;
    }
}

bool Acceptor::is_proxy(const PeerKey& peer) const {
    return (bounds_.loopback_is_proxy && peer.is_loopback()) || bounds_.proxies.contains(peer.address);
}

/// Why a connection of this peer is refused; null if it is accepted.
const char* Acceptor::refusal_for(const PeerKey& peer) {
    if (table_.size() >= max_connections_) {
        counters_.refused_full.add();
        return "too many are open";
    }
    if (const auto barred = barred_.find(peer.network()); barred != barred_.end()) {
        if (std::chrono::steady_clock::now() < barred->second) {
            counters_.refused_barred.add();
            return "a connection of this address was shut shortly before";
        }
        barred_.erase(barred);
    }
    const auto of_network = per_network_.find(peer.network());
    if (of_network != per_network_.end() && of_network->second >= bounds_.connections_per_address &&
        !is_proxy(peer)) {
        counters_.refused_per_address.add();
        return "too many of this address are open";
    }
    // The same address and port again. Usually the earlier connection is over and was not removed yet. It can
    // also be a connection to another address of ours, which no client makes by chance.
    if (const auto earlier = table_.find(peer)) {
        if (!earlier->is_over()) {
            counters_.refused_same_port.add();
            return "another one from this address and port is open";
        }
        remove(earlier);
    }
    return nullptr;
}

void Acceptor::admit(Descriptor socket, const PeerKey& peer) {
    if (const char* refusal = refusal_for(peer); refusal != nullptr) {
        warn("connection refused", peer, refusal);
        return;
    }
    Descriptor watched(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
    if (!watched) {
        counters_.refused_full.add();
        warn("connection refused", peer, "no file descriptor is left");
        return;
    }
    const int one = 1;
    (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const std::shared_ptr<const Admission> admission = *admission_.lock();
    const auto connection = std::make_shared<Connection>(std::move(watched), peer, admission->bounds,
                                                         std::chrono::steady_clock::now(), is_proxy(peer));
    if (!table_.add(connection)) return;
    ++per_network_[peer.network()];
    counters_.accepted.add();
    watch(EPOLL_CTL_ADD, *connection);
    admission->hand_over(socket.release());
}

void Acceptor::watch(int operation, Connection& connection) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
    event.data.ptr = &connection;
    (void)::epoll_ctl(epoll_.get(), operation, connection.fd(), &event);
}

void Acceptor::warn(const char* what, const PeerKey& peer, const char* why) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_warning_) return;
    next_warning_ = now + kWarnEvery;
    log_.warn("{}: {}: {} ({} connections open)", what, peer.text(), why, table_.size());
}

void Acceptor::on_activity(Connection& connection) {
    if (connection.active) return;
    auto known = table_.find(connection.peer());
    if (!known || known.get() != &connection) return;
    connection.active = true;
    (connection.is_hot ? hot_ : active_).add(std::move(known));
}

void Acceptor::MeasureQueue::add(std::shared_ptr<Connection> connection) {
    if (connections.empty()) {
        next = std::chrono::steady_clock::now() +
               std::clamp(milliseconds(last_count / kMeasurementsPerMs), least, most);
    }
    connections.push_back(std::move(connection));
}

void Acceptor::measure(MeasureQueue& queue, SteadyTime now) {
    std::vector<std::shared_ptr<Connection>> due;
    due.swap(queue.connections);
    queue.last_count = due.size();
    for (const auto& connection : due) {
        connection->active = false;
        if (connection->is_over() || table_.find(connection->peer()) != connection) {
            remove(connection);
            continue;
        }
        unexplained_bytes_ -= connection->held();
        const auto level = connection->measure(now);
        unexplained_bytes_ += connection->held();
        judge(*connection, level, now);
        watch(EPOLL_CTL_MOD, *connection);
    }
    bound_total();
    trim_.expect(now);
}

void Acceptor::judge(Connection& connection, Connection::FloodLevel level, SteadyTime now) {
    using FloodLevel = Connection::FloodLevel;
    connection.is_hot = level == FloodLevel::hot || level == FloodLevel::refuse_bodies;
    if (level == FloodLevel::refuse_bodies) {
        counters_.bodies_refused.add();
        for (const auto& call : connection.live_calls())
            call->refuse_body();
    } else if (level == FloodLevel::flood) {
        note_flood(connection, now);
    } else if (level == FloodLevel::shut && connection.is_from_proxy() && !connection.ending_since()) {
        unexplained_bytes_ -= connection.held();
        begin_ending(connection, now, "it sent too many bytes that belong to no finished call");
        unexplained_bytes_ += connection.held();
    } else if (level == FloodLevel::shut) {
        shut(connection, counters_.shut_abusive, "it sent too many bytes that belong to no finished call");
    }
    if (connection.wants_end() && !connection.ending_since())
        begin_ending(connection, now, "its clients cancelled too many calls");
    if (connection.ending_since()) go_on_ending(connection, now);
}

/// Reports a flood. The connection is not shut, because the agents on it may have nothing to do with the flood.
/// The warning tells the operator which agents to look at.
void Acceptor::note_flood(Connection& connection, SteadyTime now) {
    if (now < connection.flood_told_at + kFloodWarningEvery && connection.flood_told_at != SteadyTime::min())
        return;
    const std::uint64_t bytes = std::exchange(connection.flood_bytes, 0);
    connection.flood_told_at = now;
    counters_.floods.add();
    counters_.flood_bytes.add(bytes);
    if (now < next_flood_warning_) return;
    next_flood_warning_ = now + kWarnEvery;
    log_.warn(
        "connection of {}: {} bytes above the limit belong to no call; the connection stays open, because "
        "agents "
        "use it: {}",
        connection.peer().text(), bytes, connection.agents_text(now));
}

void Acceptor::begin_ending(Connection& connection, SteadyTime now, const char* why) {
    connection.begin_ending(now);
    counters_.goaways.add();
    warn("connection of a proxy is asked to end", connection.peer(), why);
}

/// Continues to end a connection from a proxy. A proxy that got GOAWAY uses another connection for new calls,
/// and closes this one when its calls are over.
void Acceptor::go_on_ending(Connection& connection, SteadyTime now) {
    if (connection.is_shut()) return;
    if (!bounds_.has_tls) (void)connection.say_goaway(now);
    if (connection.has_calls() || connection.carries_agents(now)) return;
    if (bounds_.has_tls || now - *connection.ending_since() > kEndsWithin)
        shut(connection, counters_.shut_abusive, "it did not close after GOAWAY");
}

void Acceptor::bound_total() {
    if (unexplained_bytes_ <= bounds_.held_bytes) return;
    auto connections = table_.all();
    std::sort(connections.begin(), connections.end(),
              [](const auto& a, const auto& b) { return a->held() > b->held(); });
    auto left = unexplained_bytes_;
    for (const auto& connection : connections) {
        if (left <= bounds_.held_bytes || connection->held() == 0) break;
        left -= connection->held();
        shut(*connection, counters_.shut_memory,
             "all connections together use too much memory, and it is one of those that use most");
    }
}

void Acceptor::shut(Connection& connection, const metrics::Counter& counter, const char* why) {
    if (connection.is_shut()) return;
    counter.add();
    connection.shut();
    if (!connection.is_from_proxy() && barred_.size() < kMaxBarred) {
        barred_[connection.peer().network()] = std::chrono::steady_clock::now() + bounds_.barred_for;
    }
    warn("connection shut", connection.peer(), why);
}

void Acceptor::remove(const std::shared_ptr<Connection>& connection) {
    // A connection whose port was used again is removed at once. The next measure() finds it over and comes
    // here a second time.
    if (!table_.remove(*connection)) return;
    unexplained_bytes_ -= connection->held();
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection->fd(), nullptr);
    const auto counted = per_network_.find(connection->peer().network());
    if (counted != per_network_.end() && --counted->second == 0) per_network_.erase(counted);
    removed_.push_back(connection);
    if (hooks_.on_closed) hooks_.on_closed(*connection, std::chrono::steady_clock::now());
}

void Acceptor::sweep(SteadyTime now) {
    for (const auto& connection : table_.all()) {
        if (connection->holds_too_many(now))
            shut(*connection, counters_.shut_abusive, "it has too many open calls");
        if (connection->ending_since()) go_on_ending(*connection, now);
        for (const auto& call : connection->live_calls())
            call->sweep(now);
    }
    std::erase_if(barred_, [&](const auto& entry) { return now >= entry.second; });
    if (hooks_.on_sweep) hooks_.on_sweep(now);
}

}  // namespace ioswarm::proto
