// SPDX-License-Identifier: Apache-2.0
#include "cli/log_sink.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <regex>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/log_line.hpp"
#include "cli/serve/ready_watch.hpp"
#include "cli/serve/status_line.hpp"
#include "test/support/fake_monitor.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using ioswarm::test::TempDir;

namespace {

LogStyle style_of(LogFormat format) {
    return {format, false, false};
}

/// A log file of this format and with these levels.
struct LogFile {
    explicit LogFile(LogFormat format, const LogLevels& levels = LogLevels())
        : fd(::open(dir.path("log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)),
          writer(style_of(format), levels, fd),
          log(writer.log()) {}
    ~LogFile() { ::close(fd); }
    [[nodiscard]] std::string text() const {
        REQUIRE(writer.flush(60s));
        return dir.read("log");
    }

    TempDir dir;
    int fd;
    LogWriter writer;
    Log log;
};

/// The fields as logfmt writes them.
std::string figures_of(const LogFields& fields) {
    const std::string line =
        render({{}, LogLevel::info, LogModule::main, "m", fields}, {LogFormat::logfmt, true, false});
    const std::string start = "<6>level=info module=main msg=m ";
    return line.substr(start.size(), line.size() - start.size() - 1);
}

/// A log that writes to a pipe. The pipe is read only when the test says so.
struct LogPipe {
    explicit LogPipe(LogBounds bounds) {
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        writer = std::make_unique<LogWriter>(style_of(LogFormat::text), LogLevels(), ends[1], bounds);
    }
    ~LogPipe() {
        close_reader();
        writer.reset();
        if (ends[1] >= 0) ::close(ends[1]);
    }
    /// Destroys the writer while its thread is blocked in a write. That thread keeps using the pipe's writing
    /// end, so the end is not closed.
    void leave_writer_behind() {
        writer.reset();
        ends[1] = -1;
    }
    void close_reader() {
        if (ends[0] >= 0) ::close(std::exchange(ends[0], -1));
    }
    /// Reads until `text` arrives. Returns an empty string when the pipe ends first.
    std::string read_until(const std::string& text) {
        std::string out;
        std::array<char, 65536> buffer{};
        while (out.find(text) == std::string::npos) {
            const ssize_t got = ::read(ends[0], buffer.data(), buffer.size());
            if (got <= 0) return {};
            out.append(buffer.data(), static_cast<std::size_t>(got));
        }
        return out;
    }

    std::array<int, 2> ends{};
    std::unique_ptr<LogWriter> writer;
};

}  // namespace

TEST_CASE("a text line has time, level and message", "[log]") {
    const LogFile file(LogFormat::text);
    file.log.warn("agent {} left", "a1");
    CHECK(std::regex_match(file.text(),
                           std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warn  agent a1 left\n)")));
}

TEST_CASE("a JSON line is an object with ts, level, module, msg and the fields", "[log]") {
    const LogFile file(LogFormat::json);
    file.log.of(LogModule::api).error(LogFields{{"count", 7}}, "quote \" and \n line \x1b[2J and \xff byte");
    const std::string text = file.text();
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    const auto json = nlohmann::json::parse(text);
    CHECK(json["level"] == "error");
    CHECK(json["module"] == "api");
    CHECK(json["count"] == 7);
    CHECK(json["msg"] == "quote \" and \n line \x1b[2J and \xef\xbf\xbd byte");
    CHECK(std::regex_match(json["ts"].get<std::string>(),
                           std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")));
}

TEST_CASE("text from outside cannot forge a log line", "[log]") {
    const LogFile file(LogFormat::text);
    file.log.info("region {}", "x\n2026-01-01T00:00:00.000Z error forged\x1b[31m");
    const std::string text = file.text();
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK_THAT(text, Contains("region x\\x0a2026") && Contains("\\x1b[31m"));
    // A percent sign or a brace in a message is not a format pattern.
    file.log.info("{}", "100%v {} %l");
    CHECK_THAT(file.text(), Catch::Matchers::EndsWith("100%v {} %l\n"));
}

TEST_CASE("a message below the level is not written", "[log]") {
    const LogFile file(LogFormat::text, LogLevels(LogLevel::warn));
    file.log.debug("no");
    file.log.info("no");
    file.log.warn("yes");
    CHECK_THAT(file.text(), Catch::Matchers::EndsWith(" yes\n") && !Contains("no"));
}

TEST_CASE("modules have their own levels, which can change while the log is used", "[log]") {
    LogFile file(LogFormat::text, log_levels_from("warn,node=debug"));
    const Log node = file.log.of(LogModule::node);
    file.log.info("first");
    node.debug("second");
    file.writer.set_levels(log_levels_from("info,node=error"));
    file.log.info("third");
    node.warn("fourth");
    CHECK_THAT(file.text(),
               !Contains("first") && Contains("node: second") && Contains("third") && !Contains("fourth"));
}

TEST_CASE("the format can change while the log is used, for the lines that come after", "[log]") {
    LogFile file(LogFormat::text);
    file.log.info("first");
    file.writer.set_style(style_of(LogFormat::json));
    file.log.info("second");
    const std::string text = file.text();
    const std::size_t line_break = text.find('\n');
    REQUIRE(line_break != std::string::npos);
    CHECK_THAT(text.substr(0, line_break), EndsWith("info  first"));
    CHECK(nlohmann::json::parse(text.substr(line_break + 1))["msg"] == "second");
}

TEST_CASE("lines of several threads do not mix", "[log]") {
    const LogFile file(LogFormat::text);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            for (int j = 0; j < 200; ++j)
                file.log.info("{}", std::string(100, static_cast<char>('a' + i)));
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    std::istringstream lines(file.text());
    std::string line;
    int count = 0;
    while (std::getline(lines, line)) {
        ++count;
        CHECK(line.ends_with(std::string(100, line.back())));
    }
    CHECK(count == 800);
}

TEST_CASE("a log that nobody reads blocks nobody, and later reports how much it lost", "[log]") {
    LogPipe pipe({.lines = 100, .bytes = 1 << 20});
    const Log log = pipe.writer->log();
    // Given a full pipe: the lines are far more than it holds.
    const std::string line(1'000, 'x');
    for (int i = 0; i < 2'000; ++i)
        log.info("{}", line);
    // Then every call returned, and the lines that did not fit are counted.
    const std::uint64_t dropped = pipe.writer->dropped();
    CHECK(dropped > 1'000);
    // When the pipe is read again, then all dropped lines are reported, in one line or in several.
    const std::regex told(R"((\d+) lines of this log were dropped)");
    std::uint64_t sum = 0;
    std::string text;
    while (sum < dropped) {
        const std::string more = pipe.read_until("\n");
        REQUIRE_FALSE(more.empty());
        text += more;
        sum = 0;
        for (std::sregex_iterator it(text.begin(), text.end(), told), end; it != end; ++it)
            sum += std::stoull((*it)[1].str());
    }
    CHECK(sum == dropped);
    CHECK(pipe.writer->dropped() == dropped);
}

TEST_CASE("the waiting text is limited in bytes too", "[log]") {
    LogPipe pipe({.lines = 1'000'000, .bytes = 100'000});
    const Log log = pipe.writer->log();
    for (int i = 0; i < 100; ++i)
        log.info("{}", std::string(10'000, 'x'));
    CHECK(pipe.writer->dropped() >= 70);  // a pipe holds 64 KiB, the writer holds one line, and 10 may wait
}

TEST_CASE("the end of the program waits for waiting lines up to a time limit", "[log]") {
    SECTION("a reader that reads gets all lines") {
        LogPipe pipe({});
        for (int i = 0; i < 100; ++i)
            pipe.writer->log().info("line {}", i);
        pipe.writer.reset();
        CHECK_THAT(pipe.read_until("line 99"), Contains("line 0\n") && Contains("line 99\n"));
    }
    SECTION("a reader that does not read is not waited for") {
        LogPipe pipe({});
        const Log log = pipe.writer->log();
        for (int i = 0; i < 1'000; ++i)
            log.info("{}", std::string(1'000, 'x'));
        CHECK_FALSE(pipe.writer->flush(1ms));
        pipe.leave_writer_behind();
        log.info("said to nobody");  // logging after the end does no harm
    }
}

TEST_CASE("lines that cannot be written are lost and counted", "[log]") {
    std::signal(SIGPIPE, SIG_IGN);
    LogPipe pipe({});
    pipe.close_reader();
    pipe.writer->log().info("nobody is there");
    CHECK(pipe.writer->flush(60s));
    CHECK(pipe.writer->dropped() == 1);
}

TEST_CASE("the status line has block, age, agents, tasks, coverage, accuracy and the epoch's progress",
          "[log]") {
    ioswarm::test::FakeMonitor monitor;
    CHECK(status_line(monitor, 360) ==
          "status: block 0 (age unknown), agents 0/0, tasks 0/0, coverage unknown, accuracy unknown, epoch 0 "
          "(0/360 "
          "blocks)");
    monitor.status_view.height = 1234;
    monitor.status_view.source_age = 3s;
    monitor.status_view.agents_live = 5;
    monitor.status_view.agents_total = 6;
    monitor.status_view.tasks_dispatched = 100;
    monitor.status_view.tasks_received = 98;
    monitor.status_view.coverage = {500, 491};
    monitor.shadow_totals.compared = 200;
    monitor.shadow_totals.matched = 199;
    monitor.epoch_view.epoch = 3;
    monitor.epoch_view.start_height = 1224;
    CHECK(figures_of(status_fields(monitor, 360)) ==
          "event=status height=1234 source_age_s=3 agents_live=5 agents_total=6 tasks_received=98 "
          "tasks_dispatched=100 mined=500 coverage=0.982 compared=200 accuracy=0.995 epoch=3 "
          "epoch_done_blocks=11 epoch_blocks=360");
    CHECK(status_line(monitor, 360) ==
          "status: block 1234 (3s old), agents 5/6, tasks 98/100, coverage 98.20% (500 mined), accuracy 99.50% "
          "(200 "
          "compared), epoch 3 (11/360 blocks)");
}

TEST_CASE("the line about state diffs has the tip and the subscribers, and warns when no diffs arrive",
          "[log]") {
    DiffsView diffs;
    diffs.tip = 1234;
    diffs.subscribers = {{"a", 1200, 35}, {"b", 1235, 0}};
    CHECK(diffs_line(diffs) == "diffs to 1234, subscribers 2");
    diffs.alarm = "a state diff is missing: height 1235";
    CHECK(diffs_line(diffs) ==
          "diffs to 1234, subscribers 2, NO DIFFS COME IN: a state diff is missing: height 1235");
}

TEST_CASE("the status line is repeated, and stopping does not wait for the next one", "[log]") {
    std::mutex mutex;
    std::condition_variable_any changed;
    int lines = 0;
    const auto line = [] { return StatusText{"all is well", {}}; };
    const Log log(LogLevel::info, [&](LogLevel, std::string_view text) {
        if (text != "all is well") return;
        const std::lock_guard lock(mutex);
        ++lines;
        changed.notify_all();
    });
    {
        const StatusReporter reporter(line, 1ms, log);
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return lines >= 3; });
    }
    const StatusReporter never(line, 24h, log);
}

TEST_CASE("ready is logged once, when there is no reason left against it", "[log]") {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> lines;
    int looks = 0;  // all guarded by mutex
    const Log log(LogLevel::info, [&](LogLevel, std::string_view text) {
        const std::lock_guard lock(mutex);
        lines.push_back(fmt::format("{} after {} looks", text, looks));
        changed.notify_all();
    });
    // Given a source that has not been read yet at the first three checks
    const auto not_ready = [&] {
        const std::lock_guard lock(mutex);
        return ++looks <= 3 ? Reasons{{"source", "not read yet"}} : Reasons{};
    };
    {
        const ReadyWatch watch(not_ready, 1ms, log);
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return !lines.empty(); });
    }
    CHECK(lines == std::vector<std::string>{"ready after 4 looks"});
    // A daemon that never becomes ready can be stopped.
    {
        const ReadyWatch never([] { return Reasons{{"source", "not read yet"}}; }, 24h, log);
    }
    CHECK(lines.size() == 1);
}
