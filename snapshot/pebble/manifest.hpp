// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot::pebble {

/// A live table as the MANIFEST describes it.
struct TableMeta {
    std::uint64_t number = 0;
    std::uint32_t level = 0;  ///< 0..6
    std::uint64_t size = 0;
    /// False: it has only range keys, which a node's state does not use.
    bool has_points = true;
    Bytes smallest;  ///< internal keys; empty for a table without points
    Bytes largest;
    std::uint64_t smallest_sequence = 0;
    std::uint64_t largest_sequence = 0;
};

/// The result of all edits in a MANIFEST.
struct Manifest {
    std::map<std::uint64_t, TableMeta> tables;  ///< by table number
    std::uint64_t log_number = 0;               ///< number of the oldest live WAL; 0: never set
    std::uint64_t last_sequence = 0;
    bool torn_tail = false;  ///< the last record is incomplete, which deserves a warning
};

/// Errors: manifest-corrupt, unsupported-manifest, unsupported-comparer.
[[nodiscard]] Result<Manifest> read_manifest(const std::string& path, BytesView file);

}  // namespace ioswarm::snapshot::pebble
