// SPDX-License-Identifier: Apache-2.0
#include "cli/stop_on_signal.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stop_token>

#include <catch2/catch.hpp>

using namespace ioswarm;
using ioswarm::cli::ExitCode;
using ioswarm::cli::StopOnSignal;

namespace {

/// A program that hears what it is asked and goes on all the same, until `ends_by_itself`. Its ends of two
/// pipes tell that it listens, and that a stop was asked for.
class Stubborn {
  public:
    explicit Stubborn(bool ends_by_itself) {
        REQUIRE(::pipe(listens_) == 0);
        REQUIRE(::pipe(asked_) == 0);
        child_ = ::fork();
        if (child_ == 0) {
            ExitCode code = ExitCode::ok;
            {
                const StopOnSignal stop;
                const std::stop_callback asked(stop.token(), [this] { tell(asked_); });
                tell(listens_);
                while (!ends_by_itself || !stop.token().stop_requested())
                    ::usleep(1000);
                code = stop.exit_code(ExitCode::ok);
            }
            ::_exit(static_cast<int>(code));
        }
        hear(listens_);
    }
    ~Stubborn() {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
        for (const int fd : {listens_[0], listens_[1], asked_[0], asked_[1]})
            ::close(fd);
    }

    void send(int signal) const { ::kill(child_, signal); }
    void wait_until_asked() { hear(asked_); }
    [[nodiscard]] int exit_code() const {
        siginfo_t info{};
        REQUIRE(::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOWAIT) == 0);
        return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    }

  private:
    static void tell(const int (&pipe)[2]) { [[maybe_unused]] const ssize_t told = ::write(pipe[1], "x", 1); }
    static void hear(const int (&pipe)[2]) {
        char byte = 0;
        REQUIRE(::read(pipe[0], &byte, 1) == 1);
    }

    int listens_[2];
    int asked_[2];
    pid_t child_ = -1;
};

}  // namespace

TEST_CASE("a first signal asks for a stop, and the exit code tells which signal it was", "[cli]") {
    for (const auto& [signal, code] : {std::pair{SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 143}}) {
        INFO(signal);
        Stubborn program(true);
        program.send(signal);
        CHECK(program.exit_code() == code);
    }
}

TEST_CASE("a second signal ends a program that does not stop", "[cli]") {
    for (const auto& [first, second, code] :
         {std::tuple{SIGTERM, SIGINT, 130}, {SIGINT, SIGTERM, 143}, {SIGINT, SIGINT, 130}}) {
        INFO(first << " " << second);
        Stubborn program(false);
        program.send(first);
        program.wait_until_asked();
        program.send(second);
        CHECK(program.exit_code() == code);
    }
}
