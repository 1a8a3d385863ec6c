// SPDX-License-Identifier: Apache-2.0
#include "core/net/tcp_stream.hpp"

// Each stream has an io_context of its own, which only the thread that uses the stream runs. Another thread may
// request a stop, which posts to it.

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include "core/base/descriptor.hpp"
#include "core/base/try.hpp"

namespace ioswarm {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;

constexpr const char* kCannotConnect = "cannot connect";
constexpr const char* kTlsFailed = "TLS failed";
/// While this many bytes wait for the socket, send() accepts no more.
constexpr std::size_t kMaxOutgoing = std::size_t{256} << 10;

Result<std::vector<tcp::endpoint>> look_up(asio::io_context& io, const TcpTarget& target) {
    // RFC 6761 section 6.3: "localhost" must work without a name server, and without /etc/hosts.
    if (target.host == "localhost") {
        return std::vector{tcp::endpoint(asio::ip::address_v6::loopback(), target.port),
                           tcp::endpoint(asio::ip::address_v4::loopback(), target.port)};
    }
    // Asio would take an empty name for this machine.
    if (target.host.empty())
        return fail(ErrorCode::unavailable, kCannotConnect, target.text(), "no host is named");
    error_code failed;
    const auto found = tcp::resolver(io).resolve(target.host, std::to_string(target.port),
                                                 tcp::resolver::numeric_service, failed);
    if (failed) return fail(ErrorCode::unavailable, kCannotConnect, target.text(), failed.message());
    return std::vector<tcp::endpoint>(found.begin(), found.end());
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

Error tls_error(const std::string& name, const std::string& why,
                std::string hint = "does the other end speak TLS?") {
    return {ErrorCode::unavailable, kTlsFailed, name, "TLS: " + why, std::move(hint)};
}

Status add_roots(ssl::context& context, const std::string& pem) {
    error_code failed;
    if (pem.empty()) {
        context.set_default_verify_paths(failed);
        return {};
    }
    context.add_certificate_authority(asio::buffer(pem), failed);
    // Asio finds nothing wrong with a text that holds no certificate.
    if (!failed && pem.find("-----BEGIN CERTIFICATE-----") != std::string::npos) return {};
    return fail(ErrorCode::bad_data, kTlsFailed, "root certificates", "there is no valid PEM certificate");
}

/// What the certificate must carry, and the name that the server is asked for (SNI).
bool expect_name(SSL* tls, const std::string& name) {
    SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    error_code is_name;
    asio::ip::make_address(name, is_name);
    if (!is_name) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), name.c_str()) == 1;
    // SSL_ctrl() is what the macro SSL_set_tlsext_host_name calls. The macro has a C-style cast, which our
    // warnings refuse.
    return SSL_set1_host(tls, name.c_str()) == 1 &&
           SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    const_cast<char*>(name.c_str())) == 1;
}

bool offer_protocol(SSL* tls, const std::string& protocol) {
    if (protocol.empty()) return true;
    constexpr std::size_t kLongest = std::numeric_limits<std::uint8_t>::max();
    Bytes offer{static_cast<std::uint8_t>(std::min(protocol.size(), kLongest))};
    const BytesView text = as_bytes(protocol);
    offer.insert(offer.end(), text.begin(), text.begin() + offer[0]);
    return SSL_set_alpn_protos(tls, offer.data(), static_cast<unsigned>(offer.size())) == 0;
}

bool chose_protocol(const SSL* tls, const std::string& protocol) {
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls, &chosen, &size);
    return protocol.empty() || as_text({chosen, size}) == protocol;
}

}  // namespace

std::string TcpTarget::text() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                               : fmt::format("[{}]:{}", host, port);
}

struct TcpStream::State {
    std::string which;
    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    tcp::socket socket{io};
    std::optional<ssl::context> context;
    std::optional<ssl::stream<tcp::socket&>> tls;

    std::array<std::uint8_t, 16384> buffer{};
    BytesView incoming;  ///< in `buffer`: what receive() has not given yet
    Bytes outgoing;
    Bytes writing;  ///< belongs to the write that is under way
    bool is_reading = false;
    bool is_writing = false;
    error_code read_end;
    error_code write_end;

    [[nodiscard]] tl::unexpected<Error> broken(const error_code& why) const {
        return fail(ErrorCode::unavailable, "the connection broke", which, why.message());
    }
    [[nodiscard]] bool has_ended() const noexcept {
        return read_end == asio::error::eof || read_end == ssl::error::stream_truncated;
    }
    [[nodiscard]] std::size_t room() const noexcept {
        return kMaxOutgoing - std::min(outgoing.size(), kMaxOutgoing);
    }

    void read() {
        if (is_reading || read_end || !incoming.empty()) return;
        is_reading = true;
        const auto then = [this](const error_code& error, std::size_t size) {
            is_reading = false;
            read_end = error;
            incoming = BytesView(buffer).first(size);
        };
        tls ? tls->async_read_some(asio::buffer(buffer), then)
            : socket.async_read_some(asio::buffer(buffer), then);
    }
    void write() {
        if (is_writing || write_end || outgoing.empty()) return;
        is_writing = true;
        writing.swap(outgoing);
        const auto then = [this](const error_code& error, std::size_t) {
            is_writing = false;
            writing.clear();
            write_end = error;
            write();
        };
        tls ? asio::async_write(*tls, asio::buffer(writing), then)
            : asio::async_write(socket, asio::buffer(writing), then);
    }

    /// Runs what is under way until `is_done`. Errors: cancelled, timed_out.
    template <typename IsDone>
    Status run_until(Deadline deadline, const std::stop_token& stop, IsDone is_done) {
        const std::stop_callback on_stop(stop, [this] { asio::post(io, [] {}); });
        for (;;) {
            if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped", which);
            io.poll();
            if (is_done()) return {};
            if (SteadyClock::now() >= deadline) return fail(ErrorCode::timed_out, "no answer", which);
            io.run_one_until(deadline);
        }
    }

    Status connect_to(const tcp::endpoint& endpoint, Deadline deadline, const std::stop_token& stop);
    Status shake_hands(const TlsClientSettings& settings, Deadline deadline, const std::stop_token& stop);
};

Status TcpStream::State::connect_to(const tcp::endpoint& endpoint, Deadline deadline,
                                    const std::stop_token& stop) {
    const int family = endpoint.protocol().family();
    Descriptor made(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Without IPv6 on this machine, the next address is worth a try.
    if (!made && errno == EAFNOSUPPORT)
        return fail(ErrorCode::unavailable, kCannotConnect, which, "this machine has no such addresses");
    if (!made) return fail(errno_error(errno, kCannotConnect, which));
    set_options(made.get());
    error_code failed;
    socket.close(failed);
    socket.assign(endpoint.protocol(), made.get(), failed);
    if (failed) return fail(ErrorCode::io, kCannotConnect, which, failed.message());
    static_cast<void>(made.release());
    bool is_done = false;
    socket.async_connect(endpoint, [&](const error_code& error) {
        failed = error;
        is_done = true;
    });
    IOSWARM_DO(run_until(deadline, stop, [&] { return is_done; }));
    return failed ? fail(ErrorCode::unavailable, kCannotConnect, which, failed.message()) : Status();
}

Status TcpStream::State::shake_hands(const TlsClientSettings& settings, Deadline deadline,
                                     const std::stop_token& stop) {
    context.emplace(ssl::context::tls_client);
    context->set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
    context->set_verify_mode(ssl::verify_peer);
    IOSWARM_DO(add_roots(*context, settings.root_certificates_pem));
    tls.emplace(socket, *context);
    SSL* const handle = tls->native_handle();
    if (!expect_name(handle, settings.name) || !offer_protocol(handle, settings.application_protocol))
        return fail(ErrorCode::internal, kTlsFailed, settings.name);
    error_code failed;
    bool is_done = false;
    tls->async_handshake(ssl::stream_base::client, [&](const error_code& error) {
        failed = error;
        is_done = true;
    });
    if (Status ran = run_until(deadline, stop, [&] { return is_done; }); !ran) {
        if (ran.error().code != ErrorCode::timed_out) return ran;
        return fail(tls_error(which, "the port accepts connections, but does not answer"));
    }
    if (const long verified = SSL_get_verify_result(handle); failed && verified != X509_V_OK) {
        return fail(
            tls_error(settings.name,
                      std::string("the certificate is refused: ") + X509_verify_cert_error_string(verified),
                      "SSL_CERT_FILE names a file of other root certificates"));
    }
    const bool is_cut = failed == asio::error::eof || failed == ssl::error::stream_truncated;
    if (failed) return fail(tls_error(settings.name, is_cut ? "the peer broke off" : failed.message()));
    if (chose_protocol(handle, settings.application_protocol)) return {};
    return fail(tls_error(settings.name, "the server does not offer " + settings.application_protocol));
}

TcpStream::TcpStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
TcpStream::~TcpStream() = default;

Result<std::unique_ptr<TcpStream>> TcpStream::connect(const TcpTarget& target, Deadline deadline,
                                                      const std::stop_token& stop) {
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped", target.text());
    std::unique_ptr<State> state;
    try {
        state = std::make_unique<State>();
    } catch (const boost::system::system_error& error) {  // no file descriptor is left for epoll
        return fail(errno_error(error.code().value(), kCannotConnect, target.text()));
    }
    state->which = target.text();
    IOSWARM_TRY(const auto endpoints, look_up(state->io, target));
    Status connected = fail(ErrorCode::unavailable, kCannotConnect, state->which, "it has no address");
    for (const tcp::endpoint& endpoint : endpoints) {
        connected = state->connect_to(endpoint, deadline, stop);
        if (connected || connected.error().code != ErrorCode::unavailable) break;
    }
    if (connected && target.tls) {
        TlsClientSettings settings = *target.tls;
        if (settings.name.empty()) settings.name = target.host;
        connected = state->shake_hands(settings, deadline, stop);
    }
    if (!connected) return fail(std::move(connected).error());
    return std::unique_ptr<TcpStream>(new TcpStream(std::move(state)));
}

Result<std::size_t> TcpStream::send(BytesView bytes) {
    State& s = *state_;
    s.io.poll();
    const BytesView part = bytes.first(std::min(bytes.size(), s.room()));
    s.outgoing.insert(s.outgoing.end(), part.begin(), part.end());
    s.write();
    s.io.poll();
    if (s.write_end) return s.broken(s.write_end);
    return part.size();
}

Result<std::optional<std::size_t>> TcpStream::receive(std::span<std::uint8_t> to) {
    State& s = *state_;
    s.read();
    s.io.poll();
    if (s.incoming.empty() && s.read_end) {
        if (s.has_ended()) return std::optional<std::size_t>(0);
        return s.broken(s.read_end);
    }
    if (s.incoming.empty()) return std::optional<std::size_t>();
    const std::size_t size = std::min(to.size(), s.incoming.size());
    std::copy_n(s.incoming.begin(), size, to.begin());
    s.incoming = s.incoming.subspan(size);
    return std::optional(size);
}

Status TcpStream::wait(bool to_send, Deadline deadline, const std::stop_token& stop) {
    State& s = *state_;
    s.read();
    return s.run_until(deadline, stop, [&] {
        return !s.incoming.empty() || s.read_end || s.write_end || (to_send && s.room() > 0);
    });
}

}  // namespace ioswarm
