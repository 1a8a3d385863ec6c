// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/http_guard.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

#include "test/support/http_user.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;

namespace {

struct GuardClock final : Clock {
    Steady now{1'000s};
    [[nodiscard]] Steady steady() const override { return now; }
    [[nodiscard]] Wall wall() const override { return {}; }
};

/// A guard in front of a page whose path /swarm/status requires the key "right".
struct Guarding {
    explicit Guarding(std::uint32_t per_second = 50, const std::string& proxies = "")
        : guard({per_second, IpNetwork::parse_list(proxies).value(), metrics}, clock,
                Log(LogLevel::info, [this](LogLevel, std::string_view line) { lines.emplace_back(line); }),
                [this](const HttpRequest& request) {
                    ++answered;
                    const std::string* key = request.header("X-Ioswarm-Token");
                    const bool wants_key = request.path == "/swarm/status";
                    return HttpReply{
                        wants_key && (key == nullptr || *key != "right") ? 401 : 200, "page", "", {}};
                }) {}

    HttpReply ask(const std::string& address, const std::string& path = "/api/stats", HttpFields headers = {}) {
        HttpRequest request;
        request.method = "GET";
        request.path = path;
        request.headers = std::move(headers);
        request.peer = parse_ip(address).value();
        return guard.handle(request);
    }
    HttpReply log_in(const std::string& address, const std::string& key) {
        return ask(address, "/swarm/status", {{"x-ioswarm-agent-id", "agent-01"}, {"x-ioswarm-token", key}});
    }
    /// Sends `count` requests at the same instant. Returns how many of them are answered with 200.
    int served(int count, const std::string& address, const std::string& path = "/api/stats") {
        int out = 0;
        for (int i = 0; i < count; ++i)
            out += ask(address, path).status == 200 ? 1 : 0;
        return out;
    }

    GuardClock clock;
    std::vector<std::string> lines;
    int answered = 0;
    metrics::Registry metrics;
    cli::HttpGuard guard;
};

std::string header_of(const HttpReply& reply, const std::string& name) {
    const auto found = std::find_if(reply.headers.begin(), reply.headers.end(),
                                    [&](const auto& h) { return h.first == name; });
    return found == reply.headers.end() ? "" : found->second;
}

}  // namespace

TEST_CASE("an address gets 200 pages at once, then 50 per second, and 429 with Retry-After above that",
          "[guard]") {
    Guarding guarding;
    CHECK(guarding.served(300, "192.0.2.1") == 200);
    CHECK(guarding.answered == 200);
    const HttpReply refused = guarding.ask("192.0.2.1");
    CHECK(refused.status == 429);
    CHECK(header_of(refused, "Retry-After") == "1");
    CHECK(header_of(refused, "Access-Control-Allow-Origin") == "*");
    CHECK(refused.content_type == "application/json");
    CHECK(refused.body == "{\"error\":\"too many requests from your address; try again in 1 s\"}\n");
    CHECK(guarding.ask("192.0.2.2").status == 200);
    guarding.clock.now += 1s;
    CHECK(guarding.served(300, "192.0.2.1") == 50);
    CHECK(guarding.metrics.value("http_refused_rate") == 101 + 250);
}

TEST_CASE("ten tabs that ask four times every 2 s stay far below the limit", "[guard]") {
    Guarding guarding;
    for (int round = 0; round < 300; ++round) {
        REQUIRE(guarding.served(10 * 4, "192.0.2.1") == 40);
        guarding.clock.now += 2s;
    }
}

TEST_CASE("health checks are not limited", "[guard]") {
    Guarding guarding(1);
    CHECK(guarding.served(100, "192.0.2.1") == 4);
    for (const char* path : {"/livez", "/readyz", "/healthz"})
        CHECK(guarding.served(100, "192.0.2.1", path) == 100);
}

TEST_CASE("programs on this machine, and proxies that name no client, are not limited", "[guard]") {
    Guarding guarding(1, "10.0.0.0/8");
    CHECK(guarding.served(100, "127.0.0.1") == 100);
    CHECK(guarding.served(100, "::1") == 100);
    CHECK(guarding.served(100, "10.1.2.3") == 100);
}

TEST_CASE("behind a proxy each client has its own limit", "[guard]") {
    Guarding guarding(1);
    const auto through_proxy = [&](const std::string& client) {
        int out = 0;
        for (int i = 0; i < 10; ++i) {
            out += guarding.ask("127.0.0.1", "/api/stats", {{"X-Forwarded-For", client}}).status == 200 ? 1 : 0;
        }
        return out;
    };
    CHECK(through_proxy("198.51.100.1") == 4);
    CHECK(through_proxy("198.51.100.2") == 4);
    // Of two headers the later one is the proxy's, whatever the client sent.
    const HttpFields both{{"X-Forwarded-For", "203.0.113.1"}, {"x-forwarded-for", "198.51.100.2"}};
    CHECK(guarding.ask("127.0.0.1", "/api/stats", both).status == 429);
}

TEST_CASE("with 0 requests per second there is no limit", "[guard]") {
    Guarding guarding(0);
    CHECK(guarding.served(1'000, "192.0.2.1") == 1'000);
}

TEST_CASE("a wrong key is logged with its address and without the key", "[guard]") {
    Guarding guarding;
    CHECK(guarding.log_in("192.0.2.1", "iosw_wrong").status == 401);
    REQUIRE(guarding.lines.size() == 1);
    CHECK(guarding.lines[0].find(
              "monitoring API: 192.0.2.1 as agent agent-01 did not authenticate: wrong key") == 0);
    CHECK(guarding.lines[0].find("iosw_wrong") == std::string::npos);
    CHECK(guarding.metrics.value("http_unauthorized") == 1);
}

TEST_CASE("too many wrong keys get 429, while a right key and other addresses are served", "[guard]") {
    Guarding guarding(1'000);
    for (int i = 0; i < 100; ++i)
        REQUIRE(guarding.log_in("192.0.2.1", "wrong").status == 401);
    const HttpReply refused = guarding.log_in("192.0.2.1", "wrong");
    CHECK(refused.status == 429);
    CHECK(header_of(refused, "Retry-After") == "1");
    CHECK(guarding.log_in("192.0.2.1", "right").status == 200);
    CHECK(guarding.ask("192.0.2.1").status == 200);
    CHECK(guarding.log_in("192.0.2.2", "wrong").status == 401);
    CHECK(guarding.metrics.value("http_refused_auth") == 1);
    guarding.clock.now += 1s;
    CHECK(guarding.log_in("192.0.2.1", "wrong").status == 401);
}

TEST_CASE("a request without a key does not count as a failure", "[guard]") {
    Guarding guarding(1'000);
    for (int i = 0; i < 500; ++i)
        REQUIRE(guarding.ask("192.0.2.1", "/swarm/status").status == 401);
    CHECK(guarding.lines.empty());
    CHECK(guarding.metrics.value("http_unauthorized") == 0);
}

TEST_CASE("the table of addresses is bounded", "[guard]") {
    Guarding guarding;
    for (int i = 0; i < 5'000; ++i)
        REQUIRE(guarding.ask("10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".1").status ==
                200);
    CHECK(guarding.metrics.value("http_addresses_dropped") == 5'000 - 4'096);
}

TEST_CASE("the guard gets the connection's address and the headers it needs from the server", "[guard]") {
    // Given a real server that trusts loopback as a proxy
    Guarding guarding(1);
    HttpServerSettings settings;
    settings.headers = cli::HttpGuard::headers({});
    const auto server =
        HttpServer::start(settings, [&](const HttpRequest& request) { return guarding.guard.handle(request); });
    REQUIRE(server);
    test::HttpUser user((*server)->port());
    const auto ask = [&](const test::HttpHeaders& headers) {
        const auto page = user.ask("GET", "/api/stats", headers, "");
        return page ? page->status : 0;
    };
    for (int i = 0; i < 4; ++i)
        CHECK(ask({{"X-Forwarded-For", "198.51.100.1"}}) == 200);
    CHECK(ask({{"X-Forwarded-For", "198.51.100.1"}}) == 429);
    CHECK(ask({}) == 200);
}

TEST_CASE("another rate counts from the next request on", "[guard]") {
    Guarding guarding(1);
    CHECK(guarding.served(10, "192.0.2.1") == 4);
    guarding.guard.change_rate(2);
    CHECK(guarding.served(20, "192.0.2.1") == 8);
    guarding.guard.change_rate(2);  // the same again gives nobody new requests
    CHECK(guarding.served(20, "192.0.2.1") == 0);
    guarding.guard.change_rate(0);
    CHECK(guarding.served(1'000, "192.0.2.1") == 1'000);
}
