// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace ioswarm::proto {

/// Gives freed memory back to the system when a load has gone: the allocator keeps it otherwise. For one
/// thread.
class MemoryTrim {
  public:
    using Time = std::chrono::steady_clock::time_point;

    MemoryTrim();

    /// A load is there or was there: looks at the memory some time later, and then until it is back.
    void expect(Time now);
    [[nodiscard]] bool is_due() const noexcept { return next_ != Time::max(); }
    /// Trims when it is time and worth it. True: it did.
    bool run(Time now);

  private:
    std::uint64_t least_resident_;
    Time next_ = Time::max();
    std::chrono::seconds pause_;
};

}  // namespace ioswarm::proto
