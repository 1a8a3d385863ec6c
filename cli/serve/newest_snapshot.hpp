// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// What snapshot-meta.json of a folder of snapshots says of the newest one.
struct NewestSnapshot {
    std::uint64_t height = 0;
    std::string file;  ///< a name in that folder, never a path
    std::uint64_t bytes = 0;
    std::string sha256;  ///< of the file, 64 hex digits
    std::string time;    ///< RFC 3339
};

/// Read anew at each call; the file it names is there, regular and of that size. Errors, none of which names
/// the folder: not_found (nothing was published yet, or the named file is gone), bad_data (the file says what
/// it must not: a path, another size).
[[nodiscard]] Result<NewestSnapshot> newest_snapshot(const std::string& folder);

}  // namespace ioswarm::cli
