// SPDX-License-Identifier: Apache-2.0
#include "cli/log_sink.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <spdlog/pattern_formatter.h>
#include <nlohmann/json.hpp>

#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %-5l %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%v})";

struct LogLine {
    std::chrono::system_clock::time_point time;
    LogLevel level;
    std::string message;
};

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warn:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

/// Returns false when the file accepts no more, either for now or for good.
bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put >= 0) {
            text.remove_prefix(static_cast<std::size_t>(put));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            // Another process has made the stream non-blocking, as shells do with a terminal.
            pollfd ready{fd, POLLOUT, 0};
            (void)::poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

void block_all_signals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

/// Shared by the LogWriter, its thread and every Log. The last owner destroys it.
struct LogWriter::State {
    State(LogFormat with, int to, LogBounds most)
        : format(with),
          fd(to),
          bounds(most),
          formatter(with == LogFormat::json ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc) {}

    void add(LogLevel level, std::string_view message);
    void run();
    [[nodiscard]] bool write(const LogLine& line);
    void tell_dropped(std::uint64_t count);

    const LogFormat format;
    const int fd;
    const LogBounds bounds;
    spdlog::pattern_formatter formatter;  // used by the writing thread only

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<LogLine> waiting;  // this and the fields below are guarded by `mutex`
    std::size_t waiting_bytes = 0;
    bool is_writing = false;
    bool over = false;
    std::uint64_t dropped = 0;
    std::uint64_t dropped_and_told = 0;
};

void LogWriter::State::add(LogLevel level, std::string_view message) {
    LogLine line{std::chrono::system_clock::now(), level, std::string(message)};
    const std::lock_guard lock(mutex);
    if (over || waiting.size() >= bounds.lines || waiting_bytes + line.message.size() > bounds.bytes) {
        ++dropped;
        return;
    }
    waiting_bytes += line.message.size();
    waiting.push_back(std::move(line));
    changed.notify_all();
}

void LogWriter::State::run() {
    block_all_signals();
    std::unique_lock lock(mutex);
    for (;;) {
        changed.wait(lock, [this] { return !waiting.empty() || over; });
        if (waiting.empty()) return;
        const LogLine line = std::move(waiting.front());
        waiting.pop_front();
        waiting_bytes -= line.message.size();
        is_writing = true;
        const std::uint64_t untold = dropped - dropped_and_told;
        lock.unlock();
        const bool written = write(line);
        if (written && untold > 0) tell_dropped(untold);
        lock.lock();
        if (written) dropped_and_told += untold;
        if (!written) ++dropped;
        is_writing = false;
        changed.notify_all();
    }
}

bool LogWriter::State::write(const LogLine& line) {
    using Json = nlohmann::json;
    const std::string safe = format == LogFormat::json
                                 ? Json(line.message).dump(-1, ' ', false, Json::error_handler_t::replace)
                                 : escape_for_display(line.message);
    spdlog::memory_buf_t text;
    formatter.format(spdlog::details::log_msg(line.time, spdlog::source_loc{}, "ioswarm", to_spdlog(line.level),
                                              spdlog::string_view_t(safe.data(), safe.size())),
                     text);
    return write_all(fd, std::string_view(text.data(), text.size()));
}

void LogWriter::State::tell_dropped(std::uint64_t count) {
    // The result is ignored: if this line cannot be written, dropped() still has the count.
    (void)write(
        {std::chrono::system_clock::now(), LogLevel::warn,
         fmt::format("{} lines of this log were dropped: it could not be written fast enough, or not at all",
                     count)});
}

LogWriter::LogWriter(LogFormat format, LogLevel level, int fd, LogBounds bounds)
    : level_(level),
      state_(std::make_shared<State>(format, fd, bounds)),
      thread_([state = state_] { state->run(); }) {}

LogWriter::~LogWriter() {
    (void)flush(kLastWords);
    bool can_end = false;
    {
        const std::lock_guard lock(state_->mutex);
        state_->over = true;
        can_end = state_->waiting.empty() && !state_->is_writing;
        if (!can_end) state_->waiting.clear();
        state_->changed.notify_all();
    }
    can_end ? thread_.join() : thread_.detach();
}

Log LogWriter::log() const {
    return Log(level_,
               [state = state_](LogLevel level, std::string_view message) { state->add(level, message); });
}

bool LogWriter::flush(std::chrono::milliseconds within) const {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, within,
                                    [this] { return state_->waiting.empty() && !state_->is_writing; });
}

std::uint64_t LogWriter::dropped() const {
    const std::lock_guard lock(state_->mutex);
    return state_->dropped;
}

LogFormat log_format_from(std::string_view word) {
    return word == "json" ? LogFormat::json : LogFormat::text;
}

LogLevel log_level_from(std::string_view word) {
    if (word == "debug") return LogLevel::debug;
    if (word == "warn") return LogLevel::warn;
    return word == "error" ? LogLevel::error : LogLevel::info;
}

}  // namespace ioswarm::cli
