// SPDX-License-Identifier: Apache-2.0

// Tests the acceptor without gRPC, on plain sockets, so that ThreadSanitizer sees everything.

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <future>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/agent_port/acceptor.hpp"
#include "proto/agent_port/work_queue.hpp"

using namespace ioswarm;
using namespace ioswarm::proto;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

/// Takes the place of gRPC: owns the sockets that it is given.
struct Holder {
    ~Holder() {
        for (const int fd : fds)
            ::close(fd);
    }
    void take(int fd) {
        const std::lock_guard lock(mutex);
        fds.push_back(fd);
        more.notify_all();
    }
    bool wait_for(std::size_t count) {
        std::unique_lock lock(mutex);
        return more.wait_for(lock, seconds(10), [&] { return fds.size() >= count; });
    }
    void read_and_drop_all() {
        const std::lock_guard lock(mutex);
        for (const int fd : fds) {
            (void)::shutdown(fd, SHUT_RDWR);
            ::close(fd);
        }
        fds.clear();
    }

    std::mutex mutex;
    std::condition_variable more;
    std::vector<int> fds;
};

struct Door {
    explicit Door(AcceptorBounds bounds = {}) {
        auto listening = listen_on("127.0.0.1", 0);
        REQUIRE(listening.has_value());
        port = listening->port;
        acceptor = std::make_unique<Acceptor>(
            std::move(*listening), bounds, table, [this](int fd) { holder.take(fd); }, Log());
    }
    ~Door() { acceptor->stop(); }

    Holder holder;
    ConnectionTable table;
    std::uint16_t port = 0;
    std::unique_ptr<Acceptor> acceptor;
};

Descriptor connect_to(std::uint16_t port, std::uint16_t from_port = 0) {
    Descriptor out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (from_port != 0) {
        const int one = 1;
        (void)::setsockopt(out.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        address.sin_port = htons(from_port);
        if (::bind(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            return Descriptor();
    }
    address.sin_port = htons(port);
    if (::connect(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return Descriptor();
    return out;
}

/// No assertions in this function, because Catch2's assertions work on one thread only.
PeerKey own_key(const Descriptor& socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    (void)::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return PeerKey::from(address).value_or(PeerKey{});
}

bool is_closed_within(const Descriptor& socket, milliseconds within) {
    pollfd state{socket.get(), POLLIN, 0};
    char byte = 0;
    return ::poll(&state, 1, static_cast<int>(within.count())) > 0 && ::recv(socket.get(), &byte, 1, 0) <= 0;
}

/// Waits by polling, because no event says that the table has become smaller.
bool becomes(const std::function<bool()>& condition) {
    const auto until = steady_clock::now() + seconds(10);
    while (!condition()) {
        if (steady_clock::now() > until) return false;
        std::this_thread::sleep_for(milliseconds(5));
    }
    return true;
}

struct FakeCall final : LiveCall {
    void sweep(SteadyTime) override { swept.fetch_add(1); }
    void refuse_body() override { refused.fetch_add(1); }
    bool is_answered() const override { return answered; }
    std::atomic<int> swept{0};
    std::atomic<int> refused{0};
    bool answered = false;
};

}  // namespace

TEST_CASE("gRPC's name for a peer and the socket give the same address and port", "[acceptor]") {
    const auto four = PeerKey::from_grpc_peer("ipv4:192.0.2.1:4321");
    REQUIRE(four);
    CHECK(four->text() == "192.0.2.1:4321");
    CHECK_FALSE(four->is_loopback());
    CHECK(PeerKey::from_grpc_peer("ipv4:127.0.0.9:1")->is_loopback());
    const auto six = PeerKey::from_grpc_peer("ipv6:%5B2001:db8::1%5D:65535");
    REQUIRE(six);
    CHECK(six->text() == "[2001:db8::1]:65535");
    CHECK(PeerKey::from_grpc_peer("ipv6:[::1]:5")->is_loopback());
    CHECK(PeerKey::from_grpc_peer("ipv6:%5Bfe80::1%25eth0%5D:5")->text() == "[fe80::1]:5");
    for (const char* bad : {"", "unix:", "ipv4:", "ipv4:1.2.3.4", "ipv4:1.2.3.4:x", "ipv4:1.2.3.4:70000",
                            "ipv6:%5B::zz%5D:1", "dns:localhost:1"}) {
        CHECK_FALSE(PeerKey::from_grpc_peer(bad));
    }
    CHECK(PeerKey::from_grpc_peer("ipv6:[2001:db8::1]:5")->network() ==
          PeerKey::from_grpc_peer("ipv6:[2001:db8::2:3:4:5]:9")->network());
    CHECK(PeerKey::from_grpc_peer("ipv4:192.0.2.1:5")->network() !=
          PeerKey::from_grpc_peer("ipv4:192.0.2.2:5")->network());

    sockaddr_storage mapped{};
    auto& in6 = reinterpret_cast<sockaddr_in6&>(mapped);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(4321);
    REQUIRE(::inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr) == 1);
    CHECK(PeerKey::from(mapped) == four);
}

TEST_CASE("the acceptor listens on IP addresses, and names the cause when it cannot", "[acceptor]") {
    const auto listening = listen_on("127.0.0.1", 0);
    REQUIRE(listening.has_value());
    CHECK(listening->port != 0);
    CHECK(connect_to(listening->port).get() >= 0);
    // This machine may have no IPv6.
    CHECK(listen_on("::1", 0).has_value() == listen_on("[::1]", 0).has_value());
    const auto taken = listen_on("127.0.0.1", 0);
    REQUIRE(taken.has_value());
    const Error busy = listen_on("127.0.0.1", taken->port).error();
    CHECK(busy.code == ErrorCode::unavailable);
    CHECK(busy.hint == "is another ioswarm running? --grpc-port names another port");
    CHECK(listen_on("localhost", 0).error().code == ErrorCode::invalid_argument);  // names are not looked up
    const Error elsewhere = listen_on("192.0.2.1", 0).error();
    CHECK(elsewhere.code == ErrorCode::unavailable);
    CHECK(elsewhere.hint == "listen wants an address of this machine");
}

TEST_CASE("a connection is in the table until it is closed", "[acceptor]") {
    Door door;
    const auto socket = connect_to(door.port);
    REQUIRE(door.holder.wait_for(1));
    const auto connection = door.table.find(own_key(socket));
    REQUIRE(connection);
    CHECK(door.table.size() == 1);
    SECTION("the holder closes it") {
        door.holder.read_and_drop_all();
    }
    SECTION("the acceptor shuts it") {
        connection->shut();
        CHECK(connection->is_shut());
        CHECK(is_closed_within(socket, seconds(10)));
        door.holder.read_and_drop_all();
    }
    CHECK(becomes([&] { return door.table.size() == 0; }));
}

TEST_CASE("a client that reconnects from the same port at once is served, and others are not affected",
          "[acceptor]") {
    AcceptorBounds bounds;
    bounds.held_bytes = 1 << 20;
    Door door(bounds);
    const auto bystander = connect_to(door.port);
    REQUIRE(door.holder.wait_for(1));
    std::uint16_t port = 0;
    int came_again = 0;
    for (int i = 0; i < 20; ++i) {
        auto socket = connect_to(door.port, port);
        came_again += socket.get() >= 0 ? 1 : 0;
        if (socket.get() < 0) socket = connect_to(door.port);  // another program got that port meanwhile
        REQUIRE(socket.get() >= 0);
        port = own_key(socket).port;
        // Sends bytes, which count as held, and then resets the connection. The port is then free again at
        // once.
        const std::vector<char> some(2000, 'x');
        REQUIRE(::send(socket.get(), some.data(), some.size(), MSG_NOSIGNAL) > 0);
        REQUIRE(::send(bystander.get(), some.data(), 100, MSG_NOSIGNAL) > 0);
        REQUIRE(door.holder.wait_for(static_cast<std::size_t>(i) + 2));
        std::this_thread::sleep_for(milliseconds(i));  // varies the time between measuring and the reset
        const linger at_once{1, 0};
        REQUIRE(::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    }
    CHECK(becomes([&] { return door.table.size() == 1; }));
    CHECK(came_again >= 10);
    CHECK(door.acceptor->counters().accepted.value() == 21);
    CHECK(door.acceptor->counters().shut_memory.value() == 0);
    CHECK_FALSE(door.table.find(own_key(bystander))->is_shut());
}

TEST_CASE("a connection that sends bytes without a call is shut", "[acceptor]") {
    Door door;
    const auto socket = connect_to(door.port);
    REQUIRE(door.holder.wait_for(1));
    const std::vector<char> chatter(4096, 'x');
    const auto until = steady_clock::now() + seconds(10);
    // Reads the data at the other end, as gRPC would. Data that is still in the kernel does not count.
    std::vector<char> taken(65536);
    while (steady_clock::now() < until &&
           ::send(socket.get(), chatter.data(), chatter.size(), MSG_NOSIGNAL) > 0) {
        (void)::recv(door.holder.fds[0], taken.data(), taken.size(), MSG_DONTWAIT);
    }
    CHECK(door.acceptor->counters().shut_abusive.value() == 1);
}

TEST_CASE("bytes that belong to calls do not count against a connection", "[acceptor]") {
    Door door;
    const auto socket = connect_to(door.port);
    REQUIRE(door.holder.wait_for(1));
    const auto connection = door.table.find(own_key(socket));
    const std::vector<char> body(100'000, 'x');
    std::vector<char> taken(200'000);
    const auto until = steady_clock::now() + milliseconds(500);
    while (steady_clock::now() < until) {
        connection->begin_body(200'000);
        REQUIRE(::send(socket.get(), body.data(), body.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(body.size()));
        for (std::size_t got = 0; got < body.size();) {
            pollfd state{door.holder.fds[0], POLLIN, 0};
            REQUIRE(::poll(&state, 1, 5000) == 1);
            const auto count = ::recv(door.holder.fds[0], taken.data(), body.size() - got, 0);
            REQUIRE(count > 0);
            got += static_cast<std::size_t>(count);
        }
        connection->end_body(200'000, body.size());
    }
    CHECK(door.acceptor->counters().shut_abusive.value() == 0);
}

TEST_CASE("bodies that begin and end during a measurement do not count against a connection", "[acceptor]") {
    const auto listening = listen_on("127.0.0.1", 0).value();
    const auto client = connect_to(listening.port);
    pollfd waiting{listening.sockets[0].get(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 5000) == 1);
    const Descriptor server(::accept(listening.sockets[0].get(), nullptr, nullptr));
    Connection connection(Descriptor(::dup(server.get())), own_key(client), {}, steady_clock::now());
    std::atomic<bool> over{false};
    std::atomic<bool> lost{false};
    const std::jthread traffic([&] {
        std::vector<char> body(60'000, 'x');
        for (int i = 0; i < 10'000 && !lost; ++i) {
            connection.begin_body(64'000);
            lost = ::send(client.get(), body.data(), body.size(), MSG_NOSIGNAL) != 60'000 ||
                   ::recv(server.get(), body.data(), body.size(), MSG_WAITALL) != 60'000;
            connection.end_body(64'000, body.size());
        }
        over = true;
    });
    std::uint64_t blamed = 0;
    while (!over) {
        const auto level = connection.measure(steady_clock::now());
        if (level == Connection::FloodLevel::shut || level == Connection::FloodLevel::refuse_bodies) ++blamed;
    }
    CHECK_FALSE(lost);
    CHECK(blamed == 0);
}

TEST_CASE("bytes of a body may arrive shortly before its call begins", "[acceptor]") {
    auto listening = listen_on("127.0.0.1", 0);
    REQUIRE(listening.has_value());
    const auto client = connect_to(listening->port);
    const Descriptor server(::accept4(listening->sockets.front().get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(server.get() >= 0);
    const auto now = steady_clock::now();
    Connection connection(Descriptor(::dup(server.get())), own_key(client), ConnectionBounds{}, now);
    const auto send = [&](std::size_t size) {
        const std::vector<char> some(4096, 'x');
        std::vector<char> taken(4096);
        for (std::size_t sent = 0; sent < size; sent += some.size()) {
            REQUIRE(::send(client.get(), some.data(), some.size(), MSG_NOSIGNAL) == 4096);
            REQUIRE(::recv(server.get(), taken.data(), taken.size(), MSG_WAITALL) == 4096);
        }
    };
    using FloodLevel = Connection::FloodLevel;
    SECTION("the call begins") {
        send(80 << 10);
        CHECK(connection.measure(now + milliseconds(10)) == FloodLevel::hot);
        connection.begin_body(1 << 20);
        CHECK(connection.measure(now + seconds(1)) == FloodLevel::fine);
        send(500 << 10);
        CHECK(connection.measure(now + seconds(2)) == FloodLevel::hot);
        connection.end_body(1 << 20, 580 << 10);
        CHECK(connection.measure(now + seconds(3)) == FloodLevel::fine);
    }
    SECTION("the call does not begin") {
        send(80 << 10);
        CHECK(connection.measure(now + milliseconds(10)) == FloodLevel::hot);
        CHECK(connection.measure(now + milliseconds(300)) == FloodLevel::shut);
    }
    SECTION("the bytes exceed the window of a stream") {
        send(128 << 10);
        CHECK(connection.measure(now + milliseconds(10)) == FloodLevel::shut);
    }
}

TEST_CASE("a body that does not end is refused first, and its connection is shut if it continues",
          "[acceptor]") {
    Door door;
    const auto socket = connect_to(door.port);
    REQUIRE(door.holder.wait_for(1));
    const auto connection = door.table.find(own_key(socket));
    const auto call = std::make_shared<FakeCall>();
    REQUIRE(connection->begin_call(call, steady_clock::now()));
    connection->begin_body(1 << 20);
    const std::vector<char> body(65536, 'x');
    std::vector<char> taken(65536);
    std::uint64_t sent = 0;
    const auto until = steady_clock::now() + seconds(20);
    while (steady_clock::now() < until) {
        const auto count = ::send(socket.get(), body.data(), body.size(), MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<std::uint64_t>(count);
        (void)::recv(door.holder.fds[0], taken.data(), taken.size(), MSG_DONTWAIT);
    }
    CHECK(call->refused == 1);
    CHECK(door.acceptor->counters().bodies_refused.value() == 1);
    CHECK(door.acceptor->counters().shut_abusive.value() == 1);
    CHECK(sent > (16u << 20));  // data that was already on its way is still allowed
    connection->end_call(call.get(), true, 0, steady_clock::now());
}

TEST_CASE("open and cancelled calls per connection are limited", "[acceptor]") {
    ConnectionBounds bounds;
    bounds.calls = 3;
    bounds.calls_with_answered = 3;
    bounds.calls_at_most = 5;
    bounds.cancels_per_second = 5;
    std::array<int, 2> pair{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
    const Descriptor other(pair[1]);
    const auto now = steady_clock::now();
    Connection connection(Descriptor{pair[0]}, PeerKey{}, bounds, now);
    std::vector<std::shared_ptr<FakeCall>> calls;
    for (int i = 0; i < 3; ++i) {
        calls.push_back(std::make_shared<FakeCall>());
        REQUIRE(connection.begin_call(calls.back(), now));
    }
    CHECK(connection.live_calls().size() == 3);
    const auto one_more = [&](SteadyTime when) {
        calls.push_back(std::make_shared<FakeCall>());
        return connection.begin_call(calls.back(), when);
    };
    SECTION("a call above the limit of unanswered calls shuts the connection") {
        CHECK_FALSE(one_more(now));
        CHECK(connection.is_shut());
    }
    for (const auto& call : calls)
        call->answered = true;
    SECTION("answered calls may exceed the limit for a moment") {
        CHECK(one_more(now));
        connection.end_call(calls.back().get(), false, 0, now);
        CHECK_FALSE(connection.holds_too_many(now + seconds(5)));
        CHECK(one_more(now + seconds(6)));
        CHECK(one_more(now + seconds(6)));
        CHECK_FALSE(connection.is_shut());
    }
    SECTION("a further call after that moment shuts the connection") {
        CHECK(one_more(now));
        CHECK_FALSE(one_more(now + seconds(5)));
        CHECK(connection.is_shut());
        CHECK(is_closed_within(other, seconds(1)));
    }
    SECTION("a connection that stays above the limit holds too many calls") {
        CHECK(one_more(now));
        // gRPC on a busy machine may need this long to report the ends of calls that an honest client has seen.
        CHECK_FALSE(connection.holds_too_many(now + seconds(2)));
        CHECK(connection.holds_too_many(now + seconds(5)));
    }
    SECTION("above the highest limit a call shuts the connection at once") {
        CHECK(one_more(now));
        CHECK(one_more(now));
        CHECK_FALSE(one_more(now));
        CHECK(connection.is_shut());
    }
    SECTION("one cancelled call above the limit per second shuts the connection") {
        for (int i = 0; i < 5; ++i)
            connection.end_call(nullptr, true, 0, now);
        CHECK_FALSE(connection.is_shut());
        for (int i = 0; i < 5; ++i)
            connection.end_call(nullptr, true, 0, now + seconds(1));
        CHECK_FALSE(connection.is_shut());
        connection.end_call(nullptr, true, 0, now + seconds(1));
        CHECK(connection.is_shut());
    }
    for (const auto& call : calls)
        connection.end_call(call.get(), false, 0, now);
    CHECK(connection.live_calls().empty());
}

TEST_CASE("open calls are checked every second", "[acceptor]") {
    Door door;
    const auto socket = connect_to(door.port);
    REQUIRE(door.holder.wait_for(1));
    const auto connection = door.table.find(own_key(socket));
    const auto call = std::make_shared<FakeCall>();
    REQUIRE(connection->begin_call(call, steady_clock::now()));
    CHECK(becomes([&] { return call->swept >= 2; }));
    connection->end_call(call.get(), false, 0, steady_clock::now());
}

TEST_CASE("the unread bytes of all connections together are limited", "[acceptor]") {
    AcceptorBounds bounds;
    bounds.held_bytes = 1 << 20;
    bounds.connection.unexplained_bytes = 10 << 20;
    bounds.connection.unexplained_bytes_per_second = 0;
    Door door(bounds);
    const auto small = connect_to(door.port);
    REQUIRE(door.holder.wait_for(1));
    const auto large = connect_to(door.port);
    REQUIRE(door.holder.wait_for(2));
    const std::vector<char> bytes(100'000, 'x');
    REQUIRE(::send(small.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0);
    std::vector<char> taken(65536);
    const auto until = steady_clock::now() + seconds(10);
    while (steady_clock::now() < until && ::send(large.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
        (void)::recv(door.holder.fds[1], taken.data(), taken.size(), MSG_DONTWAIT);
    }
    CHECK(door.acceptor->counters().shut_memory.value() == 1);
    CHECK_FALSE(door.table.find(own_key(small))->is_shut());
}

TEST_CASE("connections that many threads open and close leave nothing behind", "[acceptor]") {
    Door door;
    std::vector<std::jthread> clients;
    for (int t = 0; t < 4; ++t) {
        clients.emplace_back([&] {
            for (int i = 0; i < 100; ++i) {
                const auto socket = connect_to(door.port);
                if (socket.get() < 0) continue;
                const char byte = 'x';
                (void)::send(socket.get(), &byte, 1, MSG_NOSIGNAL);
                if (const auto connection = door.table.find(own_key(socket))) {
                    const auto call = std::make_shared<FakeCall>();
                    if (connection->begin_call(call, steady_clock::now())) {
                        connection->end_call(call.get(), i % 2 == 0, 100, steady_clock::now());
                    }
                    connection->shut();
                }
            }
        });
    }
    clients.clear();
    CHECK(becomes([&] { return door.acceptor->counters().accepted.value() == 400; }));
    door.holder.read_and_drop_all();
    CHECK(becomes([&] { return door.table.size() == 0; }));
    door.acceptor->stop_accepting();
    CHECK(connect_to(door.port).get() < 0);
}

TEST_CASE("a work queue runs everything it was given, in order, and nothing after its end", "[acceptor]") {
    WorkQueue queue;
    std::vector<int> order;
    for (int i = 0; i < 1000; ++i)
        queue.post([&order, i] { order.push_back(i); });
    queue.stop();
    REQUIRE(order.size() == 1000);
    CHECK(std::is_sorted(order.begin(), order.end()));
    queue.post([&order] { order.clear(); });
    CHECK(order.size() == 1000);
}
