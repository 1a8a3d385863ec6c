// SPDX-License-Identifier: Apache-2.0
#include "cli/log_sink.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <regex>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/status_line.hpp"
#include "test/support/fake_monitor.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using namespace std::chrono_literals;
using ioswarm::test::TempDir;

namespace {

/// What a log of this format and level writes.
struct LogFile {
    explicit LogFile(LogFormat format, LogLevel level = LogLevel::info)
        : file(std::fopen(dir.path("log").c_str(), "w")), log(make_log(format, level, file)) {}
    ~LogFile() { std::fclose(file); }
    [[nodiscard]] std::string text() const { return dir.read("log"); }

    TempDir dir;
    std::FILE* file;
    Log log;
};

}  // namespace

TEST_CASE("a text line has time, level and message", "[log]") {
    const LogFile file(LogFormat::text);
    file.log.warn("agent {} left", "a1");
    CHECK(std::regex_match(file.text(),
                           std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning agent a1 left\n)")));
}

TEST_CASE("a JSON line is an object with time, level and message", "[log]") {
    const LogFile file(LogFormat::json);
    file.log.error("quote \" and \n line \x1b[2J and \xff byte");
    const std::string text = file.text();
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    const auto json = nlohmann::json::parse(text);
    CHECK(json["level"] == "error");
    CHECK(json["message"] == "quote \" and \n line \x1b[2J and \xef\xbf\xbd byte");
    CHECK(std::regex_match(json["time"].get<std::string>(),
                           std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")));
}

TEST_CASE("what came from outside cannot forge a line", "[log]") {
    const LogFile file(LogFormat::text);
    file.log.info("region {}", "x\n2026-01-01T00:00:00.000Z error forged\x1b[31m");
    const std::string text = file.text();
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK_THAT(text, Catch::Matchers::Contains("region x\\x0a2026") && Catch::Matchers::Contains("\\x1b[31m"));
    // A percent sign or a brace in a message is no pattern.
    file.log.info("{}", "100%v {} %l");
    CHECK_THAT(file.text(), Catch::Matchers::EndsWith("100%v {} %l\n"));
}

TEST_CASE("what is below the level is not written", "[log]") {
    const LogFile file(LogFormat::text, LogLevel::warn);
    file.log.debug("no");
    file.log.info("no");
    file.log.warn("yes");
    CHECK_THAT(file.text(), Catch::Matchers::EndsWith(" yes\n") && !Catch::Matchers::Contains("no"));
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

TEST_CASE("the words of the configuration are the levels", "[log]") {
    CHECK(log_level_from("debug") == LogLevel::debug);
    CHECK(log_level_from("info") == LogLevel::info);
    CHECK(log_level_from("warn") == LogLevel::warn);
    CHECK(log_level_from("error") == LogLevel::error);
    CHECK(log_format_from("text") == LogFormat::text);
    CHECK(log_format_from("json") == LogFormat::json);
}

TEST_CASE("the status line has height, lag, agents, tasks, accuracy and epoch", "[log]") {
    ioswarm::test::FakeMonitor monitor;
    CHECK(status_line(monitor) ==
          "height 0, lag unknown, agents 0 of 0 live, tasks 0 sent 0 answered, accuracy unknown, epoch 0");
    monitor.status_view.height = 1234;
    monitor.status_view.source_age = 3s;
    monitor.status_view.agents_live = 5;
    monitor.status_view.agents_total = 6;
    monitor.status_view.tasks_dispatched = 100;
    monitor.status_view.tasks_received = 98;
    monitor.shadow_totals.compared = 200;
    monitor.shadow_totals.matched = 199;
    monitor.epoch_view.epoch = 3;
    CHECK(
        status_line(monitor) ==
        "height 1234, lag 3s, agents 5 of 6 live, tasks 100 sent 98 answered, accuracy 99.50% of 200, epoch 3");
}

TEST_CASE("the line about state diffs tells how far they are, and loudly when none come in", "[log]") {
    DiffsView diffs;
    diffs.tip = 1234;
    diffs.subscribers = {{"a", 1200, 35}, {"b", 1235, 0}};
    CHECK(diffs_line(diffs) == "diffs to 1234, 2 readers");
    diffs.alarm = "the state diffs have a hole: height 1235";
    CHECK(diffs_line(diffs) ==
          "diffs to 1234, 2 readers, NO DIFFS COME IN: the state diffs have a hole: height 1235");
}

TEST_CASE("the status line comes again and again, and its end is not waited for", "[log]") {
    std::mutex mutex;
    std::condition_variable_any changed;
    int lines = 0;
    const auto line = [] { return std::string("all is well"); };
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
