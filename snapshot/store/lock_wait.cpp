// SPDX-License-Identifier: Apache-2.0
#include "snapshot/store/lock_wait.hpp"

#include <condition_variable>
#include <mutex>

namespace ioswarm::snapshot {
namespace {

constexpr auto kBetweenTries = std::chrono::milliseconds(50);

}  // namespace

Status LockWait::pause(const std::string& path) const {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    (void)stopped.wait_for(lock, stop_, kBetweenTries, [] { return false; });
    if (!stop_.stop_requested()) return {};
    return fail(ErrorCode::cancelled, "stopped while waiting for the node's state", path, "a signal came",
                "nothing was changed");
}

}  // namespace ioswarm::snapshot
