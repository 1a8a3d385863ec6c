// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/guarded.hpp"
#include "core/ledger/ledger_rows.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// Payouts that agents were not told of yet, in memory: a heartbeat asks here each time and never waits for the
/// ledger. Whoever owns this reads the ledger on another thread when take() asks for it, and marks in the
/// ledger, together and a moment later, what was handed out. So after a crash a notice may come twice, and none
/// is lost. Thread-safe.
class PayoutNotices {
  public:
    using Key = std::pair<std::string, std::uint64_t>;  ///< agent and epoch

    /// Agents that are remembered. Beyond that all are forgotten, and read from the ledger again when they ask.
    static constexpr std::size_t kMaxAgents = 10'000;
    /// Notices of one agent that are held and read at once. The others wait in the ledger.
    static constexpr std::uint32_t kMaxHeld = 64;
    /// Notices handed out that the ledger has not marked yet. Beyond that none is handed out until it has.
    static constexpr std::size_t kMaxUnmarked = 100'000;

    struct Taken {
        std::optional<PayoutInfo> payout;
        bool must_load =
            false;  ///< the caller must read this agent's due payouts and call loaded() or not_loaded()
    };
    /// The agent's oldest notice, if one is in memory. Never waits.
    [[nodiscard]] Taken take(const std::string& agent_id);

    /// The caller is about to read this agent's due payouts.
    void loading(const std::string& agent_id);
    /// The agent's due payouts, oldest first, as the ledger had them when the read began or later. `is_all`:
    /// there are no more of them.
    void loaded(const std::string& agent_id, const std::vector<PayoutRow>& due, bool is_all);
    /// They could not be read. The next take() asks again.
    void not_loaded(const std::string& agent_id);

    /// Payouts that were just committed, each epoch later than the last one added. A read of the ledger may
    /// have brought them before this call; then they are not added again.
    void add(const std::vector<PayoutRow>& payouts);

    /// Payouts of these agents, of any epoch, have become due in the ledger: it is read again before they are
    /// handed out.
    void became_due(const std::vector<std::string>& agent_ids);

    /// What was handed out and is not marked, at most `limit`.
    [[nodiscard]] std::vector<Key> unmarked(std::size_t limit) const;
    /// The ledger has marked these durably.
    void marked(const std::vector<Key>& keys);
    [[nodiscard]] std::size_t unmarked_count() const;

  private:
    struct Due {
        std::uint64_t epoch = 0;
        PayoutInfo info;
    };
    struct OfAgent {
        std::deque<Due> due;                // oldest first
        std::uint64_t next_epoch = 0;       // least epoch that add() may bring: older ones were seen already
        bool has_more = true;               // the ledger has, or may have, due payouts that are not in `due`
        bool is_loading = false;            // somebody reads the ledger for it; the next two are of that time
        bool missed_some = false;           // add() found no room
        std::vector<std::uint64_t> marked;  // epochs; what was read may still have them as due
    };
    struct State {
        std::unordered_map<std::string, OfAgent> agents;
        std::set<Key> unmarked;
    };
    [[nodiscard]] static Due due_of(const PayoutRow& payout);
    [[nodiscard]] static OfAgent& agent_of(State& state, const std::string& agent_id);

    Guarded<State> state_;
};

}  // namespace ioswarm
