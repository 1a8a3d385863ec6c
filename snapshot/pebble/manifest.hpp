// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot::pebble {

/// A live table as MANIFEST describes it.
struct TableMeta {
    std::uint64_t number = 0;
    std::uint32_t level = 0;  ///< 0..6
    std::uint64_t size = 0;
    bool has_points = true;  ///< false: range keys only, nothing of ours
    Bytes smallest;          ///< internal keys; empty without points
    Bytes largest;
    std::uint64_t smallest_sequence = 0;
    std::uint64_t largest_sequence = 0;
};

/// What a MANIFEST's edits leave (section 6).
struct Manifest {
    std::map<std::uint64_t, TableMeta> tables;  ///< by number
    std::uint64_t log_number = 0;               ///< oldest live WAL; 0 = never set
    std::uint64_t last_sequence = 0;
    bool torn_tail = false;  ///< the last record was cut off: worth a warning
};

/// Errors: manifest-corrupt, unsupported-manifest, unsupported-comparer.
[[nodiscard]] Result<Manifest> read_manifest(const std::string& path, BytesView file);

}  // namespace ioswarm::snapshot::pebble
