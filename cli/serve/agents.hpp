// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "cli/config/serve_config.hpp"
#include "core/base/log.hpp"
#include "core/sim/chain_settings.hpp"
#include "proto/agents/client.hpp"

namespace ioswarm::cli {

/// The embedded chain as configured, going on after `resume_height`.
[[nodiscard]] sim::ChainSettings embedded_settings(const ServeConfig& config, std::uint64_t resume_height);

/// `count` agents named test-agent-01, …, that answer as the public agent does at L2; every other one speaks
/// JSON.
[[nodiscard]] std::unique_ptr<proto::AgentClients> test_agents(std::uint64_t count,
                                                               proto::CoordinatorAddress address,
                                                               const ServeConfig& config, const Log& log);

}  // namespace ioswarm::cli
