// SPDX-License-Identifier: Apache-2.0
#include "cli/log_line.hpp"

#include <array>
#include <cstdlib>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/cli/run_cli.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using namespace std::chrono_literals;
using Catch::Matchers::StartsWith;

namespace {

namespace log_lines {

/// 2026-11-22T16:58:44.123Z
constexpr std::chrono::system_clock::time_point kTime{1'795'366'724'123ms};

LogLine joined() {
    return {kTime,
            LogLevel::info,
            LogModule::agents,
            "agent a1 joined",
            {{"id", "a1"}, {"reason", "say \"no\""}, {"count", 3}, {"share", 0.5}, {"ok", true}}};
}

/// A file that the test opened, closed at the end.
struct OpenFile {
    explicit OpenFile(int opened) : fd(opened) { REQUIRE(fd >= 0); }
    ~OpenFile() { ::close(fd); }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    const int fd;
};

/// The value that systemd would put into JOURNAL_STREAM for this file.
std::string journal_stream(int fd) {
    struct stat file {};
    REQUIRE(::fstat(fd, &file) == 0);
    return fmt::format("{}:{}", file.st_dev, file.st_ino);
}

}  // namespace log_lines

using namespace log_lines;

}  // namespace

TEST_CASE("a message is written in each of three formats", "[log]") {
    CHECK(render(joined(), {LogFormat::text, false, false}) ==
          "2026-11-22T16:58:44.123Z info  agents: agent a1 joined\n");
    CHECK(render(joined(), {LogFormat::logfmt, false, false}) ==
          "ts=2026-11-22T16:58:44.123Z level=info module=agents msg=\"agent a1 joined\" id=a1 "
          "reason=\"say \\\"no\\\"\" count=3 share=0.5 ok=true\n");
    CHECK(render(joined(), {LogFormat::json, false, false}) ==
          "{\"ts\":\"2026-11-22T16:58:44.123Z\",\"level\":\"info\",\"module\":\"agents\",\"msg\":\"agent a1 "
          "joined\",\"id\":\"a1\",\"reason\":\"say \\\"no\\\"\",\"count\":3,\"share\":0.5,\"ok\":true}\n");
}

TEST_CASE("a message that begins with its module's name has the name once", "[log]") {
    const LogLine paid{kTime, LogLevel::info, LogModule::settlement, "settlement: paid", {}};
    CHECK(render(paid, {LogFormat::text, true, false}) == "<6>info  settlement: paid\n");
    CHECK(nlohmann::json::parse(render(paid, {LogFormat::json, false, false}))["msg"] == "paid");
    const LogLine start{kTime, LogLevel::info, LogModule::main, "ready", {}};
    CHECK(render(start, {LogFormat::text, true, false}) == "<6>info  ready\n");
}

TEST_CASE("a line for the journal has a priority and no time", "[log]") {
    const std::array<std::pair<LogLevel, std::string>, 4> priorities{{{LogLevel::debug, "<7>debug "},
                                                                      {LogLevel::info, "<6>info  "},
                                                                      {LogLevel::warn, "<4>warn  "},
                                                                      {LogLevel::error, "<3>error "}}};
    for (const auto& [level, start] : priorities)
        CHECK(render({kTime, level, LogModule::main, "x", {}}, {LogFormat::text, true, false}) ==
              start + "x\n");
    CHECK(render({kTime, LogLevel::warn, LogModule::main, "x", {}}, {LogFormat::logfmt, true, false}) ==
          "<4>level=warn module=main msg=x\n");
    CHECK_THAT(render(joined(), {LogFormat::json, true, false}), StartsWith("<6>{\"ts\":"));
}

TEST_CASE("text from outside stays on one line of visible characters, in every format", "[log]") {
    // A line break, an escape sequence, a C1 control (CSI), a right-to-left override and a byte that is no
    // UTF-8.
    const std::string evil =
        "a\n<3>b\x1b[31m\xc2\x9b"
        "1m\xe2\x80\xae\xff";
    for (const LogFormat format : {LogFormat::text, LogFormat::logfmt, LogFormat::json}) {
        const std::string line =
            render({kTime, LogLevel::info, LogModule::agents, evil, {{"id", evil}}}, {format, false, false});
        CHECK(line.find('\n') == line.size() - 1);
        for (const char c : line.substr(0, line.size() - 1)) {
            CHECK(c >= ' ');
            CHECK(c < '\x7f');
        }
    }
}

TEST_CASE("the level is coloured only in text format", "[log]") {
    CHECK(render({kTime, LogLevel::warn, LogModule::main, "x", {}}, {LogFormat::text, false, true}) ==
          "2026-11-22T16:58:44.123Z \033[33mwarn \033[0m x\n");
    CHECK(render(joined(), {LogFormat::json, false, true}) ==
          render(joined(), {LogFormat::json, false, false}));
}

TEST_CASE("the journal is recognised by device and inode of the log's file", "[log]") {
    const ioswarm::test::TempDir dir;
    const OpenFile file(::open(dir.path("log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const OpenFile other(::open(dir.path("other").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string stream = journal_stream(file.fd);
    CHECK(is_journal(file.fd, stream.c_str()));
    // The variable is inherited by programs whose standard error goes elsewhere.
    CHECK_FALSE(is_journal(other.fd, stream.c_str()));
    CHECK_FALSE(is_journal(file.fd, nullptr));
    CHECK_FALSE(is_journal(file.fd, ""));
    CHECK_FALSE(is_journal(-1, stream.c_str()));
    const LogStyle style = log_style({"auto", "always", file.fd, stream.c_str(), nullptr, "xterm"});
    CHECK(style.journal);
    CHECK_FALSE(style.colour);
}

TEST_CASE("colour is used on terminals, and can be forced and forbidden", "[log]") {
    CHECK(wants_colour("auto", true, nullptr, "xterm"));
    CHECK(wants_colour("auto", true, "", "xterm"));
    CHECK_FALSE(wants_colour("auto", true, "1", "xterm"));
    CHECK_FALSE(wants_colour("auto", true, nullptr, "dumb"));
    CHECK_FALSE(wants_colour("auto", true, nullptr, nullptr));
    CHECK(wants_colour("always", true, "1", "dumb"));
    CHECK_FALSE(wants_colour("never", true, nullptr, "xterm"));
    CHECK_FALSE(wants_colour("auto", false, nullptr, "xterm"));
    CHECK(wants_colour("always", false, nullptr, nullptr));
}

TEST_CASE("serve's errors at the start are JSON when the log is JSON", "[cli][log]") {
    using ioswarm::test::run_cli;
    const auto code_of = [](const std::string& err) { return nlohmann::json::parse(err)["error"]["code"]; };
    for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
             {"serve", "--log-format", "json", "--no-such-option"},
             {"serve", "--no-such-option", "--log-format=json"},
             {"serve", "--log-format", "json", "--embedded", "--with-agents", "1001"}})
        CHECK(code_of(run_cli(wrong).err) == "usage");
    CHECK(code_of(run_cli({"serve", "--log-format", "json", "--grpc-port", "x"}).err) == "usage");
    // Without --log-format json, errors are text.
    CHECK_THAT(run_cli({"serve", "--no-such-option"}).err, StartsWith("ioswarm: "));
}
