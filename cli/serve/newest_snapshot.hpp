// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.hpp"
#include "snapshot/immutable_name.hpp"

namespace ioswarm::cli {

/// The newest snapshot of a folder, as described by its snapshot-meta.json.
struct NewestSnapshot {
    std::uint64_t height = 0;
    std::string file;  ///< a file name in that folder, never a path
    std::uint64_t bytes = 0;
    std::string sha256;  ///< of the file, as 64 hex digits
    std::string time;    ///< RFC 3339
    /// The file that `file` is a link to; empty when it is a file itself.
    std::string immutable = {};
    snapshot::SnapshotKind kind = snapshot::SnapshotKind::other;
};

/// Reads snapshot-meta.json at each call, and checks that the file that it names, or the immutable one behind
/// that, is a regular file of the given size. Errors, none of which names the folder: not_found (nothing was
/// published yet, or the named file is gone), bad_data (invalid content, such as a path or another size).
[[nodiscard]] Result<NewestSnapshot> newest_snapshot(const std::string& folder);

/// The same for another description in the folder. `meta` is its file name.
[[nodiscard]] Result<NewestSnapshot> described_snapshot(const std::string& folder, const std::string& meta);

}  // namespace ioswarm::cli
