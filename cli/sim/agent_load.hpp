// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "cli/sim/options.hpp"
#include "cli/sim/report.hpp"
#include "proto/agents/load_generator.hpp"

namespace ioswarm::cli {

// Code shared by runs with their own coordinator and runs of agents only. The latter, run_agents_alone()
// (run.hpp), is in agent_load.cpp too.

/// Raises the process's limit on open files as far as possible. Then returns the settings of the load
/// generator, except address and secret. If the limit is too low for one connection per agent, agents share
/// connections.
[[nodiscard]] proto::LoadSettings load_generator_settings(const SimOptions& options,
                                                          std::chrono::milliseconds task_timeout);
[[nodiscard]] std::uint32_t connections_of(const proto::LoadSettings& settings);

/// Fills in the queue figures from samples that were taken at equal intervals.
void count_queue(const std::vector<std::uint64_t>& samples, RunFigures& figures);
/// Fills in totals, times and the agents' rows. The agents' ids are taken from `settings`.
void fill_from_record(const sim::RunRecord& record, const sim::FaultPlan& faults, RunFigures& figures,
                      SimReport& report, const proto::LoadSettings& settings = {});

}  // namespace ioswarm::cli
