// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/guarded.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm::cli {

/// Remembers the agents that were registered in the last 24 hours, so that one that has left can still be
/// shown. It holds at most `most` agents and forgets those that were heard from longest ago: without a master
/// secret anybody can invent ids. A restart forgets all. Thread-safe.
class SeenAgents {
  public:
    using Time = std::chrono::system_clock::time_point;
    static constexpr std::chrono::hours kRemembered{24};

    explicit SeenAgents(std::size_t most = 10'000) : most_(most) {}

    /// Notes the agents that are registered at `now`. An agent stays registered for at least 60 s, so once per
    /// minute is often enough.
    void note(const std::vector<AgentView>& agents, Time now);
    /// Those heard from in the 24 hours before `now`, the latest first.
    [[nodiscard]] std::vector<AgentView> all(Time now) const;

  private:
    const std::size_t most_;
    Guarded<std::unordered_map<std::string, AgentView>> agents_;
};

}  // namespace ioswarm::cli
