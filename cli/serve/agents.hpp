// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "cli/config/serve_config.hpp"
#include "core/base/log.hpp"
#include "core/sim/chain_settings.hpp"
#include "proto/agents/agent_group.hpp"

namespace ioswarm::cli {

/// Settings of the embedded chain from the configuration. The chain continues after `resume_height`.
[[nodiscard]] sim::ChainSettings embedded_settings(const ServeConfig& config, std::uint64_t resume_height);

/// Creates `count` agents named test-agent-01 and so on, which answer as the public agent does at L2. Every
/// other one uses JSON.
[[nodiscard]] std::unique_ptr<proto::AgentGroup> test_agents(std::uint64_t count,
                                                             proto::CoordinatorAddress address,
                                                             const ServeConfig& config, const Log& log);

}  // namespace ioswarm::cli
