// SPDX-License-Identifier: Apache-2.0
#include "core/net/tcp_stream.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <future>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace ioswarm;
using namespace std::chrono_literals;

namespace {

TcpStream::Deadline in(std::chrono::milliseconds time) {
    return std::chrono::steady_clock::now() + time;
}

/// A listening socket that accepts when a test asks it to.
struct Listener {
    Listener() {
        fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0);
        REQUIRE(::listen(fd, 4) == 0);
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
        port = ntohs(address.sin_port);
    }
    ~Listener() {
        if (peer >= 0) ::close(peer);
        ::close(fd);
    }
    void take() { peer = ::accept(fd, nullptr, nullptr); }
    [[nodiscard]] TcpTarget target(bool tls = false) const {
        TcpTarget out{"127.0.0.1", port, {}};
        if (tls) out.tls.emplace();
        return out;
    }
    void say(const std::string& text) const { CHECK(::send(peer, text.data(), text.size(), 0) > 0); }

    int fd = -1;
    int peer = -1;
    std::uint16_t port = 0;
};

/// Waits for the next bytes and returns them.
Result<std::string> read_some(TcpStream& stream) {
    std::array<std::uint8_t, 100> buffer;
    for (;;) {
        const auto got = stream.receive(buffer);
        if (!got) return fail(got.error());
        if (*got) return std::string(as_text(BytesView(buffer).first(**got)));
        if (Status waited = stream.wait(false, in(60s), {}); !waited) return fail(waited.error());
    }
}

}  // namespace

TEST_CASE("bytes go both ways, and a closed connection differs from a silent one", "[tcp]") {
    Listener listener;
    const auto stream = TcpStream::connect(listener.target(), in(60s), {}).value();
    listener.take();
    CHECK(stream->send(as_bytes("hello")).value() == 5);
    std::array<char, 5> heard{};
    CHECK(::recv(listener.peer, heard.data(), heard.size(), MSG_WAITALL) == 5);
    CHECK(std::string(heard.data(), 5) == "hello");
    std::array<std::uint8_t, 8> buffer;
    CHECK_FALSE(stream->receive(buffer).value());
    listener.say("good day");
    CHECK(read_some(*stream).value() == "good day");
    ::close(std::exchange(listener.peer, -1));
    CHECK(read_some(*stream).value().empty());
}

TEST_CASE("send reports when the peer reads nothing and the connection is full", "[tcp]") {
    Listener listener;
    const auto stream = TcpStream::connect(listener.target(), in(60s), {}).value();
    listener.take();
    const Bytes much(std::size_t{1} << 20, 1);
    std::size_t sent = 0;
    for (std::size_t part = 1; part > 0; sent += part)
        part = stream->send(much).value();
    CHECK(sent > 0);
    CHECK(stream->wait(true, in(1ms), {}).error().code == ErrorCode::timed_out);
}

TEST_CASE("a wait ends at its deadline, at a stop, or when the stream is ready", "[tcp]") {
    Listener listener;
    const auto stream = TcpStream::connect(listener.target(), in(60s), {}).value();
    listener.take();
    CHECK(stream->wait(false, in(1ms), {}).error().code == ErrorCode::timed_out);

    std::stop_source stop;
    auto stopped =
        std::async(std::launch::async, [&] { return stream->wait(false, in(60s), stop.get_token()); });
    stop.request_stop();
    CHECK(stopped.get().error().code == ErrorCode::cancelled);
    CHECK(stream->wait(false, in(60s), stop.get_token()).error().code == ErrorCode::cancelled);

    // An earlier stop leaves nothing behind that would wake the next wait.
    CHECK(stream->wait(false, in(1ms), {}).error().code == ErrorCode::timed_out);
    listener.say("x");
    CHECK(stream->wait(false, in(60s), {}));
}

TEST_CASE("localhost is this machine, whatever /etc/hosts says", "[tcp]") {
    Listener listener;
    CHECK(TcpStream::connect({"localhost", listener.port, {}}, in(60s), {}));
}

TEST_CASE("connecting to a port where nobody listens is unavailable", "[tcp]") {
    TcpTarget target;
    {
        const Listener gone;
        target = gone.target();
    }
    const auto refused = TcpStream::connect(target, in(60s), {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::unavailable);
    CHECK(refused.error().text() == "cannot connect: " + target.text() + ": Connection refused");
}

// Asio throws in this case, and UBSan needs a descriptor of its own to check the exception.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IOSWARM_CHECKS_NEED_DESCRIPTORS
#endif
#endif
#ifndef IOSWARM_CHECKS_NEED_DESCRIPTORS
TEST_CASE("without a free file descriptor a connection fails, and later ones do not", "[tcp]") {
    Listener listener;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none{0, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto refused = TcpStream::connect(listener.target(), in(60s), {});
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::io);
    CHECK(TcpStream::connect(listener.target(), in(60s), {}));
}
#endif

TEST_CASE("a TLS handshake without an answer ends at its deadline and at a stop", "[tcp]") {
    Listener listener;
    const auto unanswered = TcpStream::connect(listener.target(true), in(50ms), {});
    REQUIRE_FALSE(unanswered);
    CHECK(unanswered.error().code == ErrorCode::unavailable);
    CHECK_THAT(unanswered.error().why, Catch::Contains("accepts connections, but does not answer"));
    std::stop_source stop;
    auto stopped = std::async(std::launch::async, [&] {
        return TcpStream::connect(listener.target(true), in(60s), stop.get_token());
    });
    stop.request_stop();
    CHECK(stopped.get().error().code == ErrorCode::cancelled);
}

TEST_CASE("a peer that does not speak TLS gives another error than a wrong certificate", "[tcp]") {
    Listener listener;
    auto connecting =
        std::async(std::launch::async, [&] { return TcpStream::connect(listener.target(true), in(60s), {}); });
    listener.take();
    listener.say("220 mail.example ESMTP, at your service, whoever you are\r\n");
    const auto refused = connecting.get();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::unavailable);
    CHECK_THAT(refused.error().hint, Catch::Contains("speak TLS"));
}

TEST_CASE("targets are printed as host and port, IPv6 addresses in brackets", "[tcp]") {
    CHECK(TcpTarget{"node.example", 14689, {}}.text() == "node.example:14689");
    CHECK(TcpTarget{"::1", 1, {}}.text() == "[::1]:1");
}
