// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "snapshot/gzip/gzip.hpp"

namespace ioswarm::cli {

using NamespaceEntries = std::map<std::string, std::uint64_t, std::less<>>;

/// What a whole snapshot is.
struct SnapshotFacts {
    std::uint64_t height = 0;
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;     ///< of the compressed file
    std::string sha256;          ///< of the compressed file, in hex
    std::string payload_sha256;  ///< in hex
    NamespaceEntries namespaces;
};

/// Reads a snapshot to its end and checks all of it. `name` is used in messages, `size` is what is expected to
/// come. Errors: those of SnapshotReader and of `bytes`; resource_exhausted when more than `max_bytes` come.
[[nodiscard]] Result<SnapshotFacts> read_facts(const std::string& name, std::uint64_t size,
                                               std::unique_ptr<snapshot::RawBytes> bytes,
                                               std::optional<std::uint64_t> max_bytes);

}  // namespace ioswarm::cli
