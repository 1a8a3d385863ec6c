// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace ioswarm::snapshot {

/// Names the holder of an flock on the file behind `fd`, from /proc/locks: "held by process 4711
/// (iotex-server)", or "held by another process" when it is not listed.
[[nodiscard]] std::string describe_flock_holder(int fd);

/// For example "process 4711 (iotex-server)"; without the name when /proc does not give it.
[[nodiscard]] std::string describe_process(long pid);

}  // namespace ioswarm::snapshot
