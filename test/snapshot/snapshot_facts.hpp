// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "snapshot/reader.hpp"

namespace ioswarm::test {

struct SnapshotEntry {
    std::string name;
    Bytes key;
    Bytes value;
    bool operator==(const SnapshotEntry&) const = default;
};

/// The height and all entries of a snapshot, in order. read_snapshot() returns the first error if it is not
/// sound.
struct SnapshotContent {
    std::uint64_t height = 0;
    std::vector<SnapshotEntry> entries;
    bool operator==(const SnapshotContent&) const = default;
};

inline Result<SnapshotContent> read_snapshot(const std::string& path) {
    auto reader = snapshot::SnapshotReader::open(path);
    if (!reader) return fail(reader.error());
    SnapshotContent content{(*reader)->height(), {}};
    for (;;) {
        auto entry = (*reader)->next();
        if (!entry) return fail(entry.error());
        if (!*entry) return content;
        content.entries.push_back(
            {std::string((*entry)->name), to_bytes((*entry)->key), to_bytes((*entry)->value)});
    }
}

}  // namespace ioswarm::test
