// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <sys/types.h>

namespace ioswarm::bench {

/// This program, started again as a server, so that the server's memory and CPU time can be measured
/// separately. It receives commands on its standard input, one per line, and answers each with one line. It is
/// killed when this object or this process ends. Start it from the main thread, because the kernel ties it to
/// the thread that forks. If the child does not behave as expected, this aborts with a message, because the
/// benchmark cannot continue.
class ChildProcess {
  public:
    /// `arguments` become argv[1..]. Waits for the child's first line, "port N".
    explicit ChildProcess(const std::vector<std::string>& arguments);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    /// Sends a command and returns the answer without its line end.
    std::string ask(const std::string& command);

    [[nodiscard]] double resident_bytes() const;
    /// The same, once the value no longer changes: gRPC ends calls, and the allocator returns memory, a little
    /// late.
    [[nodiscard]] double settled_bytes() const;
    /// User and system time of all threads of the child, in µs.
    [[nodiscard]] double cpu_us();

  private:
    pid_t pid_ = -1;
    std::FILE* to_ = nullptr;
    std::FILE* from_ = nullptr;
    std::uint16_t port_ = 0;
};

/// Raises the soft limit of open files to the hard limit.
void allow_many_files();

}  // namespace ioswarm::bench
