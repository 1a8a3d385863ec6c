// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "snapshot/export.hpp"
#include "snapshot/writer.hpp"

namespace ioswarm::snapshot {

/// Figures about a node's state.
struct StateStats {
    std::uint64_t height = 0;
    bool big_endian_height = false;  ///< stored in this byte order by an older tool
    std::string source_kind;         ///< "boltdb" or "pebbledb"
    std::vector<std::pair<std::string, NamespaceStats>> namespaces;
    std::vector<std::string> warnings;  ///< StateDatabase::warnings()
};

/// Counts the entries of `options.namespaces`, or of every namespace if that is empty. Of the other options it
/// uses source, live, reflink_copy, lock_timeout and timeout. It writes nothing. Errors: those of open_state(),
/// cancelled (`stop`), timed_out, bad_data (the source is damaged, or a namespace is missing).
[[nodiscard]] Result<StateStats> read_state_stats(const ExportOptions& options, const std::stop_token& stop);

}  // namespace ioswarm::snapshot
