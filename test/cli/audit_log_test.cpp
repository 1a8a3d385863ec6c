// SPDX-License-Identifier: Apache-2.0
// The audit log: whole lines from several writers, a file that is moved away, a queue that is full.
#include "cli/audit_log.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/auth/failed_logins.hpp"
#include "proto/agent_port/agent_news.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;
using OrderedJson = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

/// The lines of a file, each of which must be one JSON object.
std::vector<OrderedJson> lines_of(const test::TempDir& dir, const std::string& name = "audit.log") {
    std::vector<OrderedJson> out;
    const std::string text = dir.read(name);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        REQUIRE(end != std::string::npos);
        out.push_back(OrderedJson::parse(text.substr(at, end - at)));
        at = end + 1;
    }
    return out;
}

}  // namespace

TEST_CASE("an audit line is one JSON object with time and event, whatever the texts hold", "[audit]") {
    const std::string line = cli::audit_line(
        "agent_denied",
        {{"id", "a\n\"b\xff"}, {"count", std::uint64_t{7}}, {"event", "refused"}, {"ok", false}},
        std::chrono::system_clock::time_point(1'790'000'000s));
    CHECK(line.find('\n') == line.size() - 1);
    const OrderedJson json = OrderedJson::parse(line);
    CHECK(json["ts"] == "2026-09-21T14:13:20Z");
    CHECK(json["event"] == "agent_denied");
    CHECK(json["count"] == 7);
    CHECK(json["ok"] == false);
    CHECK(json["id"].get<std::string>().starts_with("a\n\"b"));
    const std::string cut = cli::audit_line("x", {{"text", std::string(100'000, 'a')}}, {});
    CHECK(cut.size() < 2'000);
}

TEST_CASE("the audit log has mode 0640 and is appended to", "[audit]") {
    const test::TempDir dir;
    dir.write("audit.log", "{\"event\":\"old\"}\n");
    REQUIRE(cli::audit_command(dir.path(), "command", {{"command", "settle"}}));
    const auto lines = lines_of(dir);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]["event"] == "old");
    CHECK(lines[1]["command"] == "settle");
    CHECK(lines[1]["uid"] == ::getuid());
    CHECK(lines[1]["pid"] == ::getpid());
    fs::remove(dir.path("audit.log"));
    REQUIRE(cli::audit_command(dir.path(), "command", {}));
    struct stat info {};
    REQUIRE(::stat(dir.path("audit.log").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0640);
}

TEST_CASE("several writers of one audit log never mix their lines", "[audit]") {
    const test::TempDir dir;
    constexpr int kWriters = 8;
    constexpr int kLines = 200;
    {
        std::vector<std::jthread> writers;
        for (int writer = 0; writer < kWriters; ++writer) {
            writers.emplace_back([&dir, writer] {
                cli::AuditFile file(dir.path());
                for (int line = 0; line < kLines; ++line) {
                    // The result is judged by what is in the file.
                    (void)file.append(cli::audit_line(
                        "x", {{"writer", writer}, {"text", std::string(static_cast<std::size_t>(line), 'a')}},
                        {}));
                }
            });
        }
    }
    CHECK(lines_of(dir).size() == kWriters * kLines);
}

TEST_CASE("after logrotate has moved the audit log away, the next line begins a new one", "[audit]") {
    const test::TempDir dir;
    cli::AuditFile file(dir.path());
    REQUIRE(file.append("{\"n\":1}\n"));
    fs::rename(dir.path("audit.log"), dir.path("audit.log.1"));
    REQUIRE(file.append("{\"n\":2}\n"));
    CHECK(dir.read("audit.log.1") == "{\"n\":1}\n");
    CHECK(dir.read("audit.log") == "{\"n\":2}\n");
}

TEST_CASE("a link, a folder or a missing folder is no audit log", "[audit]") {
    const test::TempDir dir;
    cli::AuditFile file(dir.path());
    fs::create_symlink(dir.path("elsewhere"), dir.path("audit.log"));
    CHECK_FALSE(file.append("{}\n"));
    CHECK_FALSE(fs::exists(dir.path("elsewhere")));
    fs::remove(dir.path("audit.log"));
    fs::create_directory(dir.path("audit.log"));
    CHECK_FALSE(file.append("{}\n"));
    CHECK_FALSE(cli::audit_command(dir.path("none"), "x", {}));
}

TEST_CASE("serve's audit log writes what was added before its end, in order", "[audit]") {
    const test::TempDir dir;
    {
        cli::AuditLog audit(dir.path(), Log());
        for (int i = 0; i < 500; ++i)
            audit.add("x", {{"n", i}});
        CHECK(audit.dropped() == 0);
    }
    const auto lines = lines_of(dir);
    REQUIRE(lines.size() == 500);
    for (int i = 0; i < 500; ++i)
        CHECK(lines[static_cast<std::size_t>(i)]["n"] == i);
}

TEST_CASE("lines that cannot be written are counted, and the log says so once", "[audit]") {
    const test::TempDir dir;
    fs::create_directory(dir.path("audit.log"));
    std::atomic<int> told = 0;
    std::uint64_t dropped = 0;
    {
        cli::AuditLog audit(dir.path(), Log(LogLevel::info, [&](LogLevel, std::string_view) { ++told; }));
        for (int i = 0; i < 3'000; ++i)
            audit.add("x", {{"n", i}});
        while ((dropped = audit.dropped()) < 3'000)
            std::this_thread::yield();
    }
    CHECK(dropped == 3'000);
    CHECK(told == 1);
}

TEST_CASE("once the audit log can be written again, it says how many lines are missing", "[audit]") {
    const test::TempDir dir;
    fs::create_directory(dir.path("audit.log"));
    {
        cli::AuditLog audit(dir.path(), Log());
        audit.add("lost", {});
        while (audit.dropped() < 1)
            std::this_thread::yield();
        fs::remove(dir.path("audit.log"));
        audit.add("kept", {});
    }
    const auto lines = lines_of(dir);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]["event"] == "kept");
    CHECK(lines[1]["event"] == "lines_dropped");
    CHECK(lines[1]["count"] == 1);
}

TEST_CASE("agents that join and are refused are audited, those that leave are not", "[audit]") {
    const test::TempDir dir;
    std::vector<std::string> logged;
    {
        cli::AuditLog audit(dir.path(), Log());
        const Log log = cli::log_to_both(
            Log(LogLevel::info, [&](LogLevel, std::string_view text) { logged.emplace_back(text); }),
            [&](const LogEvent& line) { cli::audit_agents(audit, line); });
        proto::AgentNews news(log.of(LogModule::agents));
        using Kind = proto::AgentEvent::Kind;
        const auto now = std::chrono::steady_clock::now();
        news.tell({Kind::joined, "a1", "203.0.113.7:1", {}}, now);
        news.tell({Kind::left, "a1", "203.0.113.7:1", "its connection was closed"}, now);
        news.tell({Kind::refused, "a2", "203.0.113.8:1", "agent is revoked"}, now);
        FailedLogins failures("the port for agents", log);
        failures.failed({}, "a3", "invalid auth token", now);
    }
    CHECK(logged.size() == 4);
    const auto lines = lines_of(dir);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0]["event"] == "agent_admitted");
    CHECK(lines[0]["id"] == "a1");
    CHECK(lines[0]["address"] == "203.0.113.7:1");
    CHECK(lines[1]["event"] == "agent_denied");
    CHECK(lines[1]["reason"] == "agent is revoked");
    CHECK(lines[2]["id"] == "a3");
}

TEST_CASE("10,000 invented ids in a minute make a few lines and a sum, not 10,000 lines", "[audit]") {
    const test::TempDir dir;
    {
        cli::AuditLog audit(dir.path(), Log());
        proto::AgentNews news(
            cli::log_to_both(Log(), [&](const LogEvent& line) { cli::audit_agents(audit, line); }));
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < 10'000; ++i)
            news.tell({proto::AgentEvent::Kind::joined, "a" + std::to_string(i), "203.0.113.7:1", {}},
                      begin + i * 6ms);
        news.tick(begin + 2min);
    }
    const auto lines = lines_of(dir);
    CHECK(lines.size() < 60);
    std::uint64_t admitted = 0;
    for (const OrderedJson& line : lines)
        admitted += line.value("count", std::uint64_t{1});
    CHECK(admitted == 10'000);
}
