// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/server_builder.h>

#include "proto/agent_port/agent_server.hpp"

namespace ioswarm::proto {

/// Sets the message sizes, pings, flow-control windows and time-outs of the agent port. Sets no credentials and
/// adds no services. It is a function of its own so that a benchmark can compare the agent port with a bare
/// server that has the same settings.
void configure_transport(grpc::ServerBuilder& builder, const AgentServerSettings& settings);

}  // namespace ioswarm::proto
