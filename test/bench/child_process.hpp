// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <sys/types.h>

namespace ioswarm::bench {

/// This program once more, as a server whose memory and CPU time are then its own. It gets one line a command
/// on its standard input and answers each with one line. It never outlives this object nor this process: it is
/// killed with either. To be started from the main thread (the kernel ties it to the thread that forks). Aborts
/// with a message when the child does not do as expected: a benchmark has nothing to go on with then.
class ChildProcess {
  public:
    /// `arguments` become argv[1..]. Waits for its first line, "port N".
    explicit ChildProcess(const std::vector<std::string>& arguments);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    /// The answer, without its line end.
    std::string ask(const std::string& command);

    [[nodiscard]] double resident_bytes() const;
    /// The same once it stands still: gRPC ends calls, and the allocator gives back, a little after the fact.
    [[nodiscard]] double settled_bytes() const;
    /// User and system time of all its threads, µs.
    [[nodiscard]] double cpu_us();

  private:
    pid_t pid_ = -1;
    std::FILE* to_ = nullptr;
    std::FILE* from_ = nullptr;
    std::uint16_t port_ = 0;
};

/// Raises the soft limit of open files to the hard one.
void allow_many_files();

}  // namespace ioswarm::bench
