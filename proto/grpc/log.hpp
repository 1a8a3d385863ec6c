// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/log.hpp"

namespace ioswarm::proto {

/// What gRPC would write to standard error goes to `log` from now on: its errors as warnings, of which those
/// that come fast (any client can provoke them) are counted instead; where GRPC_VERBOSITY in the environment
/// asks for more, the rest is debug. For the whole process and until it ends, since gRPC's hook is a plain
/// function for all of gRPC and its threads outlive whoever used them; the latest call counts. Thread-safe.
void send_grpc_log_to(Log log);

}  // namespace ioswarm::proto
