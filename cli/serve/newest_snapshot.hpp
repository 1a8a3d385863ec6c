// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The newest snapshot of a folder, as described by its snapshot-meta.json.
struct NewestSnapshot {
    std::uint64_t height = 0;
    std::string file;  ///< a file name in that folder, never a path
    std::uint64_t bytes = 0;
    std::string sha256;  ///< of the file, as 64 hex digits
    std::string time;    ///< RFC 3339
};

/// Reads snapshot-meta.json at each call, and checks that the file that it names is a regular file of the given
/// size. Errors, none of which names the folder: not_found (nothing was published yet, or the named file is
/// gone), bad_data (invalid content, such as a path or another size).
[[nodiscard]] Result<NewestSnapshot> newest_snapshot(const std::string& folder);

}  // namespace ioswarm::cli
