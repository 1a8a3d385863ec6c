// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "core/base/log.hpp"

namespace ioswarm::cli {

/// Blocks SIGHUP alone: one that comes while the configuration is read waits for the SignalWatch, whereas
/// SIGINT and SIGTERM still end the process, also when it waits for a file.
void block_hangup();

/// Blocks SIGINT, SIGTERM and SIGHUP for this thread and all it starts, and ignores SIGPIPE. To be called
/// before any thread exists: then no signal handler ever runs, and one thread waits for all of them.
void block_signals();

/// The thread that waits for signals. SIGHUP calls `on_hangup` on it. The first SIGINT or SIGTERM ends wait();
/// a second one ends the process at once with 130 or 143.
class SignalWatch {
  public:
    SignalWatch(std::function<void()> on_hangup, Log log);
    ~SignalWatch();
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

    /// Until the first SIGINT or SIGTERM.
    void wait();

    /// From now on the process has so long to end by itself: then this thread ends it, with 0, since everything
    /// that was acknowledged is on disk by then.
    void limit_shutdown(std::chrono::milliseconds within);

  private:
    void run();

    const std::function<void()> on_hangup_;
    const Log log_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool asked_to_end_ = false;  // guarded by mutex_, as are the next two
    bool over_ = false;          // the destructor has begun
    std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
    std::thread thread_;
};

}  // namespace ioswarm::cli
