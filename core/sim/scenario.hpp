// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/messages.hpp"
#include "core/sim/chain_settings.hpp"
#include "core/sim/fault_plan.hpp"

namespace ioswarm::sim {

/// How thoroughly agents check: `honest` as honest_rules(), `deployed` as deployed_rules()
/// (core/sim/agent_rules.hpp).
enum class AgentRules : std::uint8_t { honest, deployed };

/// Maximum number of transactions in a run. All are made before the run begins and kept to its end, at about
/// 1.5 KB each.
inline constexpr std::uint64_t kMaxRunTransactions = 1'000'000;
/// Maximum number of blocks with load. Each block needs an entry in tables, even if there are fewer
/// transactions.
inline constexpr std::uint64_t kMaxRunBlocks = 1'000'000;

/// The settings from which a scenario is computed.
struct ScenarioSettings {
    /// Only seed, block_time, tps, accounts and ids are used.
    ChainSettings chain;
    /// Duration of the load, rounded to whole blocks, at least one.
    std::chrono::milliseconds duration{30'000};
    std::uint32_t redundancy = 1;
    TaskLevel level = TaskLevel::l2_state_verify;  ///< L1 to L3; L3 only with honest rules
    AgentRules rules = AgentRules::honest;
};

/// How a transaction of the run leaves the pool.
enum class Fate : std::uint8_t { mined, replaced, unaffordable, forged };
/// What is wrong with a forged transaction.
enum class Forgery : std::uint8_t { none, signature, nonce, balance };
inline constexpr std::size_t kForgeries = 4;
[[nodiscard]] std::string_view to_string(Forgery forgery) noexcept;

/// One transaction of the run and everything that will happen to it.
struct PlannedTx {
    PoolActionPtr action;
    Fate fate = Fate::mined;
    Forgery forgery = Forgery::none;
    /// If mined: the height of its block. If forged: it is in the pool from this block's slot on, for
    /// kForgedSlots slots.
    std::uint64_t height = 0;
    std::uint64_t slot = 0;       ///< it arrives between block `slot` and the next
    bool failed = false;          ///< mined with a status other than 1
    bool answered_valid = false;  ///< what an agent without execution answers
    // For agents that execute the transaction (L3):
    bool runs_well = false;       ///< whether the run succeeds
    bool executed_valid = false;  ///< what the agent answers
    bool wrong_gas = false;       ///< wrong on purpose
    bool wrong_state = false;

    /// True if the answer agrees with what the coordinator compares it with.
    [[nodiscard]] bool is_right(bool executed, bool valid) const noexcept {
        return executed ? valid == runs_well : valid;
    }
};
inline constexpr std::uint64_t kForgedSlots = 2;

/// The figures that a coordinator must show in the end if every mined transaction was answered in time.
struct ScenarioFigures {
    std::uint64_t blocks = 0;        ///< blocks with load
    std::uint64_t transactions = 0;  ///< the chain's own, without forged ones
    std::uint64_t mined = 0;
    std::uint64_t mined_and_failed = 0;
    std::uint64_t replaced = 0;
    std::uint64_t unaffordable = 0;
    std::uint64_t forged = 0;
    std::uint64_t forged_accepted = 0;  ///< forged ones that agents answer as valid
    // Answers, counted once per agent, of which there are `redundancy` per transaction.
    std::uint64_t compared = 0;
    std::uint64_t matched = 0;
    /// epochs_paid counts epochs that certainly have answers, epochs_paid_at_most those that may have some.
    /// They differ only if slots without transactions leave it open.
    std::uint64_t epochs_paid = 0;
    std::uint64_t epochs_paid_at_most = 0;
    [[nodiscard]] double accuracy_pct() const noexcept;
};

/// A whole run, computed in advance: every transaction that the embedded chain will have, signed, with its
/// fate. It depends only on the settings and the fault plan, and shares no code with the coordinator. Constant
/// after create(); thread-safe.
class Scenario {
  public:
    /// Signs on as many threads as the machine has cores. Errors: usage (too many transactions or blocks),
    /// cancelled, and those of check().
    [[nodiscard]] static Result<std::unique_ptr<const Scenario>> create(const ScenarioSettings& settings,
                                                                        const FaultPlan& faults,
                                                                        const std::stop_token& stop);

    /// Settings for EmbeddedChain::create(): the chain starts, held, with the first slot that has load.
    [[nodiscard]] const ChainSettings& chain() const noexcept { return chain_; }
    /// For EmbeddedChain::create(): the actions that it need not sign. The function keeps a reference to this
    /// object.
    [[nodiscard]] std::function<PoolActionPtr(std::uint64_t)> signed_ahead() const;

    /// The chain's transactions in the order of their arrival (the order of TxPlan::id), then the forged ones.
    [[nodiscard]] const std::vector<PlannedTx>& transactions() const noexcept { return transactions_; }
    [[nodiscard]] std::optional<std::uint32_t> find(const Hash256& raw_id) const;
    /// Index in transactions() of the first forged one.
    [[nodiscard]] std::uint32_t first_forged() const noexcept { return first_forged_; }
    /// The transactions that must be answered before block `height` is made: those that it mines, and forged
    /// ones that leave the pool with it.
    [[nodiscard]] const std::vector<std::uint32_t>& due(std::uint64_t height) const;

    [[nodiscard]] std::uint64_t first_height() const noexcept { return chain_.resume_height + 1; }
    /// The block that ends the last slot with load.
    [[nodiscard]] std::uint64_t last_load_height() const noexcept { return chain_.last_slot + 1; }
    /// From this block on, nothing is pending.
    [[nodiscard]] std::uint64_t idle_height() const noexcept { return idle_height_; }
    /// Blocks per epoch, chosen so that each epoch with any work has that of a whole slot. Which epochs pay
    /// then follows from the seed.
    [[nodiscard]] std::uint64_t epoch_blocks() const noexcept { return epoch_blocks_; }
    [[nodiscard]] std::uint32_t redundancy() const noexcept { return redundancy_; }
    [[nodiscard]] const ScenarioFigures& figures() const noexcept { return figures_; }

  private:
    Scenario() = default;
    friend class ScenarioMaker;

    ChainSettings chain_;
    std::uint32_t redundancy_ = 1;
    std::vector<PlannedTx> transactions_;
    std::unordered_map<Hash256, std::uint32_t, FixedBytesHash> by_raw_id_;
    std::vector<std::vector<std::uint32_t>> due_;  // by height
    std::uint32_t first_forged_ = 0;
    std::uint64_t idle_height_ = 0;
    std::uint64_t epoch_blocks_ = 1;
    ScenarioFigures figures_;
};

}  // namespace ioswarm::sim
