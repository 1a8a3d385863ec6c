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

/// How work is turned into money. Defaults are those of iotex-core, except for the reward: nothing is paid
/// unless a reward is configured.
struct RewardSettings {
    U256 epoch_reward_rau = 0;         ///< 0: nothing is accrued or paid
    Decimal delegate_cut_pct{10, 0};   ///< 0..100
    std::uint64_t epoch_blocks = 360;  ///< ≥ 1
    std::chrono::seconds min_epoch_duration{30};
    std::uint64_t min_tasks_for_reward = 10;
    Decimal bonus_accuracy_pct{995, 1};  ///< 0..100
    Decimal bonus_multiplier{12, 1};     ///< ≥ 1
    /// True when payouts go through a contract. They are then announced to agents only after settlement is
    /// final.
    bool settles_on_chain = false;
    /// The contract that pays, when it is known. No agent can have it as its wallet.
    std::optional<Address> contract = std::nullopt;
};

/// The settings of the coordinator, as values that were checked. cli/serve/settings.cpp fills them in from the
/// configuration.
struct CoordinatorSettings {
    std::uint32_t max_agents = 100;
    TaskLevel task_level = TaskLevel::l2_state_verify;
    bool shadow_mode = true;
    std::chrono::milliseconds poll_interval{1000};
    std::uint32_t task_redundancy = 1;  ///< number of agents that get the same task, 1..16
    std::chrono::milliseconds task_timeout{10000};
    std::uint32_t task_attempts = 3;    ///< number of agents that a task is tried on before it is given up
    std::uint32_t max_batch_size = 10;  ///< tasks per batch
    std::uint32_t max_waiting_per_agent = 16;   ///< batches queued for one agent
    std::uint32_t max_queued_batches = 10'000;  ///< above this the oldest batch is dropped and counted
    /// Blocks after which a task that left the pool without being mined is forgotten.
    std::uint64_t forget_after_blocks = 100;
    /// Blocks after an action was mined in which results for it are still compared.
    std::uint64_t late_result_blocks = 32;
    std::chrono::seconds source_max_age{30};      ///< when the tip is older, nothing is dispatched
    std::chrono::seconds heartbeat_interval{10};  ///< sent to agents
    std::chrono::seconds dispatch_heartbeat_age{30};
    std::chrono::seconds eviction_age{60};
    std::chrono::seconds eviction_check{30};
    /// A task stream that carried nothing for this long gets a batch without tasks. 0 = never. `serve` uses 45
    /// s: many proxies and balancers end a stream that is silent for 60 s, and HTTP/2 pings do not cross them.
    std::chrono::seconds idle_batch{0};
    /// An agent may register once per this interval; 0 means no limit.
    std::chrono::seconds register_interval{1};
    /// An agent may change its wallet once per this interval; 0 means no limit.
    std::chrono::seconds wallet_change_interval{60};
    std::uint32_t prefetch_concurrency = 4;  ///< number of state batches that are read at once
    /// Block interval of the chain, used to compute the next block's timestamp.
    std::chrono::milliseconds block_interval{5000};
    std::uint64_t block_gas_limit = 30'000'000;
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
    /// Where the coordinator and the payroll count. A copy of the settings has the same registry.
    metrics::Registry metrics;
};

}  // namespace ioswarm
