// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/ports/clock.hpp"

namespace ioswarm {

/// Limits something to once per interval and agent, for example registering. The owner asks wait(), and calls
/// note() when the agent did it. Not thread-safe. Memory is bounded: an agent is forgotten when its interval is
/// over. When `max_agents` are remembered, the agent noted longest ago is forgotten early. Somebody who can
/// invent agent ids (possible only without a master secret) can therefore defeat the limit for other agents,
/// but can do no other harm.
class OncePerAgent {
  public:
    /// An `interval` of 0 means no limit.
    explicit OncePerAgent(std::chrono::nanoseconds interval, std::size_t max_agents = 10'000)
        : interval_(interval), max_agents_(std::max<std::size_t>(max_agents, 1)) {}

    /// The time that this agent still has to wait; 0 if it need not wait.
    [[nodiscard]] std::chrono::nanoseconds wait(const std::string& agent_id, Clock::Steady now) const {
        const auto found = allowed_at_.find(agent_id);
        if (found == allowed_at_.end() || found->second <= now) return std::chrono::nanoseconds(0);
        return found->second - now;
    }

    /// Records that the agent did it at `now`.
    void note(const std::string& agent_id, Clock::Steady now) {
        if (interval_.count() <= 0) return;
        while (!order_.empty() && (order_.front().first <= now || order_.size() >= max_agents_))
            forget_oldest();
        allowed_at_[agent_id] = now + interval_;
        order_.emplace_back(now + interval_, agent_id);
    }

    [[nodiscard]] std::size_t remembered() const { return order_.size(); }

  private:
    void forget_oldest() {
        const auto found = allowed_at_.find(order_.front().second);
        // If the agent was noted again, its later entry is further back in `order_`, and it must not be
        // forgotten yet.
        if (found != allowed_at_.end() && found->second == order_.front().first) allowed_at_.erase(found);
        order_.pop_front();
    }

    const std::chrono::nanoseconds interval_;
    const std::size_t max_agents_;
    std::unordered_map<std::string, Clock::Steady> allowed_at_;
    std::deque<std::pair<Clock::Steady, std::string>> order_;  // ordered by time
};

}  // namespace ioswarm
