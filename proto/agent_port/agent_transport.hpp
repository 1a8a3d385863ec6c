// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/server_builder.h>

#include "proto/agent_port/agent_server.hpp"

namespace ioswarm::proto {

/// Configures gRPC for the agent port, except for credentials and services: sizes, pings, windows, time-outs.
/// It is a function of its own so that a benchmark can compare the agent port with a bare server that has the
/// same settings.
void configure_transport(grpc::ServerBuilder& builder, const AgentServerSettings& settings);

}  // namespace ioswarm::proto
