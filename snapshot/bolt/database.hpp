// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "snapshot/store/lock_wait.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot {

/// Opens trie.db as a BoltDB file. Its buckets are the namespaces; nested buckets are left out. Errors are
/// those of open_state().
[[nodiscard]] Result<std::unique_ptr<StateDatabase>> open_bolt(const std::string& path, const LockWait& wait);

/// Opens the state before the newest one. Its pages may be overwritten, so it is known to be intact only after
/// all of it was read. Error not_found: the file has no second valid meta page.
[[nodiscard]] Result<std::unique_ptr<StateDatabase>> open_bolt_before(const std::string& path,
                                                                      const LockWait& wait);

}  // namespace ioswarm::snapshot
