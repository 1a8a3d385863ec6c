// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the coordinator reports about itself: values that are copied under its locks, for the HTTP API, the
// status line and sim.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/alarm.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// How many of the recently mined transactions had been handed out to an agent before their block was known.
/// Covers the last 720 blocks. The chain's own actions are left out, since they are in no pool.
struct Coverage {
    std::uint64_t mined = 0;
    std::uint64_t handed_out = 0;
};

/// The state of the coordinator at one moment, for /swarm/status and the status line.
struct StatusView {
    std::chrono::nanoseconds uptime{};
    std::uint32_t agents_total = 0;
    std::uint32_t agents_live = 0;  ///< sent a heartbeat in the last 60 s and still have a connection
    std::map<std::string, std::uint32_t> live_by_level;  ///< "L2" → count
    std::map<std::string, std::uint32_t> live_by_region;
    std::uint64_t tasks_dispatched = 0;  ///< tasks handed out, counted once per agent that received them
    std::uint64_t tasks_received = 0;    ///< results accepted
    bool shadow_mode = true;
    TaskLevel task_level = TaskLevel::l2_state_verify;
    std::uint64_t height = 0;                        ///< tip of the source; 0 when it is not known
    std::optional<std::chrono::seconds> source_age;  ///< now − tip's timestamp
    Coverage coverage;
};

/// A registered agent, for /swarm/agents.
struct AgentView {
    std::string id;
    std::string region;
    std::string version;
    TaskLevel level = TaskLevel::l1_sig_verify;
    std::uint64_t tasks_processed = 0;  ///< accepted results since the agent registered
    std::uint32_t tasks_pending = 0;    ///< handed out and not yet answered
    double cpu_usage = 0;
    double mem_usage = 0;
    std::chrono::system_clock::time_point last_heartbeat;
    std::chrono::nanoseconds uptime{};  ///< since the agent registered
    /// Why the wallet that the agent named last cannot be used; empty when it can, or when it named none.
    std::string wallet_fault = {};
    bool is_gone = false;  ///< its last connection has closed, and it has not come back yet
};

/// Totals of the comparison of answers with blocks, since the ledger was made.
struct ShadowTotals {
    std::uint64_t compared = 0;
    std::uint64_t matched = 0;
    std::uint64_t mismatched = 0;
    std::uint64_t false_positives = 0;  ///< the agent said valid, the chain said invalid
    std::uint64_t false_negatives = 0;  ///< the agent said invalid, the chain said valid
    std::uint64_t nonce_race_excluded = 0;
    // Answers from executed tasks whose gas and state changes were compared with our own run of the task.
    std::uint64_t evm_gas_matches = 0;
    std::uint64_t evm_gas_mismatches = 0;
    std::uint64_t evm_state_matches = 0;
    std::uint64_t evm_state_mismatches = 0;
    /// Answers that equal our own run of the task, while the block says otherwise. They count as matches.
    std::uint64_t state_race_excluded = 0;
    bool operator==(const ShadowTotals&) const = default;
};

/// The running epoch.
struct EpochView {
    std::uint64_t epoch = 0;   ///< the running epoch
    std::uint32_t agents = 0;  ///< agents that did work in it
    std::uint64_t total_tasks = 0;
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;
    std::chrono::nanoseconds elapsed{};
    std::uint64_t start_height = 0;
};

/// One agent's work in the running epoch. `rank` counts from 1.
struct LeaderboardEntry {
    std::uint32_t rank = 0;
    std::string agent_id;
    std::uint64_t tasks = 0;
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;
    double avg_latency_us = 0;
    std::string wallet;  ///< 0x hex or empty
};

/// What one closed epoch paid one agent.
struct RewardHistoryEntry {
    std::uint64_t epoch = 0;
    U256 amount_rau;
    std::uint64_t tasks = 0;
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;
    std::uint32_t rank = 0;
    bool bonus_applied = false;
    bool waits = false;      ///< the reward is owed and waits for settlement
    bool has_wallet = true;  ///< the agent had a wallet when the epoch closed, or has one now
};

/// An agent's payouts, and its totals over all closed epochs.
struct RewardsView {
    std::string agent_id;
    std::vector<RewardHistoryEntry> history;  ///< newest first, at most 1,000 epochs
    U256 earned_rau;                          ///< over all epochs
    std::uint64_t total_tasks = 0;
    std::uint64_t total_compared = 0;
    std::uint64_t total_correct = 0;
};

/// Everything that can be monitored. Thread-safe. Each call copies values and returns.
class Monitor {
  public:
    virtual ~Monitor() = default;
    [[nodiscard]] virtual StatusView status() const = 0;
    [[nodiscard]] virtual std::vector<AgentView> agents() const = 0;  ///< most tasks first
    [[nodiscard]] virtual ShadowTotals shadow() const = 0;
    [[nodiscard]] virtual EpochView epoch() const = 0;
    [[nodiscard]] virtual std::vector<LeaderboardEntry> leaderboard() const = 0;
    [[nodiscard]] virtual Result<RewardsView> rewards(const std::string& agent_id) const = 0;
    /// The reasons why the coordinator cannot do all of its work now; empty when it is ready.
    [[nodiscard]] virtual Reasons not_ready() const = 0;
};

}  // namespace ioswarm
