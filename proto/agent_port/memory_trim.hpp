// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace ioswarm::proto {

/// Gives freed memory back to the system after a load has ended; otherwise the allocator keeps it. Use it from
/// one thread.
class MemoryTrim {
  public:
    using Time = std::chrono::steady_clock::time_point;

    MemoryTrim();

    /// Reports that there is or was a load. Memory is checked some time later, and then until it has been given
    /// back.
    void expect(Time now);
    [[nodiscard]] bool is_due() const noexcept { return next_ != Time::max(); }
    /// Trims if it is time and worth it. Returns true if it did.
    bool run(Time now);

  private:
    std::uint64_t min_resident_;
    Time next_ = Time::max();
    std::chrono::seconds pause_;
};

}  // namespace ioswarm::proto
