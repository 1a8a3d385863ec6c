// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

namespace ioswarm {

/// Called with how long something took, for a histogram. May be empty. Called from the thread that did the
/// work, sometimes under its lock, so it must be short and must not call back.
using ObserveDuration = std::function<void(std::chrono::nanoseconds)>;

}  // namespace ioswarm
