// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/memory_trim.hpp"

#include <algorithm>
#include <cstdio>

#include <malloc.h>
#include <unistd.h>

namespace ioswarm::proto {
namespace {

constexpr std::chrono::seconds kTrimFirst{2};
constexpr std::chrono::seconds kTrimAtMost{64};
/// A trim is done only if it can free this much. Smaller changes are normal fluctuation.
constexpr std::uint64_t kTrimWorthBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kTrimHelpedBytes = std::uint64_t{4} << 20;

std::uint64_t resident_bytes() {
    unsigned long long pages = 0;
    unsigned long long resident = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "re");
    if (file == nullptr) return 0;
    const int read = std::fscanf(file, "%llu %llu", &pages, &resident);
    std::fclose(file);
    return read == 2 ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace

MemoryTrim::MemoryTrim() : min_resident_(resident_bytes()), pause_(kTrimFirst) {}

void MemoryTrim::expect(Time now) {
    if (next_ == Time::max()) next_ = now + kTrimFirst;
}

bool MemoryTrim::run(Time now) {
    if (now < next_) return false;
    const auto resident = resident_bytes();
    min_resident_ = std::min(min_resident_, resident);
    if (resident < min_resident_ + kTrimWorthBytes) {
        pause_ = kTrimFirst;
        next_ = Time::max();  // the next data leads to the next check
        return false;
    }
    (void)::malloc_trim(0);
    // Memory that was not freed is in use, so the next check comes later. gRPC may also still be releasing its
    // memory.
    const auto after = resident_bytes();
    pause_ = after + kTrimHelpedBytes < resident ? kTrimFirst : std::min(2 * pause_, kTrimAtMost);
    next_ = now + pause_;
    return true;
}

}  // namespace ioswarm::proto
