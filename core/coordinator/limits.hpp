// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "core/model/settings.hpp"

namespace ioswarm {

/// The settings of a coordinator that may change while it works. See CoordinatorSettings for their meaning.
struct CoordinatorLimits {
    std::uint32_t max_agents = 0;
    std::uint32_t task_redundancy = 0;
    std::chrono::milliseconds task_timeout{};
    std::chrono::seconds idle_batch{};
};

[[nodiscard]] inline CoordinatorLimits limits_of(const CoordinatorSettings& settings) {
    return {settings.max_agents, settings.task_redundancy, settings.task_timeout, settings.idle_batch};
}

}  // namespace ioswarm
