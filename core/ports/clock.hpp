// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace ioswarm {

/// Time as the coordinator sees it. Thread-safe. Use steady() for intervals and deadlines. Use wall(), which
/// may jump, for times that are shown or stored.
class Clock {
  public:
    using Steady = std::chrono::steady_clock::time_point;
    using Wall = std::chrono::system_clock::time_point;

    virtual ~Clock() = default;
    [[nodiscard]] virtual Steady steady() const = 0;
    [[nodiscard]] virtual Wall wall() const = 0;
};

/// The clocks of this machine.
class SystemClock final : public Clock {
  public:
    [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
    [[nodiscard]] Wall wall() const override { return std::chrono::system_clock::now(); }
};

}  // namespace ioswarm
