// SPDX-License-Identifier: Apache-2.0
#include "core/net/tcp_stream.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace ioswarm {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr const char* kCannotConnect = "cannot connect";
/// While this many encrypted bytes wait for the socket, send() accepts no more.
constexpr std::size_t kMaxEncrypted = std::size_t{256} << 10;

/// The time-out for poll(). It is rounded up, so that poll() does not return just before the deadline.
int milliseconds_until(TcpStream::Deadline deadline) {
    const auto now = SteadyClock::now();
    if (deadline <= now) return 0;
    if (deadline - now > std::chrono::hours(1)) return 3'600'000;
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count());
}

struct FreeAddresses {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> look_up(const TcpTarget& target) {
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICSERV;
    addrinfo* list = nullptr;
    // RFC 6761 section 6.3: "localhost" must work without a name server, and without /etc/hosts. A null name
    // makes getaddrinfo() return the loopback addresses.
    const char* const host = target.host == "localhost" ? nullptr : target.host.c_str();
    const int failed = ::getaddrinfo(host, std::to_string(target.port).c_str(), &wanted, &list);
    if (failed == 0) return Addresses(list);
    return fail(ErrorCode::unavailable, kCannotConnect, target.text(), ::gai_strerror(failed));
}

void set_options(int fd) {
    const auto set = [fd](int level, int name, int value) {
        ::setsockopt(fd, level, name, &value, sizeof value);
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    // Detects after one minute that the other machine is gone, even if nothing is sent or received.
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace

std::string TcpTarget::text() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                               : fmt::format("[{}]:{}", host, port);
}

struct TcpStream::State {
    std::string which;
    int fd = -1;
    int wake = -1;  ///< an eventfd; a stop request writes to it, which ends poll()
    std::unique_ptr<TlsClient> tls;

    ~State() {
        if (fd >= 0) ::close(fd);
        if (wake >= 0) ::close(wake);
    }

    [[nodiscard]] tl::unexpected<Error> broken(int error_number) const {
        Error error = errno_error(error_number, "the connection broke", which);
        error.code = ErrorCode::unavailable;
        return fail(std::move(error));
    }

    Result<std::size_t> send_raw(BytesView bytes) const {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) return static_cast<std::size_t>(sent);
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return std::size_t{0};
        return broken(errno);
    }
    Result<std::optional<std::size_t>> receive_raw(std::span<std::uint8_t> to) const {
        const ssize_t got = ::recv(fd, to.data(), to.size(), 0);
        if (got >= 0) return std::optional(static_cast<std::size_t>(got));
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return std::optional<std::size_t>();
        return broken(errno);
    }
    /// Sends the encrypted bytes that TLS has produced, as far as the socket accepts them.
    Status flush() const {
        while (tls && !tls->outgoing().empty()) {
            const auto sent = send_raw(tls->outgoing());
            if (!sent) return fail(sent.error());
            if (*sent == 0) break;
            tls->sent(*sent);
        }
        return {};
    }

    Status poll_until(bool to_send, Deadline deadline, const std::stop_token& stop) const;
    Status connect_to(const addrinfo& address, Deadline deadline, const std::stop_token& stop);
    Status shake_hands(Deadline deadline, const std::stop_token& stop) const;
};

Status TcpStream::State::poll_until(bool to_send, Deadline deadline, const std::stop_token& stop) const {
    const std::stop_callback on_stop(stop, [this] {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t told = ::write(wake, &one, sizeof one);
    });
    for (;;) {
        if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped", which);
        std::array<pollfd, 2> fds{
            {{fd, static_cast<short>(to_send ? POLLIN | POLLOUT : POLLIN), 0}, {wake, POLLIN, 0}}};
        const int ready = ::poll(fds.data(), fds.size(), milliseconds_until(deadline));
        if (ready < 0 && errno != EINTR) return fail(errno_error(errno, "cannot wait for", which));
        if (ready > 0 && fds[0].revents != 0) return {};
        if (ready > 0 && fds[1].revents != 0) {
            std::uint64_t count = 0;  // the stop that wrote it was requested during this wait or an earlier one
            [[maybe_unused]] const ssize_t drained = ::read(wake, &count, sizeof count);
        }
        if (ready == 0 && SteadyClock::now() >= deadline) {
            return fail(ErrorCode::timed_out, "no answer", which);
        }
    }
}

Status TcpStream::State::connect_to(const addrinfo& address, Deadline deadline, const std::stop_token& stop) {
    if (fd >= 0) ::close(std::exchange(fd, -1));
    fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(errno_error(errno, kCannotConnect, which));
    set_options(fd);
    int error = 0;
    if (::connect(fd, address.ai_addr, address.ai_addrlen) != 0) {
        error = errno;
        if (error == EINPROGRESS) {
            if (Status waited = poll_until(true, deadline, stop); !waited) return waited;
            socklen_t size = sizeof error;
            ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        }
    }
    if (error == 0) return {};
    Error failure = errno_error(error, kCannotConnect, which);
    failure.code = ErrorCode::unavailable;
    return fail(std::move(failure));
}

Status TcpStream::State::shake_hands(Deadline deadline, const std::stop_token& stop) const {
    std::array<std::uint8_t, 16384> buffer;
    for (;;) {
        const auto done = tls->handshake();
        Status flushed = flush();
        if (!done) return fail(done.error());
        if (!flushed) return flushed;
        if (*done) return {};
        for (;;) {
            const auto got = receive_raw(buffer);
            if (!got) return fail(got.error());
            if (*got && **got == 0) {
                return fail(ErrorCode::unavailable, "TLS failed", which, "TLS: the peer broke off",
                            "does the other end speak TLS?");
            }
            if (*got) {
                if (Status taken = tls->received(BytesView(buffer).first(**got)); !taken) return taken;
                break;
            }
            if (Status waited = poll_until(!tls->outgoing().empty(), deadline, stop); !waited) return waited;
            if (Status more = flush(); !more) return more;
        }
    }
}

TcpStream::TcpStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
TcpStream::~TcpStream() = default;

Result<std::unique_ptr<TcpStream>> TcpStream::connect(const TcpTarget& target, Deadline deadline,
                                                      const std::stop_token& stop) {
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped", target.text());
    const auto addresses = look_up(target);
    if (!addresses) return fail(addresses.error());
    auto state = std::make_unique<State>();
    state->which = target.text();
    state->wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (state->wake < 0) return fail(errno_error(errno, kCannotConnect, state->which));
    Status connected = fail(ErrorCode::unavailable, kCannotConnect, state->which, "it has no address");
    for (const addrinfo* at = addresses->get(); at != nullptr; at = at->ai_next) {
        connected = state->connect_to(*at, deadline, stop);
        if (connected || connected.error().code != ErrorCode::unavailable) break;
    }
    if (!connected) return fail(std::move(connected).error());
    if (target.tls) {
        TlsClientSettings settings = *target.tls;
        if (settings.name.empty()) settings.name = target.host;
        auto tls = TlsClient::create(settings);
        if (!tls) return fail(std::move(tls).error());
        state->tls = *std::move(tls);
        if (Status shaken = state->shake_hands(deadline, stop); !shaken) return fail(std::move(shaken).error());
    }
    return std::unique_ptr<TcpStream>(new TcpStream(std::move(state)));
}

Result<std::size_t> TcpStream::send(BytesView bytes) {
    if (!state_->tls) return state_->send_raw(bytes);
    if (Status flushed = state_->flush(); !flushed) return fail(std::move(flushed).error());
    const std::size_t room = kMaxEncrypted - std::min(state_->tls->outgoing().size(), kMaxEncrypted);
    const BytesView part = bytes.first(std::min(bytes.size(), room));
    if (Status written = state_->tls->write(part); !written) return fail(std::move(written).error());
    if (Status flushed = state_->flush(); !flushed) return fail(std::move(flushed).error());
    return part.size();
}

Result<std::optional<std::size_t>> TcpStream::receive(std::span<std::uint8_t> to) {
    if (!state_->tls) return state_->receive_raw(to);
    std::array<std::uint8_t, 16384> buffer;
    for (;;) {
        auto plain = state_->tls->read(to);
        if (Status flushed = state_->flush(); !flushed) return fail(std::move(flushed).error());
        if (!plain || *plain) return plain;
        auto got = state_->receive_raw(buffer);
        if (!got || !*got || **got == 0) return got;
        if (Status taken = state_->tls->received(BytesView(buffer).first(**got)); !taken)
            return fail(std::move(taken).error());
    }
}

Status TcpStream::wait(bool to_send, Deadline deadline, const std::stop_token& stop) {
    const bool has_encrypted = state_->tls && !state_->tls->outgoing().empty();
    if (Status waited = state_->poll_until(to_send || has_encrypted, deadline, stop); !waited) return waited;
    return state_->flush();
}

}  // namespace ioswarm
