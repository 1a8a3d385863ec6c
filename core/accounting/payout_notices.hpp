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

/// The payouts that agents were not told of yet, in memory. Each heartbeat calls take(), which never waits for
/// the ledger. When take() sets must_load, the owner reads the ledger on another thread. Shortly after notices
/// were handed out, the owner marks them in the ledger, many at once. After a crash a notice may therefore be
/// sent twice, but none is lost. Thread-safe.
class PayoutNotices {
  public:
    using Key = std::pair<std::string, std::uint64_t>;  ///< agent and epoch

    /// Maximum number of remembered agents. Above it all agents are forgotten, and are read from the ledger
    /// again when they ask.
    static constexpr std::size_t kMaxAgents = 10'000;
    /// Maximum number of notices per agent that are read and held at once. The others stay in the ledger.
    static constexpr std::uint32_t kMaxHeld = 64;
    /// Maximum number of notices that were handed out and that the ledger has not marked yet. At this limit
    /// none is handed out until the ledger has marked some.
    static constexpr std::size_t kMaxUnmarked = 100'000;

    struct Taken {
        std::optional<PayoutInfo> payout;
        /// The caller must read this agent's due payouts and call loaded() or not_loaded().
        bool must_load = false;
    };
    /// Takes the agent's oldest notice, if one is in memory. Never waits.
    [[nodiscard]] Taken take(const std::string& agent_id);

    /// Reports that the owner is about to read this agent's due payouts from the ledger.
    void loading(const std::string& agent_id);
    /// Passes in the agent's due payouts, oldest first, as the ledger had them when the read began or later.
    /// `is_all` is true if there are no others.
    void loaded(const std::string& agent_id, const std::vector<PayoutRow>& due, bool is_all);
    /// Reports that the payouts could not be read. The next take() asks for them again.
    void not_loaded(const std::string& agent_id);

    /// Adds payouts that were just committed. Each epoch is later than the last one added. If a read of the
    /// ledger already brought a payout, it is not added again.
    void add(const std::vector<PayoutRow>& payouts);

    /// Reports that payouts of these agents, of any epoch, have become due in the ledger. The ledger is read
    /// again before they are handed out.
    void became_due(const std::vector<std::string>& agent_ids);

    /// Returns at most `limit` notices that were handed out and are not marked yet.
    [[nodiscard]] std::vector<Key> unmarked(std::size_t limit) const;
    /// Call this when the ledger has durably marked these notices.
    void marked(const std::vector<Key>& keys);
    [[nodiscard]] std::size_t unmarked_count() const;

  private:
    struct Due {
        std::uint64_t epoch = 0;
        PayoutInfo info;
    };
    struct OfAgent {
        std::deque<Due> due;           // oldest first
        std::uint64_t next_epoch = 0;  // lowest epoch that add() may bring; older ones were seen already
        bool has_more = true;          // the ledger has, or may have, due payouts that are not in `due`
        bool is_loading = false;   // the ledger is being read for this agent; the next two belong to this read
        bool missed_some = false;  // add() dropped a notice because `due` was full
        std::vector<std::uint64_t> marked;  // epochs marked during the read, which may still return them as due
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
