// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/locks.hpp"

#include <absl/synchronization/mutex.h>

namespace ioswarm::proto {

void leave_out_lock_checks() {
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace ioswarm::proto
