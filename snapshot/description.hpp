// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/model/chain_identity.hpp"
#include "snapshot/immutable_name.hpp"

namespace ioswarm::snapshot {

/// The contents of snapshot-meta.json, or of NAME.json, for the snapshot that it was published with. A snapshot
/// itself cannot name a namespace without entries; the description can.
struct Description {
    std::string path;  ///< of the description itself, for messages
    std::string file;  ///< the name that it describes; empty when it says none
    /// The immutable file that this name is a link to; empty when it says none.
    std::string immutable;
    SnapshotKind kind = SnapshotKind::other;  ///< by its namespaces
    std::uint64_t height = 0;
    std::uint64_t file_bytes = 0;
    std::string payload_sha256;  ///< 64 hex digits
    /// The name and the number of entries of each namespace, in the snapshot's order.
    std::vector<std::pair<std::string, std::uint64_t>> namespaces;
    /// The chain of the diffs that the snapshot was rolled with; nothing when they did not say it.
    std::optional<ChainIdentity> chain;
};

/// Reads the description of `snapshot`: NAME.json, where NAME is the file that `snapshot` may be a link to, or
/// else the snapshot-meta.json beside it. Returns nothing when there is none, when it cannot be read, or when
/// it lacks a field that snapshots always had. The latter may describe another snapshot in the same folder:
/// compare height, size and digest.
[[nodiscard]] std::optional<Description> read_description(const std::string& snapshot);

/// Only the snapshot-meta.json in the folder of `snapshot`.
[[nodiscard]] std::optional<Description> read_folder_description(const std::string& snapshot);

}  // namespace ioswarm::snapshot
