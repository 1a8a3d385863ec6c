// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

namespace ioswarm::cli {

/// Runs one job on its own thread each time it is asked to. The job reads files, which may block for ever on a
/// hanging file system. Neither the caller nor the destructor waits for that.
class ReloadWorker {
  public:
    /// The remaining work once the files are read.
    using Apply = std::function<void()>;
    /// Reads the files. It may hang and outlive the ReloadWorker, so it must own everything that it uses.
    using Read = std::function<Apply()>;

    explicit ReloadWorker(Read read);
    /// Calls stop(). Abandons a Read that does not end.
    ~ReloadWorker();
    ReloadWorker(const ReloadWorker&) = delete;
    ReloadWorker& operator=(const ReloadWorker&) = delete;

    /// Runs the job again, either now or after the current run. Several requests may be served by one run.
    /// Returns the number of the run that serves this one. Thread-safe. Never blocks.
    std::uint64_t request();
    /// Waits until the run of this number, or a later one, has been applied. False: it was not within `within`,
    /// or stop() was called. Thread-safe.
    [[nodiscard]] bool wait(std::uint64_t run, std::chrono::milliseconds within);
    /// Waits for a running Apply, starts none afterwards, and ends all waits. Thread-safe.
    void stop();

  private:
    struct State;
    std::shared_ptr<State> state_;
    std::thread thread_;
};

}  // namespace ioswarm::cli
