// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/guarded.hpp"
#include "core/ledger/ledger.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// Payouts that agents were not told of yet. A heartbeat asks here each time, so the answer "none" costs one
/// look-up; the ledger is read once an agent. The row in the ledger decides: a notice is marked there, durably,
/// before it is given out, so no crash makes it come twice. (One that kills the daemon between the mark and the
/// heartbeat's answer takes the notice with it; the payout itself stands in the agent's history.) Thread-safe.
/// Bounded by kMaxAgents.
class PayoutNotices {
  public:
    /// Agents whose dues are remembered; beyond it all are forgotten and read again when asked for.
    static constexpr std::size_t kMaxAgents = 10'000;

    explicit PayoutNotices(Ledger& ledger) : ledger_(ledger) {}

    /// Waits for the ledger when there is something. Nothing also when the ledger fails; it is kept then.
    [[nodiscard]] std::optional<PayoutInfo> take(const std::string& agent_id);
    /// Payouts that were just committed. From the ledger's thread.
    void add(const std::vector<PayoutRow>& payouts);

  private:
    struct Due {
        std::uint64_t epoch = 0;
        PayoutInfo info;
    };
    [[nodiscard]] static Due due_of(const PayoutRow& payout);
    [[nodiscard]] std::optional<Due> next(const std::string& agent_id);
    void give_back(const std::string& agent_id, const Due& due);

    Ledger& ledger_;
    Guarded<std::unordered_map<std::string, std::deque<Due>>> by_agent_;  // oldest first
};

}  // namespace ioswarm
