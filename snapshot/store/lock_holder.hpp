// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace ioswarm::snapshot {

/// Who holds a flock on the file behind `fd`, as /proc/locks tells: "held by process 4711 (iotex-server)", or
/// "held by another process" where it does not.
[[nodiscard]] std::string describe_flock_holder(int fd);

/// "process 4711 (iotex-server)"; the name is left out where /proc does not give it.
[[nodiscard]] std::string describe_process(long pid);

}  // namespace ioswarm::snapshot
