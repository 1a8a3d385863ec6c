// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot {

/// Opens a BoltDB file or a PebbleDB directory; the path alone decides which. Errors: not_found,
/// permission_denied, try_again (locked; the text names the holder), cancelled, bad_data, io.
[[nodiscard]] Result<std::unique_ptr<StateDatabase>> open_state(const std::string& path,
                                                                const OpenOptions& options);

/// Opens the state before the newest one in a BoltDB file. It is used to find out whether it is intact when the
/// newest is damaged. Errors: those of open_state(); not_found (there is none, or the path is a PebbleDB
/// directory).
[[nodiscard]] Result<std::unique_ptr<StateDatabase>> open_state_before(const std::string& path,
                                                                       const OpenOptions& options);

}  // namespace ioswarm::snapshot
