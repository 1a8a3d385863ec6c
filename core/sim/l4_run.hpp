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
    std::size_t agents = kL4Behaviours;  ///< at least so many: one for each behaviour; further ones repeat them
    ChainSettings chain;                 ///< what the source was made from
    /// At the end, how long agents may take to come to the tip, and streams to end.
    std::chrono::milliseconds settle{60'000};
};

/// What is tried out: a source, its diff log, and those who serve it. Everything must outlive the run; the
/// functions are called from any thread.
struct L4World {
    L4Transport& transport;
    const DiffStore& store;
    std::function<void()> start;          ///< blocks begin to come
    std::function<std::uint64_t()> hold;  ///< no more blocks come; the height of the last one
    std::function<std::uint64_t()> tip;   ///< the newest height that agents can have
    /// The state written into a snapshot and read back.
    std::function<Result<L4State>(const L4State&)> through_snapshot;
    std::function<std::vector<std::string>()>
        subscribers;                 ///< agents with a stream, as the coordinator sees it
    std::function<Status()> health;  ///< an alarm of the feed, an error in the log: what must not have been
};

struct L4Check {
    std::string name;  ///< a word for scripts: "no_gaps"
    std::string what;  ///< the check in words, true when it passed
    bool passed = false;
    std::string detail;  ///< figures, or what was wrong
};

struct L4Progress {
    std::chrono::milliseconds elapsed{0};
    std::uint64_t tip = 0;
    std::size_t streams = 0;
    std::uint64_t lowest = 0;  ///< height of the agent that is farthest behind, of those with a stream
    bool settling = false;
};

struct L4Report {
    std::vector<L4Check> checks;
    std::vector<L4AgentRecord> agents;
    std::uint64_t tip = 0;
    std::uint64_t diffs = 0;  ///< that agents took, all together
    std::size_t entries = 0;  ///< of the state at the tip
    Hash256 state_hash;       ///< at the tip, of the replay
    std::chrono::milliseconds elapsed{0};
    [[nodiscard]] bool passed() const noexcept;
};

/// Runs L4 agents through the ten behaviours and checks what came of it (../shared/spec/config-and-http.md, its
/// end). A failed check is no error. `on_progress` is called from the calling thread, some times a second.
/// Errors: cancelled (stop); invalid_argument (fewer agents than behaviours); of l4_replay().
[[nodiscard]] Result<L4Report> run_l4(const L4RunSettings& settings, const L4World& world,
                                      const std::stop_token& stop,
                                      const std::function<void(const L4Progress&)>& on_progress);

}  // namespace ioswarm::sim
