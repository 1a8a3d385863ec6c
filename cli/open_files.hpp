// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ioswarm::cli {

/// Files that an agent's connection takes: the socket, and the pair that hands its bytes to gRPC.
inline constexpr std::uint64_t kFilesPerAgent = 2;
/// Files for all else: ledger, logs, the figures' port, calls to the node.
inline constexpr std::uint64_t kFilesForTheRest = 256;

/// Raises the process's soft limit on open files to its hard limit, which it may always do. The limit that
/// holds then.
std::uint64_t raise_open_file_limit();

/// What an operator should know when `limit` is not enough for so many agents; nothing when it is.
[[nodiscard]] std::optional<std::string> open_files_warning(std::uint64_t max_agents, std::uint64_t limit);

}  // namespace ioswarm::cli
