// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ioswarm::cli {

/// Open files per agent connection: the socket, and the socket pair that passes its bytes to gRPC.
inline constexpr std::uint64_t kFilesPerAgent = 2;
/// Open files for everything else: ledger, logs, the monitoring API, calls to the node.
inline constexpr std::uint64_t kFilesForTheRest = 256;

/// Raises the process's soft limit on open files to its hard limit, which needs no privilege. Returns the limit
/// in force afterwards.
std::uint64_t raise_open_file_limit();

/// Returns a warning when `limit` is too small for `max_agents` agents, otherwise nothing.
[[nodiscard]] std::optional<std::string> open_files_warning(std::uint64_t max_agents, std::uint64_t limit);

}  // namespace ioswarm::cli
