// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/support/status.h>

#include "core/base/result.hpp"

namespace ioswarm::proto {

/// The status that an agent gets for one of our errors, with the code of proto/grpc/status_codes.hpp. The
/// message is the error's text in printable ASCII, at most 512 bytes. Hints are left out, because they are for
/// the operator.
[[nodiscard]] grpc::Status to_grpc_status(const Error& error);

}  // namespace ioswarm::proto
