// SPDX-License-Identifier: Apache-2.0
#include "core/net/http_server.hpp"

// One thread and one epoll set. A connection is reading its request, writing its answer, or lingering: both
// sides are done, but to close at once with unread bytes would reset the connection and could take the answer
// with it.

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <list>
#include <map>
#include <optional>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/net/http_exchange.hpp"

namespace ioswarm {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLingerTime{1'000};
constexpr std::chrono::milliseconds kAcceptPause{100};  // after running out of file descriptors
constexpr std::size_t kLingerBytes = 65'536;            // of a body that nobody reads
constexpr int kBacklog = 128;

class Fd {
  public:
    explicit Fd(int fd = -1) noexcept : fd_(fd) {}
    ~Fd() {
        if (fd_ >= 0) close(fd_);
    }
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }

  private:
    int fd_;
};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

    static std::optional<SocketAddress> from(const std::string& ip, std::uint16_t port) {
        SocketAddress out;
        auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
        if (inet_pton(AF_INET, ip.c_str(), &v4->sin_addr) == 1) {
            v4->sin_family = AF_INET;
            v4->sin_port = htons(port);
            out.size = sizeof(sockaddr_in);
            return out;
        }
        if (inet_pton(AF_INET6, ip.c_str(), &v6->sin6_addr) == 1) {
            v6->sin6_family = AF_INET6;
            v6->sin6_port = htons(port);
            out.size = sizeof(sockaddr_in6);
            return out;
        }
        return std::nullopt;
    }
    [[nodiscard]] std::uint16_t port() const {
        return ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port
                                                   : reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
    }
    [[nodiscard]] std::string ip() const {
        std::array<char, INET6_ADDRSTRLEN> text{};
        const void* bytes =
            storage.ss_family == AF_INET6
                ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr)
                : &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr;
        if (inet_ntop(storage.ss_family, bytes, text.data(), text.size()) == nullptr) return "?";
        const std::string_view out(text.data());
        constexpr std::string_view kMapped = "::ffff:";  // an IPv4 client of a socket that takes both
        return std::string(out.starts_with(kMapped) ? out.substr(kMapped.size()) : out);
    }
};

bool is_loopback(std::string_view ip) {
    return ip == "::1" || ip.starts_with("127.");
}

struct Connection {
    enum class Phase { reading, writing, lingering };

    Fd fd;
    std::string ip;
    Phase phase = Phase::reading;
    SteadyClock::time_point deadline;
    std::string in;
    std::string out;
    std::size_t written = 0;
    std::size_t lingered = 0;
};
using Connections = std::list<Connection>;  // oldest first; addresses stay while others come and go

Result<Fd> bind_and_listen(const HttpServerSettings& settings) {
    const std::string where = fmt::format("{} port {}", settings.address, settings.port);
    const auto address = SocketAddress::from(settings.address, settings.port);
    if (!address) return fail(ErrorCode::invalid_argument, "cannot serve HTTP", where, "not an IP address");
    Fd fd(socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    const int off = 0;
    if (fd.get() >= 0) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // "::" takes IPv4 too, whatever the system's default is.
    if (address->storage.ss_family == AF_INET6)
        setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (fd.get() < 0 || bind(fd.get(), address->get(), address->size) != 0 || listen(fd.get(), kBacklog) != 0) {
        const int failure = errno;
        Error error = errno_error(failure, "cannot serve HTTP", where);
        if (failure == EADDRINUSE || failure == EADDRNOTAVAIL) error.code = ErrorCode::unavailable;
        return fail(std::move(error));
    }
    return fd;
}

}  // namespace

struct HttpServer::Impl {
    HttpServerSettings settings;
    HttpExchange exchange;
    Log log;
    Fd listener;
    Fd epoll;
    Fd stop_event;
    std::uint16_t port = 0;

    // The server thread's own.
    Connections connections;
    std::map<std::string, std::size_t> per_address;
    std::optional<SteadyClock::time_point> accept_again;

    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> timed_out{0};
    std::atomic<std::uint64_t> shed{0};
    std::thread thread;

    Impl(HttpServerSettings s, Handler handler, Log l)
        : settings(std::move(s)), exchange(std::move(handler), settings.headers), log(std::move(l)) {}

    void watch(int fd, std::uint32_t events, void* tag, int operation) const {
        epoll_event event{};
        event.events = events;
        event.data.ptr = tag;
        if (epoll_ctl(epoll.get(), operation, fd, &event) != 0) {
            log.error("cannot watch a connection of the monitoring API: {}", std::strerror(errno));
        }
    }

    void run() {
        std::array<epoll_event, 64> events{};
        while (true) {
            const int count =
                epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), wait_ms());
            for (int i = 0; i < count; ++i) {
                void* tag = events[static_cast<std::size_t>(i)].data.ptr;
                if (tag == &stop_event) return;
                if (tag == &listener) continue;
                advance(*static_cast<Connection*>(tag));
            }
            // Only now are connections removed or made: none of the events above can mean one that is gone.
            close_finished();
            accept_all();
        }
    }

    [[nodiscard]] int wait_ms() const {
        auto next = SteadyClock::time_point::max();
        for (const Connection& connection : connections)
            next = std::min(next, connection.deadline);
        if (accept_again) next = std::min(next, *accept_again);
        if (next == SteadyClock::time_point::max()) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - SteadyClock::now()).count();
        return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    }

    void accept_all() {
        if (accept_again && SteadyClock::now() < *accept_again) return;
        if (accept_again) watch(listener.get(), EPOLLIN, &listener, EPOLL_CTL_MOD);
        accept_again.reset();
        constexpr int kAtOnce = 64;  // so that a flood of connections does not keep the others waiting
        for (int i = 0; i < kAtOnce; ++i) {
            SocketAddress from;
            Fd fd(accept4(listener.get(), from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (fd.get() < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
                // The waiting connection would wake epoll again at once: look away for a moment.
                watch(listener.get(), 0, &listener, EPOLL_CTL_MOD);
                accept_again = SteadyClock::now() + kAcceptPause;
                return;
            }
            if (fd.get() < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
            if (fd.get() < 0) return;
            add(std::move(fd), from.ip());
        }
    }

    [[nodiscard]] bool is_proxy(const std::string& ip) const {
        const auto address = parse_ip(ip);
        return is_loopback(ip) || (address && contains(settings.proxies, *address));
    }

    void add(Fd fd, std::string ip) {
        ++accepted;
        if (!is_proxy(ip) && per_address[ip] >= settings.max_connections_per_address) {
            shed_oldest([&](const Connection& one) { return one.ip == ip; });
        }
        if (connections.size() >= settings.max_connections) shed_oldest([](const Connection&) { return true; });
        ++per_address[ip];
        Connection& added = connections.emplace_back();
        added.fd = std::move(fd);
        added.ip = std::move(ip);
        added.deadline = SteadyClock::now() + settings.request_timeout;
        watch(added.fd.get(), EPOLLIN, &added, EPOLL_CTL_ADD);
    }

    template <typename Predicate>
    void shed_oldest(Predicate matches) {
        const auto oldest = std::find_if(connections.begin(), connections.end(), matches);
        if (oldest == connections.end()) return;
        ++shed;
        erase(oldest);
    }

    Connections::iterator erase(Connections::iterator connection) {
        const auto count = per_address.find(connection->ip);
        if (--count->second == 0) per_address.erase(count);
        return connections.erase(connection);
    }

    void close_finished() {
        const auto now = SteadyClock::now();
        for (auto it = connections.begin(); it != connections.end();) {
            const bool late = now >= it->deadline;
            if (late && it->phase == Connection::Phase::reading) {
                ++timed_out;
                answer_with(*it, http_error_answer(408, "Request Timeout", "the request took too long"));
                ++it;
            } else if (late) {
                if (it->phase == Connection::Phase::writing) ++timed_out;
                it = erase(it);
            } else {
                ++it;
            }
        }
    }

    /// Marks a connection for close_finished.
    static void finish(Connection& connection) {
        connection.phase = Connection::Phase::lingering;
        connection.deadline = {};
    }

    void advance(Connection& connection) {
        if (connection.phase == Connection::Phase::reading) read_request(connection);
        if (connection.phase == Connection::Phase::writing) write_answer(connection);
        if (connection.phase == Connection::Phase::lingering) linger(connection);
    }

    void read_request(Connection& connection) {
        std::array<char, 4096> buffer{};
        while (true) {
            const ssize_t got = recv(connection.fd.get(), buffer.data(), buffer.size(), 0);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
            if (got <= 0) return finish(connection);
            const std::size_t searched = connection.in.size() < 3 ? 0 : connection.in.size() - 3;
            connection.in.append(buffer.data(), static_cast<std::size_t>(got));
            const std::size_t end = connection.in.find("\r\n\r\n", searched);
            if (end != std::string::npos && end + 4 <= settings.max_request_bytes) {
                ++requests;
                const std::string_view head = std::string_view(connection.in).substr(0, end + 4);
                return answer_with(connection, exchange.answer(head, connection.ip));
            }
            if (connection.in.size() > settings.max_request_bytes) {
                return answer_with(connection, http_error_answer(431, "Request Header Fields Too Large",
                                                                 "the request line and headers are too large"));
            }
        }
    }

    void answer_with(Connection& connection, std::string answer) {
        connection.in.clear();
        connection.in.shrink_to_fit();
        connection.out = std::move(answer);
        connection.phase = Connection::Phase::writing;
        connection.deadline = SteadyClock::now() + settings.response_timeout;
        watch(connection.fd.get(), EPOLLOUT, &connection, EPOLL_CTL_MOD);
    }

    void write_answer(Connection& connection) {
        while (connection.written < connection.out.size()) {
            const ssize_t put = send(connection.fd.get(), connection.out.data() + connection.written,
                                     connection.out.size() - connection.written, MSG_NOSIGNAL);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
            if (put < 0) return finish(connection);
            connection.written += static_cast<std::size_t>(put);
        }
        shutdown(connection.fd.get(), SHUT_WR);
        connection.phase = Connection::Phase::lingering;
        connection.deadline = SteadyClock::now() + kLingerTime;
        watch(connection.fd.get(), EPOLLIN, &connection, EPOLL_CTL_MOD);
    }

    static void linger(Connection& connection) {
        std::array<char, 4096> buffer{};
        while (connection.lingered <= kLingerBytes) {
            const ssize_t got = recv(connection.fd.get(), buffer.data(), buffer.size(), 0);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
            if (got <= 0) break;
            connection.lingered += static_cast<std::size_t>(got);
        }
        finish(connection);
    }
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerSettings settings, Handler handler, Log log) {
    Result<Fd> listener = bind_and_listen(settings);
    if (!listener) return fail(std::move(listener).error());
    auto impl = std::make_unique<Impl>(std::move(settings), std::move(handler), std::move(log));
    impl->listener = *std::move(listener);
    impl->epoll = Fd(epoll_create1(EPOLL_CLOEXEC));
    impl->stop_event = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    SocketAddress bound;
    if (impl->epoll.get() < 0 || impl->stop_event.get() < 0 ||
        getsockname(impl->listener.get(), bound.get(), &bound.size) != 0) {
        return fail(errno_error(errno, "cannot serve HTTP"));
    }
    impl->port = bound.port();
    impl->watch(impl->listener.get(), EPOLLIN, &impl->listener, EPOLL_CTL_ADD);
    impl->watch(impl->stop_event.get(), EPOLLIN, &impl->stop_event, EPOLL_CTL_ADD);
    std::unique_ptr<HttpServer> server(new HttpServer(std::move(impl)));
    server->impl_->thread = std::thread([raw = server->impl_.get()] { raw->run(); });
    return server;
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
    if (!impl_->thread.joinable()) return;
    const std::uint64_t one = 1;
    if (write(impl_->stop_event.get(), &one, sizeof one) != sizeof one) {
        impl_->log.error("cannot stop the monitoring API: {}", std::strerror(errno));
    }
    impl_->thread.join();
}

std::uint16_t HttpServer::port() const noexcept {
    return impl_->port;
}

HttpServerCounters HttpServer::counters() const {
    return HttpServerCounters{impl_->accepted, impl_->requests, impl_->timed_out, impl_->shed};
}

const std::string* HttpRequest::header(std::string_view name) const {
    const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& field) {
        return field.first.size() == name.size() &&
               strncasecmp(field.first.data(), name.data(), name.size()) == 0;
    });
    return found == headers.end() ? nullptr : &found->second;
}

const std::string* HttpRequest::parameter(std::string_view name) const {
    const auto found =
        std::find_if(query.begin(), query.end(), [&](const auto& field) { return field.first == name; });
    return found == query.end() ? nullptr : &found->second;
}

}  // namespace ioswarm
