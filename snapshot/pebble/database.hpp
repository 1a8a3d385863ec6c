// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot {

/// Opens trie.db as a PebbleDB directory. A namespace is the range of keys with its prefix. Errors are those of
/// open_state(); `what` of an error is the name of a Fault.
[[nodiscard]] Result<std::unique_ptr<StateDatabase>> open_pebble(const std::string& path,
                                                                 const OpenOptions& options);

/// Everything in the directory in stored order, with the prefix in each key. For `snapshot inspect` and the
/// tests.
[[nodiscard]] Result<std::unique_ptr<NamespaceCursor>> open_pebble_whole(StateDatabase& database);

}  // namespace ioswarm::snapshot
