// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/sim/agent_rules.hpp"
#include "core/sim/fault_plan.hpp"
#include "core/sim/run_record.hpp"
#include "proto/agents/agent_settings.hpp"

namespace ioswarm::proto {

struct LoadSettings {
    CoordinatorAddress address;
    AgentTimes times;
    std::uint32_t agents = 1;
    /// With more than 1, agents share connections. At most kMaxAgentsPerConnection.
    std::uint32_t agents_per_connection = 1;
    unsigned threads = 1;  ///< threads that run all agents, including the answers
    TaskLevel level = TaskLevel::l2_state_verify;
    std::string master_secret;  ///< the agents' keys are derived from it; empty: no credentials are sent
    /// The ids and keys of the agents, in order. If not empty, it has one for each agent, and neither
    /// master_secret nor the ids of load_agent_id(index) are used.
    struct Credential {
        std::string agent_id;
        std::string key;
    };
    std::vector<Credential> credentials;
    /// Each agent names a different wallet that nobody owns (0x…01, 0x…02). Use this only with a ledger that
    /// pays nobody.
    bool wallets = false;
    /// The wallets of the agents, in order. Agents past the end of the list name none. Takes precedence over
    /// `wallets`.
    std::vector<std::string> wallet_list;
    std::string version;
    sim::AnswerTask answer;                     ///< must be thread-safe
    std::chrono::milliseconds late_by{12'500};  ///< how long agents with the fault `late` wait
    std::chrono::milliseconds away_for{1'000};  ///< how long agents that vanish and come back stay away
};

/// Maximum number of agents that may share a connection. Each has one stream and at most two short calls at a
/// time, and a connection allows 100 calls.
inline constexpr std::uint32_t kMaxAgentsPerConnection = 25;

/// "sim-agent-00001" for index 0.
[[nodiscard]] std::string load_agent_id(std::uint32_t index);
/// The id of an agent with these settings.
[[nodiscard]] std::string load_agent_id(const LoadSettings& settings, std::uint32_t index);
/// The region of an agent. Agents are spread over a few regions.
[[nodiscard]] std::string load_agent_region(std::uint32_t index);

/// Many agents of one coordinator, with the faults of a plan, on a few threads, over real gRPC. Every second
/// agent uses JSON. A RunRecord records what they do and see. Used for tests and load only; a coordinator does
/// not need it.
class LoadGenerator {
  public:
    /// `faults` and `record` must outlive this object.
    LoadGenerator(LoadSettings settings, const sim::FaultPlan& faults, sim::RunRecord& record, Log log);
    /// Calls leave().
    ~LoadGenerator();
    LoadGenerator(const LoadGenerator&) = delete;
    LoadGenerator& operator=(const LoadGenerator&) = delete;

    /// Starts all agents, a few hundred at a time, and waits until all of them have registered. Each asks for
    /// tasks right after that. Errors: cancelled (`stop`); the coordinator's own error if it refuses for good
    /// (unauthenticated, permission_denied, or resource_exhausted: it is full). After `within`: the last
    /// failure if no agent joined, otherwise timed_out with the number of agents that joined.
    [[nodiscard]] Status join(std::chrono::milliseconds within, const std::stop_token& stop);

    /// Lets no agent start another batch. Waits up to `within` for submissions in progress, then closes all
    /// connections. Nothing runs when it returns. A second call does nothing.
    void leave(std::chrono::milliseconds within);

    [[nodiscard]] std::uint32_t joined() const;
    /// Agents whose last registration or stream has not failed. Call it before leave(), which makes it 0.
    [[nodiscard]] std::uint32_t in_touch() const;
    /// CPU time that the agents' threads have used: gRPC's client code, encoding, and the checks themselves.
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const;
    /// The reasons why registrations and streams failed, with their counts.
    [[nodiscard]] std::map<std::string, std::uint64_t> failures() const;

  private:
    class Work;
    class Working;
    class Shared;
    std::unique_ptr<Shared> shared_;
};

}  // namespace ioswarm::proto
