// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/support/status.h>

#include "core/base/result.hpp"

namespace ioswarm::proto {

/// The status that an agent sees for an error of ours: the code by kind, the message its text, printable ASCII
/// of at most 512 bytes. Hints stay here, they are for the operator. What can only be a fault on our side is
/// UNAVAILABLE (agents try again), `internal` is INTERNAL.
[[nodiscard]] grpc::Status to_grpc_status(const Error& error);

}  // namespace ioswarm::proto
