// SPDX-License-Identifier: Apache-2.0

// Tests, on plain sockets, how the agent port treats connections that carry agents and connections from
// proxies.

#include <catch2/catch.hpp>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/agent_port/acceptor.hpp"

using namespace ioswarm;
using namespace ioswarm::proto;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

namespace shared_lines {

constexpr std::size_t kKiB = 1024;
/// An HTTP/2 GOAWAY frame (RFC 9113 section 6.8) with the highest stream id and NO_ERROR.
const std::string kGoaway("\0\0\x08\x07\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\0", 17);

Descriptor connect_client(std::uint16_t port) {
    Descriptor out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    REQUIRE(::connect(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return out;
}

/// A TCP connection with a Connection at one end. All data is read there at once, as gRPC does.
struct Line {
    explicit Line(bool from_proxy = false, ConnectionBounds bounds = {}) {
        auto listening = listen_on("127.0.0.1", 0);
        REQUIRE(listening.has_value());
        client = connect_client(listening->port);
        server = Descriptor(::accept4(listening->sockets.front().get(), nullptr, nullptr, SOCK_CLOEXEC));
        REQUIRE(server.get() >= 0);
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        REQUIRE(::getsockname(client.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
        connection = std::make_unique<Connection>(Descriptor(::dup(server.get())), *PeerKey::from(address),
                                                  bounds, start, from_proxy);
    }
    void send(std::size_t bytes) const {
        std::vector<char> some(4 * kKiB, 'x');
        for (std::size_t sent = 0; sent < bytes; sent += some.size()) {
            REQUIRE(::send(client.get(), some.data(), some.size(), MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(some.size()));
            REQUIRE(::recv(server.get(), some.data(), some.size(), MSG_WAITALL) ==
                    static_cast<ssize_t>(some.size()));
        }
    }
    [[nodiscard]] Connection::FloodLevel measure(SteadyTime now) const { return connection->measure(now); }

    const SteadyTime start = steady_clock::now();
    Descriptor client;
    Descriptor server;
    std::unique_ptr<Connection> connection;
};

/// Collects log lines and can wait for one.
class Lines {
  public:
    [[nodiscard]] Log log() {
        return Log(LogLevel::info, [this](LogLevel, std::string_view line) {
            const std::lock_guard lock(mutex_);
            lines_.emplace_back(line);
            more_.notify_all();
        });
    }
    [[nodiscard]] std::string wait_for(const std::string& text) {
        std::unique_lock lock(mutex_);
        std::string found;
        more_.wait_for(lock, seconds(60), [&] {
            for (const std::string& line : lines_) {
                if (line.find(text) != std::string::npos) found = line;
            }
            return !found.empty();
        });
        return found;
    }

  private:
    std::mutex mutex_;
    std::condition_variable more_;
    std::vector<std::string> lines_;
};

/// An acceptor. A thread reads from its connections, as gRPC does.
struct Port {
    explicit Port(AcceptorBounds bounds = {}) {
        auto listening = listen_on("127.0.0.1", 0);
        REQUIRE(listening.has_value());
        number = listening->port;
        acceptor = std::make_unique<Acceptor>(
            std::move(*listening), std::move(bounds), table,
            [this](int fd) {
                readers.emplace_back([fd, held = Descriptor(fd)] {
                    std::vector<char> taken(64 * kKiB);
                    pollfd state{fd, POLLIN, 0};
                    while (::poll(&state, 1, -1) > 0 && ::recv(fd, taken.data(), taken.size(), 0) > 0) {
                    }
                });
            },
            lines.log());
    }
    ~Port() {
        for (const auto& connection : table.all())
            connection->shut();
        acceptor->stop();
    }
    [[nodiscard]] std::shared_ptr<Connection> find(const Descriptor& client) const {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        REQUIRE(::getsockname(client.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
        const auto key = PeerKey::from(address);
        const auto until = steady_clock::now() + seconds(60);
        while (steady_clock::now() < until) {
            if (auto found = table.find(*key)) return found;
            ::usleep(1000);
        }
        return nullptr;
    }

    Lines lines;
    ConnectionTable table;
    std::uint16_t number = 0;
    std::vector<std::jthread> readers;
    std::unique_ptr<Acceptor> acceptor;
};

/// Sends bytes that belong to no call until `condition` holds, for at most 60 s. Pauses, so that whoever reads
/// and measures gets its turn on a busy machine.
void flood_until(const Descriptor& client, const std::function<bool()>& condition) {
    const std::vector<char> chatter(4 * kKiB, 'x');
    const auto until = steady_clock::now() + seconds(60);
    while (!condition() && steady_clock::now() < until) {
        if (::send(client.get(), chatter.data(), chatter.size(), MSG_NOSIGNAL) <= 0) return;
        ::usleep(200);
    }
}

}  // namespace shared_lines
}  // namespace

using namespace shared_lines;
using FloodLevel = Connection::FloodLevel;

TEST_CASE("a connection with agents is not shut for bytes that belong to no call", "[connection]") {
    const Line line;
    // Given an agent's call that is in progress
    line.connection->begin_agent_call("agent-1", line.start);
    // When bytes arrive that belong to no call
    line.send(200 * kKiB);
    // Then they are counted as a flood and the connection is not shut: neither now
    CHECK(line.measure(line.start + milliseconds(10)) == FloodLevel::flood);
    CHECK(line.connection->flood_bytes > 100 * kKiB);
    // nor in the minute after the call
    line.connection->end_agent_call(line.start + seconds(1));
    line.send(1024 * kKiB);
    CHECK(line.measure(line.start + seconds(60)) == FloodLevel::flood);
    // But after that minute the connection is treated as one without agents.
    line.send(200 * kKiB);
    CHECK(line.measure(line.start + seconds(62)) == FloodLevel::shut);
}

TEST_CASE("a flood that has ended does not count against the connection", "[connection]") {
    const Line line;
    line.connection->begin_agent_call("agent-1", line.start);
    line.send(10 * 1024 * kKiB);
    CHECK(line.measure(line.start + milliseconds(10)) == FloodLevel::flood);
    CHECK(line.connection->held() <= ConnectionBounds{}.unexplained_bytes);
    CHECK(line.measure(line.start + seconds(10)) == FloodLevel::fine);
}

TEST_CASE("refused calls on a connection with agents do not count as a flood", "[connection]") {
    for (const bool has_agents : {true, false}) {
        INFO(has_agents);
        const Line line;
        if (has_agents) line.connection->begin_agent_call("agent-1", line.start);
        for (int i = 0; i < 2'000; ++i)
            line.connection->refused(100);
        line.send(400 * kKiB);
        CHECK(line.measure(line.start + seconds(1)) == (has_agents ? FloodLevel::hot : FloodLevel::shut));
    }
}

TEST_CASE("on a connection with agents every endless body is refused, and the connection stays",
          "[connection]") {
    const Line line;
    line.connection->begin_agent_call("agent-1", line.start);
    for (int i = 1; i <= 3; ++i) {
        line.connection->begin_body(64 * kKiB);
        line.send(20 * 1024 * kKiB);
        CHECK(line.measure(line.start + seconds(i)) == FloodLevel::refuse_bodies);
        line.connection->end_body(64 * kKiB, 0);
    }
}

TEST_CASE("too many cancelled calls end a proxy's connection with GOAWAY instead of shutting it",
          "[connection]") {
    ConnectionBounds bounds;
    bounds.cancels_per_second = 5;
    for (const bool from_proxy : {true, false}) {
        INFO(from_proxy);
        const Line line(from_proxy, bounds);
        for (int i = 0; i < 6; ++i)
            (void)line.connection->end_call(nullptr, true, 0, line.start);
        CHECK(line.connection->wants_end() == from_proxy);
        CHECK(line.connection->is_shut() == !from_proxy);
    }
}

TEST_CASE("the log names a connection's agents, the latest first", "[connection]") {
    const Line line;
    CHECK(line.connection->agents_text(line.start) == "none known");
    line.connection->begin_agent_call("", line.start);
    CHECK(line.connection->agents_text(line.start) == "none known");
    line.connection->begin_agent_call("a", line.start);
    line.connection->begin_agent_call("b", line.start + seconds(1));
    CHECK(line.connection->agents_text(line.start + seconds(1)) == "b, a");
    for (int i = 0; i < 100; ++i)
        line.connection->begin_agent_call("c" + std::to_string(i), line.start + seconds(2 + i));
    CHECK(line.connection->agents_text(line.start + seconds(102)) ==
          "c99, c98, c97, c96, c95, c94, c93, c92 and 56 more");
}

TEST_CASE("GOAWAY is sent once, and not while other data waits to be sent", "[connection]") {
    const Line line(true);
    const int small = 4096;
    REQUIRE(::setsockopt(line.client.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
    REQUIRE(::setsockopt(line.server.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    CHECK_FALSE(line.connection->say_goaway(line.start));  // begin_ending() was not called
    // Given an answer that the other end does not read
    const std::vector<char> answer(64 * kKiB, 'y');
    std::size_t sent = 0;
    for (ssize_t put = 0; put >= 0; sent += static_cast<std::size_t>(put)) {
        put = ::send(line.server.get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0) break;
    }
    line.connection->begin_ending(line.start);
    CHECK_FALSE(line.connection->say_goaway(line.start + seconds(5)));
    // When the other end has read it. (With a small buffer each few KiB would wait for a delayed
    // acknowledgement.)
    const int large = 1 << 20;
    REQUIRE(::setsockopt(line.client.get(), SOL_SOCKET, SO_RCVBUF, &large, sizeof large) == 0);
    std::vector<char> taken(sent);
    REQUIRE(::recv(line.client.get(), taken.data(), taken.size(), MSG_WAITALL) == static_cast<ssize_t>(sent));
    const auto until = steady_clock::now() + seconds(60);
    bool said = false;
    while (!said && steady_clock::now() < until)
        // The last acknowledgement may still be on its way.
        said = line.connection->say_goaway(line.start + seconds(5));
    CHECK(said);
    CHECK_FALSE(line.connection->say_goaway(line.start + seconds(5)));
    std::string frame(kGoaway.size(), 0);
    REQUIRE(::recv(line.client.get(), frame.data(), frame.size(), MSG_WAITALL) ==
            static_cast<ssize_t>(frame.size()));
    CHECK(frame == kGoaway);
}

TEST_CASE("the limits of a connection grow with the number of its streams", "[connection]") {
    const ConnectionBounds usual;
    const auto same = usual.for_streams(100, std::uint64_t{128} << 20);
    CHECK(same.calls == usual.calls);
    CHECK(same.body_bytes == usual.body_bytes);
    const auto four = usual.for_streams(400, std::uint64_t{128} << 20);
    CHECK(four.calls == 800);
    CHECK(four.calls_with_answered == 1200);
    CHECK(four.calls_at_most == 4000);
    CHECK(four.cancels_per_second == 1200);
    CHECK(four.body_bytes == std::uint64_t{64} << 20);
    CHECK(usual.for_streams(1'000'000, std::uint64_t{128} << 20).body_bytes == std::uint64_t{128} << 20);
    CHECK(usual.for_streams(1, 0).body_bytes == usual.body_bytes);
}

TEST_CASE("a proxy's connection that floods gets GOAWAY first, and is shut when the flood continues",
          "[connection]") {
    Port port;
    const auto client = connect_client(port.number);
    const auto connection = port.find(client);
    REQUIRE(connection);
    // When it sends bytes that belong to no call
    flood_until(client, [&] { return port.acceptor->counters().goaways.value() == 1; });
    // Then it gets a complete GOAWAY frame
    std::string frame(kGoaway.size(), 0);
    REQUIRE(::recv(client.get(), frame.data(), frame.size(), MSG_WAITALL) ==
            static_cast<ssize_t>(frame.size()));
    CHECK(frame == kGoaway);
    CHECK(port.acceptor->counters().shut_abusive.value() == 0);
    // and is shut only if it continues.
    flood_until(client, [&] { return port.acceptor->counters().shut_abusive.value() == 1; });
    CHECK(port.acceptor->counters().shut_abusive.value() == 1);
    CHECK(port.acceptor->counters().goaways.value() == 1);
}

TEST_CASE(
    "a flood on a connection with agents is counted and logged with their names, and the connection stays",
    "[connection]") {
    Port port;
    const auto client = connect_client(port.number);
    const auto connection = port.find(client);
    REQUIRE(connection);
    connection->begin_agent_call("agent-7", steady_clock::now());
    // Given a flood that goes on. If it ended before its bytes are read, the connection would be judged only at
    // its next activity.
    flood_until(client, [&] { return port.acceptor->counters().floods.value() == 1; });
    const std::string line = port.lines.wait_for("belong to no call");
    CHECK(line.find("the connection stays open, because agents use it: agent-7") != std::string::npos);
    CHECK(port.acceptor->counters().floods.value() == 1);
    CHECK(port.acceptor->counters().flood_bytes.value() > 0);
    CHECK_FALSE(connection->is_shut());
}

TEST_CASE("limits per address do not apply to proxies", "[connection]") {
    for (const bool is_trusted : {true, false}) {
        INFO(is_trusted);
        AcceptorBounds bounds;
        bounds.connections_per_address = 1;
        bounds.loopback_is_proxy = false;
        if (is_trusted) bounds.proxies = IpNetwork::parse_list("192.0.2.0/24, 127.0.0.0/8").value();
        Port port(bounds);
        std::vector<Descriptor> clients;
        for (int i = 0; i < 3; ++i)
            clients.push_back(connect_client(port.number));
        const auto& counters = port.acceptor->counters();
        const auto until = steady_clock::now() + seconds(60);
        while (counters.accepted.value() + counters.refused_per_address.value() < 3 &&
               steady_clock::now() < until)
            ::usleep(1000);
        CHECK(counters.accepted.value() == (is_trusted ? 3 : 1));
        CHECK(counters.refused_per_address.value() == (is_trusted ? 0 : 2));
    }
}

TEST_CASE("the log says why a connection is refused", "[connection]") {
    // Given a port that accepts one connection per address
    AcceptorBounds bounds;
    bounds.loopback_is_proxy = false;
    bounds.connections_per_address = 1;
    Port port(bounds);
    const auto first = connect_client(port.number);
    REQUIRE(port.find(first));
    // When the same address opens another
    const auto second = connect_client(port.number);
    // Then the reason is that limit, and not the one for all connections
    const std::string line = port.lines.wait_for("connection refused");
    CHECK(line.find("too many of this address are open") != std::string::npos);
}
