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

#include "cli/log_line.hpp"
#include "core/base/log_levels.hpp"

namespace ioswarm::cli {
namespace {

/// Unlike write_all(), it waits when the stream is full. Returns false when the stream accepts no more.
bool write_waiting(int fd, std::string_view text) {
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

/// The number of bytes that a waiting line counts towards LogBounds.
std::size_t bytes_of(const LogLine& line) {
    std::size_t bytes = line.message.size();
    for (const LogField& field : line.fields) {
        const auto* text = std::get_if<std::string>(&field.value);
        bytes += sizeof field + field.name.size() + (text != nullptr ? text->size() : 0);
    }
    return bytes;
}

void block_all_signals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

/// Shared by the LogWriter, its thread and every Log. The last owner destroys it.
struct LogWriter::State {
    State(LogStyle with, int to, LogBounds most) : fd(to), bounds(most), style(with) {}

    struct Waiting {
        LogLine line;
        LogStyle style;
    };

    void add(const LogEvent& event);
    void run();
    [[nodiscard]] bool write(const Waiting& one) const;
    void tell_dropped(std::uint64_t count, LogStyle with) const;

    const int fd;
    const LogBounds bounds;

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Waiting> waiting;  // this and the fields below are guarded by `mutex`
    LogStyle style;               // of new lines
    std::size_t waiting_bytes = 0;
    bool is_writing = false;
    bool over = false;
    std::uint64_t dropped = 0;
    std::uint64_t dropped_and_told = 0;
};

void LogWriter::State::add(const LogEvent& event) {
    LogLine line{std::chrono::system_clock::now(), event.level, event.module, std::string(event.message),
                 event.fields};
    const std::size_t bytes = bytes_of(line);
    const std::lock_guard lock(mutex);
    if (over || waiting.size() >= bounds.lines || waiting_bytes + bytes > bounds.bytes) {
        ++dropped;
        return;
    }
    waiting_bytes += bytes;
    waiting.push_back({std::move(line), style});
    changed.notify_all();
}

void LogWriter::State::run() {
    block_all_signals();
    std::unique_lock lock(mutex);
    for (;;) {
        changed.wait(lock, [this] { return !waiting.empty() || over; });
        if (waiting.empty()) return;
        const Waiting next = std::move(waiting.front());
        waiting.pop_front();
        waiting_bytes -= bytes_of(next.line);
        is_writing = true;
        const std::uint64_t untold = dropped - dropped_and_told;
        lock.unlock();
        const bool written = write(next);
        if (written && untold > 0) tell_dropped(untold, next.style);
        lock.lock();
        if (written) dropped_and_told += untold;
        if (!written) ++dropped;
        is_writing = false;
        changed.notify_all();
    }
}

bool LogWriter::State::write(const Waiting& one) const {
    return write_waiting(fd, render(one.line, one.style));
}

void LogWriter::State::tell_dropped(std::uint64_t count, LogStyle with) const {
    // The result is ignored: if this line cannot be written, dropped() still has the count.
    LogLine line{
        std::chrono::system_clock::now(), LogLevel::warn, LogModule::main,
        fmt::format("{} lines of this log were dropped: it could not be written fast enough, or not at all",
                    count),
        LogFields{{"dropped", count}}};
    (void)write({std::move(line), with});
}

LogWriter::LogWriter(LogStyle style, const LogLevels& levels, int fd, LogBounds bounds)
    : state_(std::make_shared<State>(style, fd, bounds)),
      target_(
          std::make_shared<LogTarget>(levels, [state = state_](const LogEvent& event) { state->add(event); })),
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

void LogWriter::set_style(LogStyle style) {
    const std::lock_guard lock(state_->mutex);
    state_->style = style;
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

LogLevels log_levels_from(std::string_view text) {
    const auto levels = parse_log_levels(text);
    return levels ? *levels : LogLevels();
}

}  // namespace ioswarm::cli
