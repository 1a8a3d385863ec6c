// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace ioswarm::test {

/// Runs test/support/agent_server_main.cpp as a separate process, so that its memory can be measured and a
/// crash does not end the test.
class ServerProcess {
  public:
    /// `arguments` are those of that program. The secret is kServerSecret. Throws std::system_error if the
    /// process cannot be started.
    explicit ServerProcess(const std::vector<std::string>& arguments = {});
    /// Kills the process (SIGKILL). Call stop() to end it normally and to check how it ended.
    ~ServerProcess();
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Once this has returned false, stop() returns -1: the exit status is lost.
    [[nodiscard]] bool is_alive();
    [[nodiscard]] std::uint64_t resident_bytes() const;
    [[nodiscard]] std::uint64_t peak_resident_bytes() const;
    [[nodiscard]] std::uint64_t open_files() const;
    /// The metrics of the child's agent port, by key, and "link_streams", the number of streams that the
    /// coordinator knows.
    [[nodiscard]] std::map<std::string, std::uint64_t> counters();
    /// The counters that are not zero, one per line.
    [[nodiscard]] std::string counters_text();
    void send_batch_to_all_streams();
    /// Waits until resident_bytes() is at most `bytes`. No event reports this, so it checks ten times per
    /// second.
    bool wait_for_memory(std::uint64_t bytes, std::chrono::seconds within);
    /// Shuts the process down normally. Returns its exit status, or 128 + signal (SIGKILL if it did not end
    /// within a minute), or -1 if it was already over.
    int stop();

  private:
    [[nodiscard]] std::uint64_t proc_kib(const char* name) const;

    pid_t pid_ = -1;
    std::FILE* to_ = nullptr;
    std::FILE* from_ = nullptr;
    std::uint16_t port_ = 0;
};

inline const std::string kServerSecret = "test-secret";

}  // namespace ioswarm::test
