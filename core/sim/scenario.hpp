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

enum class AgentRules : std::uint8_t { honest, field };

/// Transactions that a run may have: all of them are made before it begins and kept to its end, about 1.5 KB
/// each.
inline constexpr std::uint64_t kMostRunTransactions = 1'000'000;
/// As many blocks with load, if there are fewer transactions: each has its place in tables, too.
inline constexpr std::uint64_t kMostRunBlocks = 1'000'000;

struct ScenarioSettings {
    /// seed, block_time, tps, accounts and ids count.
    ChainSettings chain;
    std::chrono::milliseconds duration{30'000};  ///< of the load: rounded to whole blocks, at least one
    std::uint32_t redundancy = 1;
    TaskLevel level = TaskLevel::l2_state_verify;  ///< L1 to L3; L3 with honest rules only
    AgentRules rules = AgentRules::honest;
};

enum class Fate : std::uint8_t { mined, replaced, unaffordable, forged };
/// What is wrong with a forged one.
enum class Forgery : std::uint8_t { none, signature, nonce, balance };
inline constexpr std::size_t kForgeries = 4;
[[nodiscard]] std::string_view to_string(Forgery forgery) noexcept;

/// One transaction of the run and everything that is to become of it.
struct PlannedTx {
    PoolActionPtr action;
    Fate fate = Fate::mined;
    Forgery forgery = Forgery::none;
    /// Mined: the block. Forged: the block from whose slot on it stands in the pool, for kForgedSlots slots.
    std::uint64_t height = 0;
    std::uint64_t slot = 0;       ///< it arrives between block `slot` and the next
    bool failed = false;          ///< mined with another status than 1
    bool answered_valid = false;  ///< what an agent answers that was asked about it
    // When it executed the transaction (L3):
    bool runs_well = false;       ///< what the run gives
    bool executed_valid = false;  ///< what the agent answers
    bool wrong_gas = false;       ///< on purpose
    bool wrong_state = false;

    /// Whether the answer agrees with what the coordinator compares it with.
    [[nodiscard]] bool is_right(bool executed, bool valid) const noexcept {
        return executed ? valid == runs_well : valid;
    }
};
inline constexpr std::uint64_t kForgedSlots = 2;

/// What a coordinator must show in the end, if every transaction that is mined was answered in time.
struct ScenarioFigures {
    std::uint64_t blocks = 0;        ///< with load
    std::uint64_t transactions = 0;  ///< of the chain
    std::uint64_t mined = 0;
    std::uint64_t mined_and_failed = 0;
    std::uint64_t replaced = 0;
    std::uint64_t unaffordable = 0;
    std::uint64_t forged = 0;
    std::uint64_t forged_accepted = 0;  ///< that agents answer to be valid
    // Answers, each of `redundancy` agents.
    std::uint64_t compared = 0;
    std::uint64_t matched = 0;
    /// Epochs that surely have answers; those that may have some are as many but where slots without any
    /// transaction leave it open.
    std::uint64_t epochs_paid = 0;
    std::uint64_t epochs_paid_at_most = 0;
    [[nodiscard]] double accuracy_pct() const noexcept;
};

/// A whole run, known beforehand: every transaction that the embedded chain will have, signed, with its fate.
/// Follows from the settings and the fault plan alone, and shares no code with the coordinator. Constant after
/// create(); thread-safe.
class Scenario {
  public:
    /// Signs on as many threads as the machine has cores. Errors: usage (too many transactions or blocks), of
    /// check(), cancelled.
    [[nodiscard]] static Result<std::unique_ptr<const Scenario>> create(const ScenarioSettings& settings,
                                                                        const FaultPlan& faults,
                                                                        const std::stop_token& stop);

    /// For EmbeddedChain::create(): it begins with the first slot that has load, and is held.
    [[nodiscard]] const ChainSettings& chain() const noexcept { return chain_; }
    /// For EmbeddedChain::create(): what it need not sign. Keeps a reference to this.
    [[nodiscard]] std::function<PoolActionPtr(std::uint64_t)> signed_ahead() const;

    /// The chain's own in the order of their arrival (which is that of TxPlan::id), then the forged ones.
    [[nodiscard]] const std::vector<PlannedTx>& transactions() const noexcept { return transactions_; }
    [[nodiscard]] std::optional<std::uint32_t> find(const Hash256& raw_id) const;
    /// Places in transactions() of the forged ones.
    [[nodiscard]] std::uint32_t first_forged() const noexcept { return first_forged_; }
    /// Those that must be answered before block `height` is made: what it mines, and forged ones that leave
    /// with it.
    [[nodiscard]] const std::vector<std::uint32_t>& due(std::uint64_t height) const;

    [[nodiscard]] std::uint64_t first_height() const noexcept { return chain_.resume_height + 1; }
    /// The block that ends the last slot with load.
    [[nodiscard]] std::uint64_t last_load_height() const noexcept { return chain_.last_slot + 1; }
    /// With this block nothing is pending any more.
    [[nodiscard]] std::uint64_t rest_height() const noexcept { return rest_height_; }
    /// So that each epoch that has work at all has that of a whole slot: which epochs pay follows from the
    /// seed.
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
    std::uint64_t rest_height_ = 0;
    std::uint64_t epoch_blocks_ = 1;
    ScenarioFigures figures_;
};

}  // namespace ioswarm::sim
