// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include <grpcpp/channel.h>

#include "proto/agents/agent_settings.hpp"

namespace ioswarm::proto {

/// Makes a separate connection to the coordinator. It connects when it is first used.
[[nodiscard]] std::shared_ptr<grpc::Channel> connect(const CoordinatorAddress& address,
                                                     const AgentTimes& times);

}  // namespace ioswarm::proto
