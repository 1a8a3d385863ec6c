// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// The immutable names of an output's snapshots that lie in its folder, whole or in part (a snapshot, its
/// digest or its description), the greatest height first. `output` is the path of the output. A folder that
/// cannot be read has none.
[[nodiscard]] std::vector<std::string> immutable_names_of(const std::string& output);

/// Deletes the older snapshots of an output with their companions: all but the `keep` newest ones. It never
/// deletes the one that snapshot-meta.json describes, nor one that a symbolic link of the folder points to.
/// Returns the names that it deleted. Errors: io, permission_denied; the first one ends the work.
[[nodiscard]] Result<std::vector<std::string>> delete_older_snapshots(const std::string& output,
                                                                      std::size_t keep);

}  // namespace ioswarm::snapshot
