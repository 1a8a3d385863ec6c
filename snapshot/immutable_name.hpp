// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ioswarm::snapshot {

/// What a snapshot holds. The values are in the order in which snapshot-meta.json prefers them.
enum class SnapshotKind {
    other,     ///< it lacks Account or Code, so no agent can start from it
    full,      ///< Account, Code and more, normally Contract
    acctcode,  ///< Account and Code, what agents download
};

/// "acctcode", "full" or "other".
[[nodiscard]] std::string_view to_string(SnapshotKind kind);
/// Nothing for any other word.
[[nodiscard]] std::optional<SnapshotKind> parse_snapshot_kind(std::string_view word);
[[nodiscard]] SnapshotKind kind_of(const std::vector<std::string_view>& namespaces);

/// The immutable name of a snapshot: that of the output, with the height and the first 8 hex digits of the
/// file's SHA-256 in front of ".snap.gz" (or ".gz", or at the end). So "acctcode.snap.gz" becomes
/// "acctcode-46006460-0a1b2c3d.snap.gz". A file of this name never changes its content.
struct ImmutableName {
    std::string output;  ///< "acctcode.snap.gz"
    std::uint64_t height = 0;
    std::string sha8;  ///< 8 lower-case hex digits

    [[nodiscard]] std::string text() const;
    /// Nothing when `name` is no such name.
    [[nodiscard]] static std::optional<ImmutableName> parse(std::string_view name);
};

/// "NAME.json", the description of the snapshot NAME alone.
[[nodiscard]] std::string own_meta_name(const std::string& snapshot);

}  // namespace ioswarm::snapshot
