// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "core/base/decimal.hpp"
#include "core/base/result.hpp"
#include "core/model/chain.hpp"
#include "core/sim/chain_settings.hpp"

namespace ioswarm::sim {

struct PredictionInput {
    ChainSettings chain;
    std::uint64_t height = 0;      ///< of the last block that was compared
    std::uint32_t redundancy = 1;  ///< agents that answer each transaction
    /// Does an agent answer this one wrongly? All agents must agree about it, as they do by
    /// is_answered_wrongly() of core/sim/agent_rules.hpp. Empty = none does.
    std::function<bool(const PoolAction&)> answered_wrongly;
};

/// The figures that a coordinator on the embedded chain must show after it compared block `height`, if agents
/// stood ready from the quiet slots on, every transaction was answered, at L1 or L2 (not executed: such an
/// answer is right when it says valid, since every mined transaction was), and late answers came within the 32
/// blocks that count. Exact: follows from the chain's plan, and shares no code with the coordinator.
///
/// Two kinds of figures: compared, matched and the like belong to `height` exactly. Tasks are handed out while
/// their transactions arrive, in the slot after `height` too, so tasks_at_least are those due before the block
/// came and tasks_at_most those before the next one; with chain.last_slot over and nothing pending (at_rest)
/// the two are equal. Which agent got which task is not predictable, nor are an agent's amounts; sums are (see
/// agent_pool_rau).
struct Prediction {
    std::uint64_t transactions = 0;  ///< that arrived in slots 0 .. height-1
    std::uint64_t mined = 0;
    std::uint64_t mined_and_failed = 0;
    std::uint64_t replaced = 0;
    std::uint64_t unaffordable = 0;
    std::uint64_t pending = 0;  ///< of `transactions`, when block `height` was made
    bool at_rest = false;       ///< no transaction is pending and none will come

    // Each answer counts, so these are times redundancy.
    std::uint64_t tasks_at_least = 0;
    std::uint64_t tasks_at_most = 0;
    std::uint64_t compared = 0;
    std::uint64_t matched = 0;
    std::uint64_t mismatched = 0;
    std::uint64_t false_positives = 0;  ///< agent valid, chain invalid: never, without execution
    std::uint64_t false_negatives = 0;
    std::uint64_t nonce_race_excluded = 0;  ///< never, without execution

    /// matched / compared in percent, 0 when nothing was compared.
    [[nodiscard]] double accuracy_pct() const noexcept;
};

/// Errors: of check(); internal.
[[nodiscard]] Result<Prediction> predict(const PredictionInput& input);

/// What the payouts of one epoch add up to, when at least one agent is eligible: the reward without the
/// delegate's cut, which is rounded down to the rau. `cut_pct` 0..100. Error config: outside of that.
[[nodiscard]] Result<U256> agent_pool_rau(const U256& epoch_reward_rau, const Decimal& cut_pct);

}  // namespace ioswarm::sim
