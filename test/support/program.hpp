// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace ioswarm::test {

/// A program that was started and runs beside the test; killed at the end if it still does. It begins with an
/// environment of its own: PATH, HOME in a directory that does not exist, and what the test gives
/// ("NAME=value").
class Program {
  public:
    explicit Program(std::vector<std::string> arguments, std::vector<std::string> environment = {});
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    /// Reads standard error until it holds `text`, at most a minute long. False when the program's standard
    /// error ended, or the minute passed, without it.
    [[nodiscard]] bool wait_for(std::string_view text);
    /// Reads standard output until it holds a complete line that begins with `start`, at most a minute long.
    /// Returns what follows `start` in that line; nothing when there was no such line.
    [[nodiscard]] std::optional<std::string> wait_for_line(std::string_view start);
    void send(int signal) const;
    /// Its exit code, or 128 + the signal that killed it; at most a minute, then it is killed and the answer is
    /// -1.
    [[nodiscard]] int wait();

    /// After wait() everything it wrote; before, what has been read of it so far.
    [[nodiscard]] const std::string& out() const { return out_; }
    [[nodiscard]] const std::string& err() const { return err_; }
    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    /// False when both streams ended or the time is over.
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
/// Starts it and waits for its end.
[[nodiscard]] ProgramRun run_program(std::vector<std::string> arguments,
                                     std::vector<std::string> environment = {});

}  // namespace ioswarm::test
