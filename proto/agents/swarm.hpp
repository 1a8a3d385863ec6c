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
#include "core/sim/fault_plan.hpp"
#include "core/sim/run_record.hpp"
#include "proto/agents/client.hpp"

namespace ioswarm::proto {

struct SwarmSettings {
    CoordinatorAddress address;
    AgentTimes times;
    std::uint32_t agents = 1;
    /// More than 1: agents share connections. At most kMostAgentsAConnection.
    std::uint32_t agents_per_connection = 1;
    unsigned threads = 1;  ///< that run all agents, answers included
    TaskLevel level = TaskLevel::l2_state_verify;
    std::string master_secret;  ///< agents' keys are made of it; empty: no credentials are sent
    /// Each names a wallet of its own that is nobody's (0x…01, 0x…02): only for books that pay nobody.
    bool wallets = false;
    /// The wallet of each agent, in their order; agents beyond its end name none. Beats `wallets`.
    std::vector<std::string> wallet_list;
    std::string version;
    AnswerTask answer;                          ///< thread-safe
    std::chrono::milliseconds late_by{12'500};  ///< how long agents with that fault wait
    std::chrono::milliseconds away_for{1'000};  ///< how long vanished ones that come back stay away
};

/// Each holds one stream and at most two short calls at a time, and a connection takes 100.
inline constexpr std::uint32_t kMostAgentsAConnection = 25;

/// "sim-agent-00001" for 0. Their number says how many digits.
[[nodiscard]] std::string swarm_agent_id(std::uint32_t index);
/// Agents are spread over a few.
[[nodiscard]] std::string swarm_region(std::uint32_t index);

/// Many agents of one coordinator with their faults, on a few threads, over real gRPC; every other one speaks
/// JSON. What they do and see goes into a RunRecord. For tests and load; nothing of it belongs to a
/// coordinator.
class Swarm {
  public:
    /// `faults` and `record` must outlive it.
    Swarm(SwarmSettings settings, const sim::FaultPlan& faults, sim::RunRecord& record, Log log);
    /// leave()s.
    ~Swarm();
    Swarm(const Swarm&) = delete;
    Swarm& operator=(const Swarm&) = delete;

    /// Starts all agents, a few hundred at a time, and waits until every one of them is registered and has
    /// asked for tasks. Errors: cancelled (stop); the coordinator's own word where it refuses for good
    /// (unauthenticated, permission_denied, resource_exhausted: no place); after `within` the last failure
    /// where nobody came in, else timed_out, naming how many did.
    [[nodiscard]] Status join(std::chrono::milliseconds within, const std::stop_token& stop);

    /// No agent takes up another batch; what is being handed in is waited for as long as `within`; then all
    /// connections are closed and nothing runs any more. A second call does nothing.
    void leave(std::chrono::milliseconds within);

    [[nodiscard]] std::uint32_t joined() const;
    /// CPU time that the agents' threads have used: gRPC's client side on them, encoding and the checks
    /// themselves.
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const;
    /// Why registrations and streams failed, and how often.
    [[nodiscard]] std::map<std::string, std::uint64_t> failures() const;

  private:
    class Agent;
    class Working;
    class Shared;
    std::unique_ptr<Shared> shared_;
};

}  // namespace ioswarm::proto
