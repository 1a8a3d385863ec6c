// SPDX-License-Identifier: Apache-2.0
#include "core/auth/failed_logins.hpp"

#include <vector>

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace std::chrono_literals;

namespace {

struct Failures {
    Failures()
        : failures("test port",
                   Log(LogLevel::info, [this](LogLevel, std::string_view line) { lines.emplace_back(line); })) {
    }

    void fail(const std::string& address, const std::string& id = "agent-01") {
        failures.failed(parse_ip(address).value(), id, "invalid auth token", now);
    }
    std::chrono::nanoseconds wait(const std::string& address) const {
        return failures.wait(parse_ip(address).value(), now);
    }

    std::vector<std::string> lines;
    FailedLogins failures;
    FailedLogins::Time now{1'000s};
};

}  // namespace

TEST_CASE("an address may fail 100 times at once, then five times per second", "[failed-logins]") {
    Failures at;
    CHECK(at.wait("192.0.2.1") == 0ns);
    for (int i = 0; i < 99; ++i)
        at.fail("192.0.2.1");
    CHECK(at.wait("192.0.2.1") == 0ns);
    at.fail("192.0.2.1");
    CHECK(at.wait("192.0.2.1") == 200ms);
    CHECK(at.wait("192.0.2.2") == 0ns);
    at.now += 200ms;
    CHECK(at.wait("192.0.2.1") == 0ns);
    at.fail("192.0.2.1");
    CHECK(at.wait("192.0.2.1") == 200ms);
}

TEST_CASE("a failure is logged with its address, the claimed agent and the reason", "[failed-logins]") {
    Failures at;
    at.fail("192.0.2.1");
    REQUIRE(at.lines.size() == 1);
    CHECK(at.lines[0].find("test port: 192.0.2.1 as agent agent-01 did not authenticate: invalid auth token") ==
          0);
}

TEST_CASE("failures of an address are logged once per minute, with their number since the last line",
          "[failed-logins]") {
    Failures at;
    for (int i = 0; i < 8; ++i)
        at.fail("192.0.2.1");
    CHECK(at.lines.size() == 1);
    at.now += 59s;
    at.fail("192.0.2.1");
    CHECK(at.lines.size() == 1);
    at.now += 1s;
    at.fail("192.0.2.1");
    REQUIRE(at.lines.size() == 2);
    CHECK(at.lines[1].find("; 8 more failures since the last line about this address") != std::string::npos);
}

TEST_CASE("failures of many addresses do not flood the log, and omitted lines are counted", "[failed-logins]") {
    Failures at;
    for (int i = 0; i < 250; ++i)
        at.fail("198.51.100." + std::to_string(i));
    CHECK(at.lines.size() == 20);
    at.now += 6s;
    at.fail("203.0.113.1");
    REQUIRE(at.lines.size() == 21);
    CHECK(at.lines[20].find("; 230 failures of other addresses were not logged") != std::string::npos);
}

TEST_CASE("the id of a failed login is logged only if it is a valid agent id and contains no key",
          "[failed-logins]") {
    Failures at;
    for (const std::string id : {"", "two words", "line\nbreak", "iosw_0123", "id=iosw_0123", "iosv_0123"}) {
        at.now += 1min;
        at.fail("192.0.2.1", id);
        INFO(id);
        REQUIRE_FALSE(at.lines.empty());
        CHECK(at.lines.back().find("test port: 192.0.2.1 did not authenticate: ") == 0);
        CHECK(at.lines.back().find("iosw_") == std::string::npos);
        CHECK(at.lines.back().find("iosv_") == std::string::npos);
    }
    CHECK(at.lines.size() == 6);
}

TEST_CASE("the table of failures is bounded, and an address that was dropped from it starts at 0",
          "[failed-logins]") {
    Failures at;
    for (int i = 0; i < 100; ++i)
        at.fail("192.0.2.1");
    CHECK(at.wait("192.0.2.1") > 0ns);
    for (std::size_t i = 0; i < FailedLogins::kAddresses; ++i)
        at.fail("10.1." + std::to_string(i / 256) + "." + std::to_string(i % 256));
    CHECK(at.failures.addresses_dropped() == 1);
    CHECK(at.wait("192.0.2.1") == 0ns);
}

TEST_CASE("several agents with wrong keys behind one address are all named", "[failed-logins]") {
    Failures at;
    for (int round = 0; round < 3; ++round) {
        for (const char* id : {"agent-01", "agent-02", "agent-03", ""})
            at.fail("192.0.2.1", id);
    }
    at.now += 1min;
    at.fail("192.0.2.1", "agent-01");
    REQUIRE(at.lines.size() == 2);
    CHECK(at.lines[1].find("; 11 more failures since the last line about this address, of 3 agents: agent-02, "
                           "agent-03, agent-01 ") != std::string::npos);
    at.now += 1min;
    at.fail("192.0.2.1", "agent-01");
    CHECK(at.lines[2].find("agents") == std::string::npos);
}

TEST_CASE("one line names eight agents at most, and says when there are more", "[failed-logins]") {
    Failures at;
    at.fail("192.0.2.1", "first");
    for (int i = 0; i < 50; ++i)
        at.fail("192.0.2.1", "a" + std::to_string(i));
    at.now += 1min;
    at.fail("192.0.2.1", "first");
    CHECK(at.lines[1].find(", of more than 8 agents: a0, a1, a2, a3, a4, a5, a6, a7 ") != std::string::npos);
}
