// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/decimal.hpp"
#include "core/base/observe.hpp"
#include "core/metrics/registry.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// How rewards are computed. Defaults are those of iotex-core, except for the reward: nothing is paid unless a
/// reward is configured.
struct RewardSettings {
    U256 epoch_reward_rau = 0;         ///< 0: nothing is accrued or paid
    Decimal delegate_cut_pct{10, 0};   ///< 10; 0..100
    std::uint64_t epoch_blocks = 360;  ///< ≥ 1
    std::chrono::seconds min_epoch_duration{30};
    std::uint64_t min_tasks_for_reward = 10;
    Decimal bonus_accuracy_pct{995, 1};  ///< 99.5; 0..100
    Decimal bonus_multiplier{12, 1};     ///< 1.2; ≥ 1
    /// True when payouts go through a contract. They are then announced to agents only after settlement is
    /// final.
    bool settles_on_chain = false;
    /// The contract that pays, when it is known. No agent can have it as its wallet.
    std::optional<Address> contract = std::nullopt;
};

/// The block gas limit that an agent assumes for a task without a block context.
inline constexpr std::uint64_t kAgentBlockGasLimit = 30'000'000;

/// The settings of the coordinator. cli/serve/settings.cpp fills them in from the configuration, which has
/// checked their ranges (cli/config/keys.cpp).
struct CoordinatorSettings {
    std::uint32_t max_agents = 100;  ///< more agents may not register
    TaskLevel task_level = TaskLevel::l2_state_verify;
    bool shadow_mode = true;                        ///< compare answers with executed blocks
    std::chrono::milliseconds poll_interval{1000};  ///< the longest pause between two reads of the pool
    std::uint32_t task_redundancy = 1;              ///< number of agents that get the same task, 1..16
    std::chrono::milliseconds task_timeout{10000};  ///< after it, the task goes to another agent
    std::uint32_t task_attempts = 3;            ///< maximum number of agents that get a task, one after another
    std::uint32_t max_batch_size = 10;          ///< tasks per batch
    std::uint32_t max_waiting_per_agent = 16;   ///< batches queued for one agent
    std::uint32_t max_queued_batches = 10'000;  ///< above this the oldest batch is dropped and counted
    /// Blocks after which a task that left the pool without being mined is forgotten.
    std::uint64_t forget_after_blocks = 100;
    /// A result is compared if it comes at most this many blocks after its action's block.
    std::uint64_t late_result_blocks = 32;
    std::chrono::seconds source_max_age{30};  ///< maximum age of the tip; if it is older, nothing is dispatched
    std::chrono::seconds heartbeat_interval{10};      ///< sent to agents
    std::chrono::seconds dispatch_heartbeat_age{30};  ///< no tasks for agents whose last heartbeat is older
    std::chrono::seconds eviction_age{60};            ///< agents whose last heartbeat is older are removed
    std::chrono::seconds eviction_check{30};          ///< how often that is checked
    /// If nothing was sent on a task stream for this long, an empty batch is sent. 0 = never. `serve` uses 45
    /// s: many proxies and balancers end a stream that is silent for 60 s, and HTTP/2 pings do not cross them.
    std::chrono::seconds idle_batch{0};
    /// An agent may register once per this interval; 0 means no limit.
    std::chrono::seconds register_interval{1};
    /// An agent may change its wallet once per this interval; 0 means no limit.
    std::chrono::seconds wallet_change_interval{60};
    std::uint32_t prefetch_concurrency = 4;  ///< number of threads that read accounts and run transactions
    /// Block interval of the chain, used to compute the next block's timestamp. The default is for tests;
    /// `serve` sets node.blockTime or chain.blockTime.
    std::chrono::milliseconds block_interval{5000};
    /// The block gas limit that tasks name. Deployed agents assume this number for tasks without a block
    /// context, so tasks with one name the same. The chain's own limit is higher (50,000,000,
    /// proto/node/evm_block.cpp).
    std::uint64_t block_gas_limit = kAgentBlockGasLimit;
    std::string coinbase;  ///< delegateAddress as 0x hex, or empty
    /// Called for each task that no agent will get any more although its action is still pending: it was tried
    /// on the allowed number of agents, or it was the oldest in a full queue. The engine holds its lock during
    /// the call, so the function must be short and must not call the engine. May be empty. `sim` uses it to
    /// account for every task.
    std::function<void(const Hash256& raw_id)> on_given_up;
    /// Called by the dispatch loop after each of its rounds. `serve` uses it to tell systemd's watchdog that
    /// the loop works.
    std::function<void()> on_round;
    /// Called with the time from the sending of a batch to the acceptance of its answer. The engine holds its
    /// lock during the call. May be empty. `serve` shows the mean on its page.
    DurationObserver on_round_trip;
    RewardSettings rewards;
    /// The registry of the coordinator's metrics. Copies of the settings share it.
    metrics::Registry metrics;
};

}  // namespace ioswarm
