// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace ioswarm::test {

/// A program that runs beside the test. If it still runs at the end, it is killed. Its environment contains
/// only PATH, a HOME that does not exist, and the variables that the test gives ("NAME=value").
class Program {
  public:
    explicit Program(std::vector<std::string> arguments, std::vector<std::string> environment = {});
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    /// Reads standard error until it contains `text`, for at most a minute. Returns false if standard error
    /// ended or the minute passed without it.
    [[nodiscard]] bool wait_for(std::string_view text);
    /// Reads standard output until it contains a complete line that begins with `start`, for at most a minute.
    /// Returns the rest of that line; empty if there was none.
    [[nodiscard]] std::optional<std::string> wait_for_line(std::string_view start);
    void send(int signal) const;
    /// Waits for the end of the program, for at most a minute. Returns its exit code, or 128 + the signal that
    /// killed it. After a minute the program is killed and the result is -1.
    [[nodiscard]] int wait();

    /// All output after wait(); before that, the output read so far.
    [[nodiscard]] const std::string& out() const { return out_; }
    [[nodiscard]] const std::string& err() const { return err_; }
    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    /// Returns false if both streams have ended or the time is over.
    bool read_some(long long deadline_ms);

    pid_t pid_ = -1;
    int out_fd_ = -1;
    int err_fd_ = -1;
    int pid_fd_ = -1;
    std::optional<int> code_;
    std::string out_;
    std::string err_;
};

struct ProgramRun {
    int code = -1;
    std::string out;
    std::string err;
};
/// Starts the program and waits for its end.
[[nodiscard]] ProgramRun run_program(std::vector<std::string> arguments,
                                     std::vector<std::string> environment = {});

}  // namespace ioswarm::test
