// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <utility>

#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// Tries for a lock that the kernel has no bounded wait for (flock, fcntl), until it was waited for long enough
/// or a stop was asked for. One object a lock; the time begins with it.
class LockWait {
  public:
    // Not explicit: a time alone is the common case.
    LockWait(std::chrono::milliseconds timeout, std::stop_token stop = {})
        : deadline_(std::chrono::steady_clock::now() + timeout), stop_(std::move(stop)) {}

    [[nodiscard]] bool is_over() const { return std::chrono::steady_clock::now() >= deadline_; }
    /// A moment, then it is time for another try. Error cancelled, naming `path`.
    [[nodiscard]] Status pause(const std::string& path) const;

  private:
    std::chrono::steady_clock::time_point deadline_;
    std::stop_token stop_;
};

}  // namespace ioswarm::snapshot
