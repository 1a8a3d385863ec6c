// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <utility>

#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// Waits for a lock by trying again and again, until the timeout is over or a stop is requested. It exists
/// because the kernel has no wait with a timeout for flock and fcntl. Make one object per lock; the time starts
/// with it.
class LockWait {
  public:
    // Not explicit, because most callers have only a timeout.
    LockWait(std::chrono::milliseconds timeout, std::stop_token stop = {})
        : deadline_(std::chrono::steady_clock::now() + timeout), stop_(std::move(stop)) {}

    [[nodiscard]] bool is_over() const { return std::chrono::steady_clock::now() >= deadline_; }
    /// Waits a moment; then try again. Error: cancelled, naming `path`.
    [[nodiscard]] Status pause(const std::string& path) const;

  private:
    std::chrono::steady_clock::time_point deadline_;
    std::stop_token stop_;
};

}  // namespace ioswarm::snapshot
