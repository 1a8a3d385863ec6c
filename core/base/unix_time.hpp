// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace ioswarm {

/// Milliseconds since 1970 in UTC. The ledger, the settlement file and the agent protocol hold times like this.
[[nodiscard]] inline std::int64_t unix_ms(std::chrono::system_clock::time_point time) noexcept {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

[[nodiscard]] inline std::chrono::system_clock::time_point time_of_unix_ms(std::int64_t ms) noexcept {
    return std::chrono::system_clock::time_point(std::chrono::milliseconds(ms));
}

}  // namespace ioswarm
