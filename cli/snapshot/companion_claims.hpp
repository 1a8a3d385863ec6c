// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/snapshot/snapshot_facts.hpp"
#include "core/base/result.hpp"

namespace ioswarm::cli {

// What lies beside a snapshot says something about it, and so does its own name. `verify` compares all of that
// with the snapshot, for a file and for a URL in the same way.

/// Maximum size of a companion, in bytes. Real ones have about a thousand.
inline constexpr std::size_t kMaxCompanionBytes = std::size_t{1} << 20U;

/// What one of them says. A field that it does not say is empty.
struct SnapshotClaim {
    std::string from;  ///< path or URL, or "its name"
    std::optional<std::uint64_t> height;
    std::optional<std::uint64_t> bytes;
    std::optional<std::uint64_t> entries;
    std::optional<std::string> sha256;  ///< or its first digits
    std::optional<std::string> payload_sha256;
    std::optional<NamespaceEntries> namespaces;
};

/// The names under which a companion may know the snapshot. Empty: names are not compared.
using KnownNames = std::vector<std::string>;

/// The error failed_precondition: `which` is whole, or may be, but what lies beside it says something else.
[[nodiscard]] Error disagreement(std::string which, std::string why);

/// Reads a .sha256, a line of sha256sum. Error disagreement(): it is no such line, or it names another file.
[[nodiscard]] Result<SnapshotClaim> claim_of_sum(std::string from, const std::string& text,
                                                 const KnownNames& names);

/// Reads a description, NAME.json or snapshot-meta.json. Nothing when it describes another file and `is_shared`
/// says that it may. Error disagreement(): it describes another file, or lacks a fact.
[[nodiscard]] Result<std::optional<SnapshotClaim>> claim_of_description(std::string from,
                                                                        const std::string& text,
                                                                        const KnownNames& names,
                                                                        bool is_shared);

/// What an immutable name says; nothing for any other name.
[[nodiscard]] std::optional<SnapshotClaim> claim_of_name(std::string_view name);

/// Where the snapshot is not what a claim says, one sentence each: which claim, and what it says.
[[nodiscard]] std::vector<std::string> disagreements(const SnapshotFacts& facts,
                                                     const std::vector<SnapshotClaim>& claims);

/// Where two claims cannot both be true; nothing when all can.
[[nodiscard]] std::optional<std::string> contradiction(const std::vector<SnapshotClaim>& claims);

/// What was found out about a snapshot that is whole, and that nothing contradicts.
struct VerifiedSnapshot {
    std::string place;  ///< its path, or its URL after redirects
    SnapshotFacts facts;
    std::vector<std::string> compared;  ///< the companions that agree
    std::vector<std::string> missing;   ///< what could lie beside it, and does not
};

}  // namespace ioswarm::cli
