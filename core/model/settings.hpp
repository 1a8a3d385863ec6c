// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "core/base/decimal.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// How work becomes money (../shared/spec/rewards-and-settlement.md section 1). Defaults are the reference's,
/// but for the reward itself: no money unless it was configured.
struct RewardSettings {
    U256 epoch_reward_rau = 0;         ///< 0 = nothing is accrued or paid
    Decimal delegate_cut_pct{10, 0};   ///< 0..100
    std::uint64_t epoch_blocks = 360;  ///< ≥ 1
    std::chrono::seconds min_epoch_duration{30};
    std::uint64_t min_tasks_for_reward = 10;
    Decimal bonus_accuracy_pct{995, 1};  ///< 0..100
    Decimal bonus_multiplier{12, 1};     ///< ≥ 1
    /// True when payouts go through a contract: they are announced to agents only when settlement is final.
    bool settles_on_chain = false;
};

struct CoordinatorSettings {
    std::uint32_t max_agents = 100;
    TaskLevel task_level = TaskLevel::l2_state_verify;
    bool shadow_mode = true;
    std::chrono::milliseconds poll_interval{1000};
    std::uint32_t task_redundancy = 1;  ///< agents a task goes to, 1..16
    std::chrono::milliseconds task_timeout{10000};
    std::uint32_t task_attempts = 3;              ///< agents a task is tried on before it is given up
    std::uint32_t max_batch_size = 10;            ///< tasks a batch
    std::uint32_t max_waiting_per_agent = 16;     ///< batches queued for one agent
    std::uint32_t max_queued_batches = 10'000;    ///< beyond: the oldest is dropped and counted
    std::uint64_t forget_after_blocks = 100;      ///< a task that left the pool without being mined
    std::uint64_t late_result_blocks = 32;        ///< results for a mined action still compared
    std::chrono::seconds source_max_age{30};      ///< nothing is dispatched when the tip is older
    std::chrono::seconds heartbeat_interval{10};  ///< told to agents
    std::chrono::seconds dispatch_heartbeat_age{30};
    std::chrono::seconds eviction_age{60};
    std::chrono::seconds eviction_check{30};
    std::chrono::seconds register_interval{1};  ///< an agent registers at most once in it; 0 = no limit
    std::chrono::seconds wallet_change_interval{
        60};                                 ///< an agent changes its wallet at most once in it; 0 = no limit
    std::uint32_t prefetch_concurrency = 4;  ///< state batches under way at once
    std::chrono::milliseconds block_interval{5000};  ///< of the chain: the next block's timestamp
    std::uint64_t block_gas_limit = 30'000'000;
    std::string coinbase;  ///< delegateAddress as 0x hex, or empty
    /// Told of each task that no agent gets any more although its action is pending: it was tried on as many
    /// agents as allowed, or it was the oldest of a full queue. Called under the engine's lock: it must be
    /// short and must not call back. Empty: nobody is told. `sim` accounts for every task by it.
    std::function<void(const Hash256& raw_id)> on_given_up;
    RewardSettings rewards;
};

}  // namespace ioswarm
