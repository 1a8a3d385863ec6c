// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/sim/l4_state.hpp"

namespace ioswarm::cli {

/// Writes an L4 agent's state as an IOSWSNAP file. Errors: io, permission_denied, not_found (the folder).
[[nodiscard]] Status write_l4_snapshot(const sim::L4State& state, const std::string& path);
/// Reads such a file. Errors: not_found, permission_denied, io, bad_data.
[[nodiscard]] Result<sim::L4State> read_l4_snapshot(const std::string& path);

}  // namespace ioswarm::cli
