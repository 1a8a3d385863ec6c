// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/model/chain_identity.hpp"

namespace ioswarm::snapshot {

/// What snapshot-meta.json says of the snapshot that it was published with. The snapshot itself cannot name a
/// namespace that holds nothing; the description can.
struct Description {
    std::uint64_t height = 0;
    std::uint64_t file_bytes = 0;
    std::string payload_sha256;  ///< 64 hex digits
    /// Name and number of entries, in the snapshot's order.
    std::vector<std::pair<std::string, std::uint64_t>> namespaces;
    std::optional<ChainIdentity>
        chain;  ///< of the diffs that it was rolled with; nothing when they did not say
};

/// Reads the description beside `snapshot`. Nothing when there is none, when it cannot be read, or when it
/// lacks one of these fields. It may be that of another snapshot in the same folder: compare height, size and
/// digest.
[[nodiscard]] std::optional<Description> read_description(const std::string& snapshot);

}  // namespace ioswarm::snapshot
