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

/// What a node's state holds.
struct StateStats {
    std::uint64_t height = 0;
    bool big_endian_height = false;  ///< stored so by an older tool
    std::string source_kind;         ///< "boltdb" or "pebbledb"
    std::vector<std::pair<std::string, NamespaceStats>> namespaces;
    std::vector<std::string> warnings;  ///< StateDatabase::warnings()
};

/// Counts the entries of `options.namespaces`, or of every namespace that is there when that is empty; of the
/// rest of `options` source, live, reflink_copy, lock_timeout and timeout count. Writes nothing. Errors: those
/// of open_state(), cancelled (`stop`), timed_out, bad_data (the source, or a namespace that is not there).
[[nodiscard]] Result<StateStats> read_state_stats(const ExportOptions& options, const std::stop_token& stop);

}  // namespace ioswarm::snapshot
