// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "snapshot/lock_wait.hpp"
#include "snapshot/state_database.hpp"

namespace ioswarm::snapshot {

/// trie.db as a BoltDB file: buckets are namespaces, nested buckets are left out. Errors as open_state().
[[nodiscard]] Result<std::unique_ptr<StateDatabase>> open_bolt(const std::string& path, const LockWait& wait);

}  // namespace ioswarm::snapshot
