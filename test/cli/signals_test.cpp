// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <stop_token>

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace std::chrono_literals;
using ioswarm::cli::ExitCode;
using ioswarm::cli::SignalPlan;
using ioswarm::cli::SignalReader;

namespace {

using Body = std::function<ExitCode(const SignalReader&)>;

/// A child process with a SignalReader. It runs `body` and exits with its result. It reports through a pipe
/// when it is ready for signals.
class Process {
  public:
    explicit Process(const Body& body, SignalPlan plan = {}) {
        REQUIRE(::pipe(listens_) == 0);
        child_ = ::fork();
        if (child_ == 0) {
            ExitCode code = ExitCode::ok;
            {
                const SignalReader signals(std::move(plan));
                [[maybe_unused]] const ssize_t told = ::write(listens_[1], "x", 1);
                code = body(signals);
            }
            ::_exit(static_cast<int>(code));
        }
        char byte = 0;
        REQUIRE(::read(listens_[0], &byte, 1) == 1);
    }
    ~Process() {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
        ::close(listens_[0]);
        ::close(listens_[1]);
    }

    void send(int signal) const { ::kill(child_, signal); }
    [[nodiscard]] bool is_over() const {
        siginfo_t info{};
        REQUIRE(::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOWAIT | WNOHANG) == 0);
        return info.si_pid == child_;
    }
    [[nodiscard]] int exit_code() const {
        siginfo_t info{};
        REQUIRE(::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOWAIT) == 0);
        return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    }

  private:
    int listens_[2];
    pid_t child_ = -1;
};

bool is_pending(std::initializer_list<int> signals) {
    sigset_t pending;
    ::sigpending(&pending);
    for (const int signal : signals) {
        if (::sigismember(&pending, signal) == 1) return true;
    }
    return false;
}

[[noreturn]] ExitCode never_ends(const SignalReader&) {
    for (;;)
        ::pause();
}

}  // namespace

TEST_CASE("the first signal asks for a stop, and the exit code shows which signal it was", "[cli]") {
    for (const auto& [signal, code] : {std::pair{SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 143}}) {
        INFO(signal);
        const Process process([](const SignalReader& signals) {
            signals.wait();
            while (!signals.token().stop_requested())
                ::usleep(1000);
            return signals.exit_code(ExitCode::ok);
        });
        process.send(signal);
        CHECK(process.exit_code() == code);
    }
}

TEST_CASE("without a signal the exit code is the command's own", "[cli]") {
    const Process process([](const SignalReader& signals) { return signals.exit_code(ExitCode::bad_data); });
    CHECK(process.exit_code() == 65);
}

TEST_CASE("signals that arrive together ask for one stop", "[cli]") {
    // `timeout` and service managers signal a process and then its group.
    const Process process([](const SignalReader& signals) {
        ::kill(::getpid(), SIGTERM);
        signals.wait();
        ::kill(::getpid(), SIGTERM);
        ::kill(::getpid(), SIGINT);
        while (is_pending({SIGTERM, SIGINT}))
            ::usleep(1000);
        return signals.exit_code(ExitCode::ok);
    });
    CHECK(process.exit_code() == 143);
}

TEST_CASE("a second signal forces exit code 1, but only after a second", "[cli]") {
    for (const auto& [first, second] : {std::pair{SIGTERM, SIGINT}, {SIGINT, SIGTERM}, {SIGINT, SIGINT}}) {
        INFO(first << " " << second);
        const Process process(never_ends);
        const auto begin = std::chrono::steady_clock::now();
        process.send(first);
        while (!process.is_over()) {
            process.send(second);
            ::usleep(10'000);
        }
        CHECK(process.exit_code() == 1);
        CHECK(std::chrono::steady_clock::now() - begin >= SignalReader::kSecondSignalAfter);
    }
}

TEST_CASE("a process that does not end in time after a signal is ended with exit code 1", "[cli]") {
    SignalPlan plan;
    plan.end_within = 1ms;
    const Process process(never_ends, std::move(plan));
    process.send(SIGTERM);
    CHECK(process.exit_code() == 1);
}

TEST_CASE("a process that may leave out the rest ends with exit code 0 when its time is over", "[cli]") {
    SignalPlan plan;
    plan.end_within = 1ms;
    bool may_end = false;
    SECTION("nothing is left to do for others") {
        may_end = true;
    }
    SECTION("something else did not end") {}
    plan.may_end_early = [may_end] { return may_end; };
    const Process process(never_ends, std::move(plan));
    process.send(SIGTERM);
    CHECK(process.exit_code() == (may_end ? 0 : 1));
}

TEST_CASE("waiting output is written before a forced end", "[cli]") {
    SignalPlan plan;
    plan.end_within = 1ms;
    plan.before_forced_end = [] { ::_exit(7); };
    const Process process(never_ends, std::move(plan));
    process.send(SIGTERM);
    CHECK(process.exit_code() == 7);
}

TEST_CASE("SIGHUP runs its action each time, and asks for no stop", "[cli]") {
    static std::atomic<int> hangups = 0;
    SignalPlan plan;
    plan.on_hangup = [] {
        ++hangups;
        hangups.notify_all();
    };
    const Process process(
        [](const SignalReader& signals) {
            for (int i = 0; i < 3; ++i) {
                ::kill(::getpid(), SIGHUP);
                hangups.wait(i);
            }
            return signals.token().stop_requested() ? ExitCode::internal : signals.exit_code(ExitCode::ok);
        },
        std::move(plan));
    CHECK(process.exit_code() == 0);
}
