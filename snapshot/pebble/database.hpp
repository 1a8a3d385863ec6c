// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot {

/// trie.db as a PebbleDB directory: a namespace is the range of keys under its prefix. Errors as open_state();
/// the error's `what` is the class of ../shared/spec/pebble.md section 9.
[[nodiscard]] Result<std::unique_ptr<StateDatabase>> open_pebble(const std::string& path,
                                                                 const OpenOptions& options);

/// Everything in the directory, in stored order, keys with their prefix: what `snapshot inspect` and the tests
/// need.
[[nodiscard]] Result<std::unique_ptr<NamespaceCursor>> open_pebble_whole(StateDatabase& database);

}  // namespace ioswarm::snapshot
