// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/model/chain_identity.hpp"

namespace ioswarm::snapshot {

/// The contents of snapshot-meta.json for the snapshot that it was published with. A snapshot itself cannot
/// name a namespace without entries; the description can.
struct Description {
    std::uint64_t height = 0;
    std::uint64_t file_bytes = 0;
    std::string payload_sha256;  ///< 64 hex digits
    /// The name and the number of entries of each namespace, in the snapshot's order.
    std::vector<std::pair<std::string, std::uint64_t>> namespaces;
    /// The chain of the diffs that the snapshot was rolled with; nothing when they did not say it.
    std::optional<ChainIdentity> chain;
};

/// Reads the description beside `snapshot`. Returns nothing when there is none, when it cannot be read, or when
/// it lacks one of these fields. It may describe another snapshot in the same folder: compare height, size and
/// digest.
[[nodiscard]] std::optional<Description> read_description(const std::string& snapshot);

}  // namespace ioswarm::snapshot
