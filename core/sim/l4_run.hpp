// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/ports/diff_store.hpp"
#include "core/sim/chain_settings.hpp"
#include "core/sim/l4_agent.hpp"
#include "core/sim/l4_state.hpp"
#include "core/sim/l4_transport.hpp"

namespace ioswarm::sim {

struct L4RunSettings {
    std::chrono::milliseconds duration{kL4FullDuration};
    std::size_t agents = kL4Behaviours;  ///< at least one per behaviour; further agents repeat the behaviours
    ChainSettings chain;                 ///< the settings of the source
    /// How long, at the end, agents may take to reach the tip, and streams to end.
    std::chrono::milliseconds settle{60'000};
};

/// The system under test: a source, its diff log, and the server of the diffs. Everything must outlive the run.
/// The functions may be called from any thread.
struct L4World {
    L4Transport& transport;
    const DiffStore& store;
    std::function<void()> start;          ///< makes blocks start coming
    std::function<std::uint64_t()> hold;  ///< stops the blocks and returns the height of the last one
    std::function<std::uint64_t()> tip;   ///< the newest height that agents can have
    /// Writes the state into a snapshot and reads it back.
    std::function<Result<L4State>(const L4State&)> through_snapshot;
    std::function<std::vector<std::string>()>
        subscribers;                 ///< agents with a stream, from the coordinator's point of view
    std::function<Status()> health;  ///< an error if the feed raised an alarm or an error was logged
};

struct L4Check {
    std::string name;  ///< a name for scripts, such as "no_gaps"
    std::string what;  ///< what is true if the check passed
    bool passed = false;
    std::string detail;  ///< figures, or what went wrong
};

/// The state of a run, for a progress line.
struct L4Progress {
    std::chrono::milliseconds elapsed{0};
    std::uint64_t tip = 0;
    std::size_t streams = 0;
    std::uint64_t lowest = 0;  ///< height of the agent that is farthest behind, among those with a stream
    bool settling = false;
};

struct L4Report {
    bool stopped = false;  ///< a stop ended the run; the checks are those that need no whole run
    std::vector<L4Check> checks;
    std::vector<L4AgentRecord> agents;
    std::uint64_t tip = 0;
    std::uint64_t diffs = 0;  ///< diffs received by all agents together
    std::size_t entries = 0;  ///< number of entries in the state at the tip
    Hash256 state_hash;       ///< state hash of the replay at the tip
    std::chrono::milliseconds elapsed{0};
    [[nodiscard]] bool passed() const noexcept;
};

/// Runs L4 agents through the ten behaviours and checks the result. A failed check is not an error.
/// `on_progress` is called from the calling thread a few times per second. A stop request ends the run, and
/// what happened so far is checked. Errors: cancelled (stopped before the first block); invalid_argument (fewer
/// agents than behaviours); those of l4_replay().
[[nodiscard]] Result<L4Report> run_l4(const L4RunSettings& settings, const L4World& world,
                                      const std::stop_token& stop,
                                      const std::function<void(const L4Progress&)>& on_progress);

}  // namespace ioswarm::sim
