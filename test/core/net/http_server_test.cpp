// SPDX-License-Identifier: Apache-2.0
#include "core/net/http_server.hpp"

#include <array>
#include <atomic>
#include <future>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "core/net/http_exchange.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

/// A client that sends exactly what the test wants. Reads fail after 20 s, so a server that never answers makes
/// a test fail rather than hang.
class RawClient {
  public:
    explicit RawClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval limit{20, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    ~RawClient() { close(fd_); }
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    [[nodiscard]] bool connected() const { return connected_; }
    bool send_text(std::string_view text) const {
        return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
    }
    /// Closes the sending half. The server answers the requests that it has received, and closes the
    /// connection.
    void end_sending() const { shutdown(fd_, SHUT_WR); }
    /// Reads one answer with the length that its Content-Length states. Bytes after it are kept for the next
    /// call. Returns an empty string if the server has closed the connection.
    [[nodiscard]] std::string read_answer() {
        std::array<char, 4096> buffer{};
        while (true) {
            const std::size_t head = kept_.find("\r\n\r\n");
            const std::size_t length = kept_.find("Content-Length: ");
            if (head != std::string::npos && length < head) {
                const std::size_t size = head + 4 + std::stoul(kept_.substr(length + 16));
                if (kept_.size() >= size) {
                    std::string out = kept_.substr(0, size);
                    kept_.erase(0, size);
                    return out;
                }
            }
            const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
            if (got <= 0) return {};
            kept_.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }
    /// Returns everything that arrives until the server closes the connection.
    [[nodiscard]] std::string read_all() const {
        std::string out = kept_;
        std::array<char, 65536> buffer{};
        while (true) {
            const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
            if (got <= 0) return out;
            out.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }

  private:
    int fd_;
    bool connected_ = false;
    std::string kept_;
};

std::string ask(const HttpServer& server, std::string_view request) {
    const RawClient client(server.port());
    REQUIRE(client.connected());
    REQUIRE(client.send_text(request));
    client.end_sending();
    return client.read_all();
}

std::string describe(const HttpRequest& request) {
    std::string out = request.method + " " + request.path;
    for (const auto& [name, value] : request.query)
        out += " " + name + "=" + value;
    return out;
}

std::unique_ptr<HttpServer> start(HttpServerSettings settings = {}, HttpServer::Handler handler = {}) {
    if (!handler) {
        handler = [](const HttpRequest& request) {
            return HttpReply{200, describe(request), "text/plain", {}};
        };
    }
    auto server = HttpServer::start(std::move(settings), std::move(handler));
    if (!server) FAIL(server.error().text());
    return *std::move(server);
}

}  // namespace

TEST_CASE("a request is answered, and the connection ends when the client asks for it", "[http]") {
    const auto server = start();
    const std::string answer =
        ask(*server, "GET /a%20b?agent=x%2Fy&z=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n") && Contains("Connection: close\r\n") &&
                           Contains("Content-Type: text/plain\r\n") &&
                           EndsWith("\r\n\r\nGET /a b agent=x/y z=1"));
    CHECK(server->counters().requests.value() == 1);
}

TEST_CASE("header names are found in upper and lower case", "[http]") {
    HttpServerSettings settings;
    settings.headers = {"X-Ioswarm-Agent-Id"};
    const auto server = start(settings, [](const HttpRequest& request) {
        const std::string* id = request.header("X-Ioswarm-Agent-Id");
        return HttpReply{200, id == nullptr ? "none" : *id, "text/plain", {{"X-More", "yes"}}};
    });
    CHECK_THAT(ask(*server, "GET / HTTP/1.1\r\nx-ioswarm-agent-ID: a1\r\n\r\n"),
               EndsWith("\r\n\r\na1") && Contains("X-More: yes\r\n"));
    CHECK_THAT(ask(*server, "GET / HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\nnone"));
}

TEST_CASE("the server answers without waiting for a body", "[http]") {
    const auto server = start();
    CHECK_THAT(ask(*server, "POST /p HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nbegins"),
               EndsWith("\r\n\r\nPOST /p"));
    CHECK_THAT(ask(*server, "PUT /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
               EndsWith("\r\n\r\nPUT /p"));
}

TEST_CASE("a 204 answer has neither body nor content type", "[http]") {
    const auto server = start({}, [](const HttpRequest&) { return HttpReply{204, "", "text/plain", {}}; });
    const std::string answer = ask(*server, "OPTIONS / HTTP/1.1\r\n\r\n");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 204 ") && EndsWith("\r\n\r\n") && !Contains("Content-Type"));
}

TEST_CASE("a 304 answer has neither body nor length, because the client has both", "[http]") {
    const auto server = start({}, [](const HttpRequest&) {
        return HttpReply{304, "", "text/css", {{"ETag", "\"one\""}}};
    });
    const std::string answer = ask(*server, "GET / HTTP/1.1\r\n\r\n");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 304 ") && EndsWith("\r\n\r\n") && Contains("ETag: \"one\"") &&
                           !Contains("Content-Length"));
}

TEST_CASE("a request that is not HTTP gets a 400 as JSON", "[http]") {
    const auto server = start();
    for (const std::string text : {"\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                                   "\x16\x03\x01 / x\r\n\r\n", "{}\r\n\r\n"}) {
        CAPTURE(text);
        const std::string answer = ask(*server, text);
        CHECK_THAT(answer, StartsWith("HTTP/1.1 400 ") && EndsWith("{\"error\":\"bad request\"}\n"));
    }
    CHECK(server->counters().requests.value() == 6);
}

TEST_CASE("a request with an unknown method is not allowed", "[http]") {
    const auto server = start();
    const std::string answer = ask(*server, "PROPFIND / HTTP/1.1\r\n\r\n");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 405 ") && EndsWith("{\"error\":\"method not allowed\"}\n"));
}

TEST_CASE("an over-long request is refused before it is parsed", "[http]") {
    const auto server = start();
    CHECK_THAT(ask(*server, "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'a')), StartsWith("HTTP/1.1 431 "));
    // The parser has a separate limit for the URI.
    CHECK_THAT(ask(*server, "GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 4"));
    CHECK(server->counters().requests.value() == 1);
}

TEST_CASE("requests for ranges or compression get the whole plain answer", "[http]") {
    const auto server = start({}, [](const HttpRequest&) {
        return HttpReply{200, std::string(100'000, 'x'), "application/json", {}};
    });
    std::string ranges = "Range: bytes=0-";
    for (int i = 0; i < 1'000; ++i)
        ranges += ",0-";
    const std::string answer =
        ask(*server, "GET / HTTP/1.1\r\n" + ranges + "\r\nAccept-Encoding: br, gzip, deflate\r\n\r\n");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 200 ") && Contains("Content-Length: 100000\r\n") &&
                           !Contains("Content-Encoding"));
}

TEST_CASE("a handler sees only the headers that it asked for", "[http]") {
    HttpExchange exchange(
        [](const HttpRequest& request) {
            std::string seen;
            for (const auto& [name, value] : request.headers)
                seen += name + "=" + value + ";";
            return HttpReply{200, seen, "text/plain", {}};
        },
        {"X-A", "X-B"});
    const auto seen = [&](const std::string& headers) {
        const std::string answer = exchange.answer("GET / HTTP/1.1\r\n" + headers + "\r\n").bytes;
        return answer.substr(answer.find("\r\n\r\n") + 4);
    };
    CHECK(seen("Host: h\r\nx-a: 1\r\nRange: bytes=0-\r\nX-B: 2\r\nX-C: 3\r\n") == "x-a=1;X-B=2;");
    CHECK(seen("X-A: 1\nRange: bytes=0-\r\n").find("Range") == std::string::npos);
    // A folded line belongs to the header above it (RFC 9112 5.2); a line without a colon is malformed.
    CHECK(seen("X-A: 1\r\n Range: folded\r\n") == "X-A=1 Range: folded;");
    CHECK(seen("X-A: 1\r\nX-B\r\n") == "{\"error\":\"bad request\"}\n");
}

TEST_CASE("a long Range header needs no extra stack", "[http]") {
    // Given a thread with a small stack, as with other C libraries
    struct Request {
        std::string head;
        std::string answer;
    } request{"GET / HTTP/1.1\r\nRange: bytes=" + std::string(8'000, '1') + "-\r\n\r\n", {}};
    pthread_attr_t attributes;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstacksize(&attributes, std::size_t{512} << 10) == 0);
    pthread_t thread{};
    // When the request is answered on it
    const auto answer = [](void* argument) -> void* {
        auto& of = *static_cast<Request*>(argument);
        HttpExchange exchange([](const HttpRequest&) { return HttpReply{200, "fine", "text/plain", {}}; }, {});
        of.answer = exchange.answer(of.head).bytes;
        return nullptr;
    };
    REQUIRE(pthread_create(&thread, &attributes, answer, &request) == 0);
    REQUIRE(pthread_join(thread, nullptr) == 0);
    REQUIRE(pthread_attr_destroy(&attributes) == 0);
    // Then the process has survived.
    CHECK_THAT(request.answer, StartsWith("HTTP/1.1 200 ") && EndsWith("fine"));
}

TEST_CASE("a handler that fails answers 500, and the server continues", "[http]") {
    const auto server = start({}, [](const HttpRequest& request) -> HttpReply {
        if (request.path == "/bad") throw std::runtime_error("secret detail");
        return HttpReply{200, "fine", "text/plain", {}};
    });
    const std::string answer = ask(*server, "GET /bad HTTP/1.1\r\n\r\n");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 500 ") && !Contains("secret detail"));
    CHECK_THAT(ask(*server, "GET /good HTTP/1.1\r\n\r\n"), EndsWith("fine"));
}

TEST_CASE("clients that send slowly or nothing do not delay others", "[http]") {
    HttpServerSettings settings;
    settings.request_timeout = 300ms;
    const auto server = start(settings);
    std::vector<std::unique_ptr<RawClient>> slow;
    for (int i = 0; i < 50; ++i) {
        slow.push_back(std::make_unique<RawClient>(server->port()));
        REQUIRE(slow.back()->connected());
        if (i % 2 == 0) slow.back()->send_text("GET / HT");
    }
    CHECK_THAT(ask(*server, "GET /now HTTP/1.1\r\n\r\n"), EndsWith("GET /now"));
    for (const auto& client : slow)
        CHECK_THAT(client->read_all(), StartsWith("HTTP/1.1 408 "));
    CHECK(server->counters().timed_out.value() >= 50);
}

TEST_CASE("a client that does not read a large answer is cut off in time", "[http]") {
    HttpServerSettings settings;
    settings.response_timeout = 300ms;
    const auto server = start(settings, [](const HttpRequest& request) {
        return HttpReply{200, std::string(request.path == "/large" ? 64U << 20U : 1U, 'x'), "text/plain", {}};
    });
    const RawClient stalled(server->port());
    stalled.send_text("GET /large HTTP/1.1\r\n\r\n");
    while (server->counters().timed_out.value() == 0) {
        REQUIRE_THAT(ask(*server, "GET / HTTP/1.1\r\n\r\n"), EndsWith("\r\n\r\nx"));
    }
    CHECK(stalled.read_all().size() < 64U << 20U);
}

TEST_CASE("at the limit of connections a new one replaces the oldest", "[http]") {
    HttpServerSettings settings;
    settings.max_connections = 4;
    settings.request_timeout = 60s;
    const auto server = start(settings);
    std::vector<std::unique_ptr<RawClient>> idle;
    for (int i = 0; i < 20; ++i)
        idle.push_back(std::make_unique<RawClient>(server->port()));
    CHECK_THAT(ask(*server, "GET /now HTTP/1.1\r\n\r\n"), EndsWith("GET /now"));
    CHECK(server->counters().shed.value() >= 16);
    CHECK(idle.front()->read_all().empty());
}

TEST_CASE("the server survives running out of file descriptors", "[http]") {
    const auto server = start();
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const RawClient waiting(server->port());
    REQUIRE_THAT(ask(*server, "GET /before HTTP/1.1\r\n\r\n"), EndsWith("GET /before"));
    // The client's socket is opened before the limit falls below the number of open files.
    const rlimit none{3, limit.rlim_max};
    {
        const RawClient late(server->port());
        setrlimit(RLIMIT_NOFILE, &none);
        const bool sent = late.send_text("GET /late HTTP/1.1\r\nConnection: close\r\n\r\n");
        setrlimit(RLIMIT_NOFILE, &limit);
        CHECK(sent);
        CHECK_THAT(late.read_all(), EndsWith("GET /late"));
    }
    CHECK_THAT(ask(*server, "GET /after HTTP/1.1\r\n\r\n"), EndsWith("GET /after"));
}

TEST_CASE("many clients at once are all answered", "[http]") {
    const auto server = start();
    std::atomic<int> answered{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i) {
        clients.emplace_back([&] {
            for (int j = 0; j < 50; ++j) {
                const RawClient client(server->port());
                client.send_text("GET /x HTTP/1.1\r\nConnection: close\r\n\r\n");
                if (client.read_all().ends_with("GET /x")) ++answered;
            }
        });
    }
    for (std::thread& client : clients)
        client.join();
    CHECK(answered == 400);
    CHECK(server->counters().requests.value() == 400);
}

TEST_CASE("ending the server closes open connections", "[http]") {
    auto server = start();
    const RawClient idle(server->port());
    REQUIRE_THAT(ask(*server, "GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 200"));
    server.reset();
    CHECK(idle.read_all().empty());
}

TEST_CASE("a port in use and an invalid address are reported as such", "[http]") {
    const auto server = start();
    HttpServerSettings settings;
    settings.port = server->port();
    const auto handler = [](const HttpRequest&) { return HttpReply{}; };
    const auto second = HttpServer::start(settings, handler);
    REQUIRE_FALSE(second);
    CHECK(second.error().text() ==
          "cannot serve HTTP: 127.0.0.1 port " + std::to_string(server->port()) + ": Address already in use");
    CHECK(second.error().code == ErrorCode::unavailable);
    settings.address = "localhost";
    CHECK(HttpServer::start(settings, handler).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("one connection serves many requests, also when they are sent at once", "[http]") {
    const auto server = start();
    RawClient client(server->port());
    for (const std::string path : {"/1", "/2", "/3"}) {
        client.send_text("GET " + path + " HTTP/1.1\r\n\r\n");
        const std::string answer = client.read_answer();
        CHECK_THAT(answer, EndsWith("\r\n\r\nGET " + path) && !Contains("Connection:"));
    }
    client.send_text("GET /4 HTTP/1.1\r\n\r\nGET /5 HTTP/1.1\r\n\r\nGET /6 HTTP/1.0\r\n\r\n");
    CHECK_THAT(client.read_answer(), EndsWith("GET /4"));
    CHECK_THAT(client.read_answer(), EndsWith("GET /5"));
    // HTTP/1.0 ends the connection unless the client asks to keep it.
    CHECK_THAT(client.read_all(), EndsWith("GET /6"));
    CHECK(server->counters().connections.value() == 1);
    CHECK(server->counters().requests.value() == 6);
}

TEST_CASE("the connection of an HTTP/1.0 client that asks for it stays open", "[http]") {
    const auto server = start();
    RawClient client(server->port());
    for (int i = 0; i < 2; ++i) {
        client.send_text("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        CHECK_THAT(client.read_answer(), Contains("Connection: keep-alive\r\n") && EndsWith("GET /"));
    }
}

TEST_CASE("bytes of a body are never read as the next request", "[http]") {
    const auto server = start();
    const std::string body = "GET /smuggled HTTP/1.1\r\n\r\n";
    for (const std::string header : {"Content-Length: 26", "Transfer-Encoding: chunked",
                                     "Transfer-Encoding: gzip", "Transfer-Encoding: gzip, chunked"}) {
        CAPTURE(header);
        const RawClient client(server->port());
        client.send_text("POST /p HTTP/1.1\r\n" + header + "\r\n\r\n" + body);
        CHECK_THAT(client.read_all(), Contains("Connection: close\r\n") && EndsWith("\r\n\r\nPOST /p"));
    }
    for (const std::string headers : {"Content-Length: 1\r\nContent-Length: 2", "Content-Length: -1",
                                      "Content-Length: 1\r\nTransfer-Encoding: chunked"}) {
        CAPTURE(headers);
        const RawClient client(server->port());
        client.send_text("POST /p HTTP/1.1\r\n" + headers + "\r\n\r\n" + body);
        CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 400 ") && EndsWith("{\"error\":\"bad request\"}\n"));
    }
}

TEST_CASE("HEAD is answered like GET, with the length and without the body", "[http]") {
    const auto server = start();
    RawClient client(server->port());
    client.send_text("HEAD /x HTTP/1.1\r\n\r\nGET /y HTTP/1.1\r\nConnection: close\r\n\r\n");
    const std::string answers = client.read_all();
    CHECK_THAT(answers, StartsWith("HTTP/1.1 200 OK\r\n") &&
                            Contains("Content-Length: 7\r\n\r\nHTTP/1.1 200 OK\r\n") && EndsWith("GET /y"));
}

TEST_CASE("a handler that waits does not delay other requests", "[http]") {
    // Given a handler that does not return before the test lets it
    std::promise<void> entered;
    std::promise<void> release;
    const auto server = start({}, [&](const HttpRequest& request) {
        if (request.path == "/slow") {
            entered.set_value();
            release.get_future().wait();
        }
        return HttpReply{200, request.path, "text/plain", {}};
    });
    RawClient slow(server->port());
    slow.send_text("GET /slow HTTP/1.1\r\n\r\n");
    entered.get_future().wait();
    // When other clients send requests, then they are answered
    for (int i = 0; i < 10; ++i)
        CHECK_THAT(ask(*server, "GET /quick HTTP/1.1\r\n\r\n"), EndsWith("/quick"));
    // and the first client is answered once the handler returns.
    release.set_value();
    CHECK_THAT(slow.read_answer(), EndsWith("/slow"));
}

TEST_CASE("the time limit for a request also applies to the second one of a connection", "[http]") {
    HttpServerSettings settings;
    settings.request_timeout = 300ms;
    const auto server = start(settings);
    RawClient client(server->port());
    client.send_text("GET /1 HTTP/1.1\r\n\r\n");
    REQUIRE_THAT(client.read_answer(), EndsWith("/1"));
    client.send_text("GET /2 HT");
    CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 408 "));
    CHECK(server->counters().timed_out.value() == 1);
}

TEST_CASE("an idle connection is closed without an answer", "[http]") {
    HttpServerSettings settings;
    settings.idle_timeout = 100ms;
    const auto server = start(settings);
    RawClient client(server->port());
    client.send_text("GET / HTTP/1.1\r\n\r\n");
    REQUIRE_THAT(client.read_answer(), EndsWith("GET /"));
    CHECK(client.read_all().empty());
    CHECK(server->counters().timed_out.value() == 0);
}

TEST_CASE("a connection whose request is being handled is not replaced by a new one", "[http]") {
    // Given a server whose only connection has a request that is being handled
    HttpServerSettings settings;
    settings.max_connections = 1;
    std::promise<void> entered;
    std::promise<void> release;
    const auto server = start(settings, [&](const HttpRequest&) {
        entered.set_value();
        release.get_future().wait();
        return HttpReply{200, "done", "text/plain", {}};
    });
    RawClient working(server->port());
    working.send_text("GET / HTTP/1.1\r\n\r\n");
    entered.get_future().wait();
    // When another client connects, then the new connection is closed
    CHECK(RawClient(server->port()).read_all().empty());
    CHECK(server->counters().shed.value() == 1);
    // and the earlier request is answered.
    release.set_value();
    CHECK_THAT(working.read_answer(), EndsWith("done"));
}

TEST_CASE("ending the server waits for a running handler", "[http]") {
    std::promise<void> entered;
    std::promise<void> release;
    std::atomic<bool> left{false};
    auto server = start({}, [&](const HttpRequest&) {
        entered.set_value();
        release.get_future().wait();
        left = true;
        return HttpReply{};
    });
    RawClient client(server->port());
    client.send_text("GET / HTTP/1.1\r\n\r\n");
    entered.get_future().wait();
    std::thread ending([&] { server.reset(); });
    release.set_value();
    ending.join();
    CHECK(left);
}

TEST_CASE("an IPv6 socket accepts IPv4 too", "[http]") {
    HttpServerSettings settings;
    settings.address = "::";
    auto server = HttpServer::start(settings, [](const HttpRequest&) {
        return HttpReply{200, "six", "text/plain", {}};
    });
    if (!server) return;  // this machine has no IPv6
    CHECK_THAT(ask(**server, "GET / HTTP/1.1\r\n\r\n"), EndsWith("six"));
}
