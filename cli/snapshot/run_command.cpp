// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot/run_command.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>

#include <fmt/format.h>

#include "core/base/try.hpp"

namespace ioswarm::cli {

Result<std::vector<std::string>> split_words(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
            if (in_word) words.push_back(std::move(word));
            word.clear();
            in_word = false;
            continue;
        }
        in_word = true;
        if (quote != 0 && c == quote) {
            quote = 0;
        } else if (quote == 0 && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
            word += text[++i];
        } else {
            word += c;
        }
    }
    if (quote != 0)
        return fail(ErrorCode::usage, "cannot read the command", std::string(text), "a quote is not closed");
    if (in_word) words.push_back(std::move(word));
    if (words.empty())
        return fail(ErrorCode::usage, "cannot read the command", std::string(text), "it is empty");
    return words;
}

namespace {

using SteadyClock = std::chrono::steady_clock;

/// Interval between two checks whether the program has ended. The kernel's wait has no time limit.
constexpr auto kBetweenLooks = std::chrono::milliseconds(20);
/// How long to wait after SIGKILL. A program that still has not ended hangs in the kernel, for example on a
/// dead file system.
constexpr auto kAfterKill = std::chrono::seconds(1);

class Child {
  public:
    Child(pid_t pid, bool leads_group) : pid_(pid), leads_group_(leads_group) {}

    /// Waits until the program has ended, until `until`, or until a stop is requested. Returns true if it has
    /// ended.
    bool wait(SteadyClock::time_point until, const std::stop_token& stop) {
        return look_until(until, stop, [this] { return has_ended(); });
    }

    /// Ends the program and all processes that it started in its process group.
    void end(std::chrono::milliseconds grace) {
        signal(SIGTERM);
        const auto gone = [this] { return has_ended() && (!leads_group_ || ::kill(-pid_, 0) != 0); };
        if (look_until(SteadyClock::now() + grace, {}, gone)) return;
        signal(SIGKILL);
        (void)look_until(SteadyClock::now() + kAfterKill, {}, gone);
    }

    [[nodiscard]] int status() const noexcept { return status_; }

  private:
    bool has_ended() {
        if (!ended_) {
            const pid_t pid = ::waitpid(pid_, &status_, WNOHANG);
            ended_ = pid == pid_ || (pid < 0 && errno != EINTR);
        }
        return ended_;
    }

    template <typename Condition>
    static bool look_until(SteadyClock::time_point until, const std::stop_token& stop, Condition condition) {
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock(mutex);
        while (!condition()) {
            const auto now = SteadyClock::now();
            if (now >= until || stop.stop_requested()) return false;
            (void)stopped.wait_until(lock, stop, std::min(until, now + kBetweenLooks), [] { return false; });
        }
        return true;
    }

    /// A process group keeps its leader's pid as long as it has members, even after the leader has ended.
    void signal(int number) const {
        if (leads_group_ || !ended_) ::kill(leads_group_ ? -pid_ : pid_, number);
    }

    const pid_t pid_;
    const bool leads_group_;
    bool ended_ = false;
    int status_ = 0;
};

Result<Child> start(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const std::string& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const bool own_group = ::isatty(STDIN_FILENO) == 0;
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    // The child must not inherit the signals that we blocked for ourselves.
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(
        &attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | (own_group ? POSIX_SPAWN_SETPGROUP : 0)));
    // Our standard output carries our own answer alone.
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    pid_t pid = 0;
    const int failed =
        ::posix_spawnp(&pid, words.front().c_str(), &files, &attributes, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
    if (failed != 0) return fail(errno_error(failed, "cannot run", words.front()));
    return Child(pid, own_group);
}

}  // namespace

Status run_program(const std::vector<std::string>& words, const ProgramLimits& limits) {
    IOSWARM_TRY(auto child, start(words));
    const auto until = limits.time ? SteadyClock::now() + *limits.time : SteadyClock::time_point::max();
    const bool ended = child.wait(until, limits.stop);
    if (!ended) child.end(limits.grace);
    const int status = child.status();
    if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    if (limits.stop.stop_requested())
        return fail(ErrorCode::cancelled, "the command was stopped", words.front(), "a signal came");
    if (!ended) return fail(ErrorCode::timed_out, "the command was stopped", words.front(), "it took too long");
    return fail(ErrorCode::failed_check, "the command failed", words.front(),
                WIFEXITED(status) ? fmt::format("it ended with {}", WEXITSTATUS(status))
                                  : fmt::format("signal {} ended it", WTERMSIG(status)));
}

}  // namespace ioswarm::cli
