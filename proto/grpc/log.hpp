// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/log.hpp"

namespace ioswarm::proto {

/// Sends to `log` what gRPC would otherwise write to standard error. Its errors become warnings. Any client can
/// provoke them, so if they come fast, most of them are only counted. If GRPC_VERBOSITY in the environment asks
/// for more messages, those become debug messages. This holds for the whole process until it ends, because gRPC
/// has one hook and its threads may live longer than the code that used them. The latest call counts.
/// Thread-safe.
void send_grpc_log_to(const Log& log);

}  // namespace ioswarm::proto
