// SPDX-License-Identifier: Apache-2.0
#include "core/net/http_server.hpp"

// Connections, timers and the acceptor are used only by the server's own thread, which runs the io_context.
// Handler threads get the text of a request and return an answer.

#include <algorithm>
#include <atomic>
#include <cstring>
#include <list>
#include <map>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>

#include "core/base/try.hpp"
#include "core/net/http_exchange.hpp"
#include "core/net/socket_file.hpp"

namespace ioswarm {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
// The same code serves TCP and Unix sockets.
using Protocol = asio::generic::stream_protocol;
using Socket = Protocol::socket;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using boost::system::error_code;
using ServerClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLingerTime{1'000};
// Pause after accept() failed, usually because no file descriptor was free.
constexpr std::chrono::milliseconds kAcceptPause{100};
// How much of an unread body is received and dropped before the connection is closed.
constexpr std::size_t kLingerBytes = 65'536;
constexpr int kBacklog = 128;

struct HttpPeer {
    /// `idle`: between two requests. `lingering`: the answer was sent and the connection will be closed soon.
    /// Closing it at once while unread bytes wait would reset it, and the client could lose the answer.
    enum class Phase { idle, reading, handling, writing, lingering, ended };

    explicit HttpPeer(Socket from) : socket(std::move(from)) {}

    Socket socket;
    IpBytes address{};
    Phase phase = Phase::reading;
    ServerClock::time_point deadline;  ///< of this phase; `handling` has none
    std::string in;
    std::string out;
    std::size_t lingered = 0;
    std::list<std::shared_ptr<HttpPeer>>::iterator place;
};
using HttpPeerPtr = std::shared_ptr<HttpPeer>;
using Phase = HttpPeer::Phase;

Status listen_at(Acceptor& acceptor, const HttpServerSettings& settings) {
    const std::string where = fmt::format("{} port {}", settings.address, settings.port);
    error_code failure;
    const auto address = asio::ip::make_address(settings.address, failure);
    if (failure) return fail(ErrorCode::invalid_argument, "cannot serve HTTP", where, "not an IP address");
    const Protocol::endpoint endpoint(tcp::endpoint(address, settings.port));
    const auto then = [&failure](auto&& step) {
        if (!failure) step();
    };
    then([&] { acceptor.open(endpoint.protocol(), failure); });
    then([&] { ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC); });
    then([&] { acceptor.set_option(Acceptor::reuse_address(true), failure); });
    // "::" accepts IPv4 too, whatever the system's default is.
    then([&] { address.is_v6() ? acceptor.set_option(asio::ip::v6_only(false), failure) : failure; });
    then([&] { acceptor.bind(endpoint, failure); });
    then([&] { acceptor.listen(kBacklog, failure); });
    if (!failure) return {};
    Error error = errno_error(failure.value(), "cannot serve HTTP", where);
    if (failure == asio::error::address_in_use || failure.value() == EADDRNOTAVAIL)
        error.code = ErrorCode::unavailable;
    return fail(std::move(error));
}

Status listen_at(Acceptor& acceptor, SocketFile& file) {
    error_code failure;
    acceptor.assign(Protocol(AF_UNIX, 0), file.take_descriptor(), failure);
    return failure ? fail(errno_error(failure.value(), "cannot serve HTTP")) : Status();
}

bool is_tcp(const Protocol::endpoint& endpoint) {
    return endpoint.protocol().family() == AF_INET || endpoint.protocol().family() == AF_INET6;
}

/// `endpoint` must be a TCP endpoint.
tcp::endpoint to_tcp(const Protocol::endpoint& endpoint) {
    tcp::endpoint out;
    out.resize(std::min(endpoint.size(), out.capacity()));
    std::memcpy(out.data(), endpoint.data(), out.size());
    return out;
}

/// The address of a client. A client on a Unix socket is on this machine, so it counts as loopback.
IpBytes address_of(const Protocol::endpoint& endpoint) {
    if (!is_tcp(endpoint)) return asio::ip::address_v6::loopback().to_bytes();
    const asio::ip::address address = to_tcp(endpoint).address();
    return (address.is_v6() ? address.to_v6() : asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()))
        .to_bytes();
}

}  // namespace

struct HttpServer::Impl {
    const HttpServerSettings settings;
    const HttpExchange exchange;
    const Log log;
    asio::io_context io{1};
    asio::thread_pool handlers{settings.handler_threads};
    std::optional<SocketFile> socket_file;  ///< set if the server listens on a Unix socket
    Acceptor acceptor{io};
    std::uint16_t port = 0;

    // Used on the server's thread only.
    asio::steady_timer accept_pause{io};
    /// One timer serves the deadlines of all peers. Most phases end before their deadline, and setting a timer
    /// for each would cost more than the rest of a request.
    asio::steady_timer next_deadline{io};
    std::list<HttpPeerPtr> peers;  ///< those that have kept the server waiting longest come first
    std::map<IpBytes, std::size_t> per_address;

    const HttpServerCounters counters{settings.metrics};
    std::thread thread;

    Impl(HttpServerSettings s, Handler handler, Log l)
        : settings(std::move(s)), exchange(std::move(handler), settings.headers), log(std::move(l)) {
        next_deadline.expires_at(ServerClock::time_point::max());
    }

    ~Impl() {
        io.stop();
        if (thread.joinable()) thread.join();
        handlers.stop();
        handlers.join();
    }

    void run() {
        for (;;) {
            try {
                io.run();
                return;
            } catch (const std::exception& e) {
                // Out of memory; the connection's deadline ends what was left half done.
                log.error("HTTP server: a connection failed: {}", e.what());
            }
        }
    }

    Status listen() {
        if (!settings.socket_file.empty()) {
            IOSWARM_TRY(auto made, SocketFile::listen(settings.socket_file, kBacklog));
            socket_file.emplace(std::move(made));
            return listen_at(acceptor, *socket_file);
        }
        IOSWARM_DO(listen_at(acceptor, settings));
        port = to_tcp(acceptor.local_endpoint()).port();
        return {};
    }

    void accept_next() {
        acceptor.async_accept([this](const error_code& failure, Socket socket) {
            if (failure) {
                accept_pause.expires_after(kAcceptPause);
                accept_pause.async_wait([this](const error_code&) { accept_next(); });
                return;
            }
            accept_next();
            add(std::move(socket));
        });
    }

    void add(Socket socket) {
        counters.connections.add();
        // If another thread started a program between accept() and this line, the program would inherit the
        // socket. `serve` starts no programs.
        ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
        error_code failure;
        const Protocol::endpoint from = socket.remote_endpoint(failure);
        if (failure) return;  // the client has left already
        const IpBytes address = address_of(from);
        if (is_tcp(from)) socket.set_option(tcp::no_delay(true), failure);
        const bool is_proxy = is_loopback(address) || settings.proxies.contains(address);
        const auto count = per_address.find(address);
        if (!is_proxy && count != per_address.end() && count->second >= settings.max_connections_per_address &&
            !shed_oldest([&](const HttpPeer& one) { return one.address == address; }))
            return;
        if (peers.size() >= settings.max_connections && !shed_oldest([](const HttpPeer&) { return true; }))
            return;
        ++per_address[address];
        const auto peer = std::make_shared<HttpPeer>(std::move(socket));
        peer->address = address;
        peer->place = peers.insert(peers.end(), peer);
        read_request(peer);
    }

    /// Closes the connection that matches and has kept the server waiting longest. Returns false if all that
    /// match have a handler running; the new connection is then closed.
    template <typename Predicate>
    bool shed_oldest(Predicate matches) {
        counters.shed.add();
        const auto oldest = std::find_if(peers.begin(), peers.end(), [&](const HttpPeerPtr& one) {
            return one->phase != Phase::handling && matches(*one);
        });
        if (oldest == peers.end()) return false;
        end(HttpPeerPtr(*oldest));
        return true;
    }

    void end(const HttpPeerPtr& peer) {
        peer->phase = Phase::ended;
        error_code ignored;
        peer->socket.close(ignored);
        const auto count = per_address.find(peer->address);
        if (--count->second == 0) per_address.erase(count);
        peers.erase(peer->place);
    }

    void enter(const HttpPeerPtr& peer, Phase phase, std::chrono::milliseconds time) {
        peer->phase = phase;
        peer->deadline = ServerClock::now() + time;
        if (peer->deadline < next_deadline.expiry()) wait_for_deadline(peer->deadline);
    }

    void wait_for_deadline(ServerClock::time_point at) {
        next_deadline.expires_at(at);
        next_deadline.async_wait([this](const error_code& failure) {
            if (!failure) time_out_peers();
        });
    }

    void time_out_peers() {
        next_deadline.expires_at(ServerClock::time_point::max());
        const auto now = ServerClock::now();
        auto next = ServerClock::time_point::max();
        for (auto at = peers.begin(); at != peers.end();) {
            const HttpPeerPtr peer = *at++;  // time_out() may remove it
            if (peer->deadline <= now) time_out(peer);
            if (peer->phase != Phase::ended) next = std::min(next, peer->deadline);
        }
        if (next < next_deadline.expiry()) wait_for_deadline(next);
    }

    void time_out(const HttpPeerPtr& peer) {
        if (peer->phase == Phase::reading || peer->phase == Phase::writing) counters.timed_out.add();
        if (peer->phase != Phase::reading) return end(peer);
        error_code ignored;
        peer->socket.cancel(ignored);
        write(peer, http_refusal(408, "the request took too long"));
    }

    void wait_for_request(const HttpPeerPtr& peer) {
        peers.splice(peers.end(), peers, peer->place);
        // The client sent its next request before it had the answer to the last one.
        if (!peer->in.empty()) return read_request(peer);
        enter(peer, Phase::idle, settings.idle_timeout);
        peer->socket.async_wait(Socket::wait_read, [this, peer](const error_code& failure) {
            if (peer->phase != Phase::idle) return;
            failure ? end(peer) : read_request(peer);
        });
    }

    void read_request(const HttpPeerPtr& peer) {
        enter(peer, Phase::reading, settings.request_timeout);
        asio::async_read_until(
            peer->socket, asio::dynamic_buffer(peer->in, settings.max_request_bytes), "\r\n\r\n",
            [this, peer](const error_code& failure, std::size_t size) {
                if (peer->phase != Phase::reading) return;
                if (failure == asio::error::not_found)
                    return write(peer, http_refusal(431, "the request line and headers are too large"));
                failure ? end(peer) : handle(peer, size);
            });
    }

    void handle(HttpPeerPtr peer, std::size_t size) {
        counters.requests.add();
        peer->phase = Phase::handling;
        peer->deadline = ServerClock::time_point::max();
        std::string head = peer->in.substr(0, size);
        peer->in.erase(0, size);
        asio::post(handlers, [this, peer = std::move(peer), head = std::move(head)]() mutable {
            HttpAnswer answer = exchange.answer(head, peer->address);
            asio::post(io, [this, peer = std::move(peer), answer = std::move(answer)]() mutable {
                write(peer, std::move(answer));
            });
        });
    }

    void write(const HttpPeerPtr& peer, HttpAnswer answer) {
        enter(peer, Phase::writing, settings.response_timeout);
        peer->out = std::move(answer.bytes);
        asio::async_write(peer->socket, asio::buffer(peer->out),
                          [this, peer, keep_alive = answer.keep_alive](error_code failure, std::size_t) {
                              if (peer->phase != Phase::writing) return;
                              if (failure) return end(peer);
                              peer->out = {};
                              if (keep_alive) return wait_for_request(peer);
                              peer->socket.shutdown(Socket::shutdown_send, failure);
                              enter(peer, Phase::lingering, kLingerTime);
                              peer->out.resize(4'096);
                              linger(peer);
                          });
    }

    void linger(const HttpPeerPtr& peer) {
        peer->socket.async_read_some(asio::buffer(peer->out),
                                     [this, peer](const error_code& failure, std::size_t size) {
                                         if (peer->phase != Phase::lingering) return;
                                         peer->lingered += size;
                                         failure || peer->lingered > kLingerBytes ? end(peer) : linger(peer);
                                     });
    }
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerSettings settings, Handler handler,
                                                      Log log) try {
    auto impl = std::make_unique<Impl>(std::move(settings), std::move(handler), std::move(log));
    IOSWARM_DO(impl->listen());
    impl->accept_next();
    impl->thread = std::thread([raw = impl.get()] { raw->run(); });
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
} catch (const std::system_error& e) {  // no thread, or no descriptor for epoll
    return fail(errno_error(e.code().value(), "cannot serve HTTP"));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const noexcept {
    return impl_->port;
}

const HttpServerCounters& HttpServer::counters() const noexcept {
    return impl_->counters;
}

}  // namespace ioswarm
