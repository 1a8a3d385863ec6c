// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/ports/monitor.hpp"

namespace ioswarm::test {

/// A Monitor that returns the fields that the test has set.
struct FakeMonitor : Monitor {
    StatusView status_view;
    std::vector<AgentView> agent_views;
    ShadowTotals shadow_totals;
    EpochView epoch_view;
    std::vector<LeaderboardEntry> entries;
    std::optional<Error> rewards_error;
    std::map<std::string, RewardsView> rewards_views;  ///< other wallets get not_found
    Reasons reasons;

    [[nodiscard]] StatusView status() const override { return status_view; }
    [[nodiscard]] std::vector<AgentView> agents() const override { return agent_views; }
    [[nodiscard]] ShadowTotals shadow() const override { return shadow_totals; }
    [[nodiscard]] EpochView epoch() const override { return epoch_view; }
    [[nodiscard]] std::vector<LeaderboardEntry> leaderboard() const override { return entries; }
    [[nodiscard]] Result<RewardsView> rewards(const std::string& agent_id) const override {
        if (rewards_error) return fail(*rewards_error);
        const auto found = rewards_views.find(agent_id);
        if (found == rewards_views.end()) return fail(ErrorCode::not_found, "no such agent", agent_id);
        return found->second;
    }
    [[nodiscard]] Reasons not_ready() const override { return reasons; }
};

}  // namespace ioswarm::test
