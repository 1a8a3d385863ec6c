// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "snapshot/store/lock_wait.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot {

/// trie.db as a BoltDB file: buckets are namespaces, nested buckets are left out. Errors as open_state().
[[nodiscard]] Result<std::unique_ptr<StateDatabase>> open_bolt(const std::string& path, const LockWait& wait);

/// The state before the newest one, as far as its pages are still there: nothing is known of it before all of
/// it was read. Error not_found: the file has no second valid meta page.
[[nodiscard]] Result<std::unique_ptr<StateDatabase>> open_bolt_before(const std::string& path,
                                                                      const LockWait& wait);

}  // namespace ioswarm::snapshot
