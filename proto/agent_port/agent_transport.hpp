// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/server_builder.h>

#include "proto/agent_port/agent_server.hpp"

namespace ioswarm::proto {

/// What gRPC is told of the agent port beside credentials and services: sizes, pings, windows, time-outs. Apart
/// so that a benchmark can set a bare server beside the agent port under the very same settings.
void configure_transport(grpc::ServerBuilder& builder, const AgentServerSettings& settings);

}  // namespace ioswarm::proto
