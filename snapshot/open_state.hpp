// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot {

/// Opens either kind, found from the path alone (a directory or a file).
/// Errors: not_found, permission_denied, try_again (locked; names the holder), cancelled, bad_data,
/// io.
[[nodiscard]] Result<std::unique_ptr<StateDatabase>> open_state(const std::string& path,
                                                                const OpenOptions& options);

/// The state before the newest one of a BoltDB file, for telling whether it is intact where the newest is
/// damaged. Errors: as open_state(); not_found (there is none, or the path is a PebbleDB directory).
[[nodiscard]] Result<std::unique_ptr<StateDatabase>> open_state_before(const std::string& path,
                                                                       const OpenOptions& options);

}  // namespace ioswarm::snapshot
