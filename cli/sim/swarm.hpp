// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "cli/sim/options.hpp"
#include "cli/sim/report.hpp"
#include "proto/agents/swarm.hpp"

namespace ioswarm::cli {

// What runs on a coordinator of our own and runs of agents alone have in common.

/// Everything but address and secret. Raises the limit of open files as far as it goes; where that is too low
/// for a connection an agent, agents share some.
[[nodiscard]] proto::SwarmSettings swarm_settings(const SimOptions& options,
                                                  std::chrono::milliseconds task_timeout);
[[nodiscard]] std::uint32_t connections_of(const proto::SwarmSettings& settings);

void count_queue(const std::vector<std::uint64_t>& samples, RunFigures& figures);
/// Totals, times, and the rows of the agents.
void fill_from_record(const sim::RunRecord& record, const sim::FaultPlan& faults, RunFigures& figures,
                      SimReport& report);

}  // namespace ioswarm::cli
