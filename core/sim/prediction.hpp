// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "core/base/decimal.hpp"
#include "core/base/result.hpp"
#include "core/model/chain.hpp"
#include "core/sim/chain_settings.hpp"

namespace ioswarm::sim {

/// The settings from which predict() computes its figures.
struct PredictionInput {
    ChainSettings chain;
    std::uint64_t height = 0;      ///< height of the last block that was compared
    std::uint32_t redundancy = 1;  ///< number of agents that answer each transaction
    /// Returns true if agents answer this transaction wrongly. All agents must agree on it, as they do with
    /// is_answered_wrongly() of core/sim/agent_rules.hpp. Empty = all answers are right.
    std::function<bool(const PoolAction&)> answered_wrongly;
};

/// The figures that a coordinator on the embedded chain must show after it compared block `height`. They hold
/// if agents were ready from the quiet slots on, every transaction was answered at L1 or L2, and late answers
/// came within the 32 blocks that count. (Without execution a right answer says valid, because every mined
/// transaction was valid.) The figures are exact. They follow from the chain's plan and share no code with the
/// coordinator.
///
/// There are two kinds of figures. compared, matched and similar ones belong exactly to `height`. Tasks are
/// also handed out while transactions arrive in the slot after `height`. tasks_at_least are therefore those due
/// before the block came, and tasks_at_most those due before the next one. When chain.last_slot is over and
/// nothing is pending (at_rest), the two are equal. Which agent got which task cannot be predicted, nor can one
/// agent's amounts; sums can (see agent_pool_rau).
struct Prediction {
    std::uint64_t transactions = 0;  ///< transactions that arrived in slots 0 .. height-1
    std::uint64_t mined = 0;
    std::uint64_t mined_and_failed = 0;
    std::uint64_t replaced = 0;
    std::uint64_t unaffordable = 0;
    std::uint64_t pending = 0;  ///< how many of `transactions` were pending when block `height` was made
    bool at_rest = false;       ///< no transaction is pending and none will arrive

    // Every agent's answer counts, so these are multiplied by `redundancy`.
    std::uint64_t tasks_at_least = 0;
    std::uint64_t tasks_at_most = 0;
    std::uint64_t compared = 0;
    std::uint64_t matched = 0;
    std::uint64_t mismatched = 0;
    std::uint64_t false_positives = 0;  ///< agent valid, chain invalid: cannot happen without execution
    std::uint64_t false_negatives = 0;
    std::uint64_t nonce_race_excluded = 0;  ///< cannot happen without execution

    /// matched / compared in percent; 0 if nothing was compared.
    [[nodiscard]] double accuracy_pct() const noexcept;
};

/// Errors: those of check(); internal.
[[nodiscard]] Result<Prediction> predict(const PredictionInput& input);

/// The sum of one epoch's payouts if at least one agent is eligible: the reward minus the delegate's cut, which
/// is rounded down to the rau. `cut_pct` must be 0..100. Error config: it is not.
[[nodiscard]] Result<U256> agent_pool_rau(const U256& epoch_reward_rau, const Decimal& cut_pct);

}  // namespace ioswarm::sim
