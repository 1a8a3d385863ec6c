// SPDX-License-Identifier: Apache-2.0
#include "snapshot/immutable_name.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace ioswarm::snapshot {
namespace {

constexpr std::string_view kEndings[] = {".snap.gz", ".gz"};
constexpr std::size_t kShaDigits = 8;
constexpr std::string_view kHexDigits = "0123456789abcdef";

/// The ending that stays behind height and digest; empty for a name without a known ending.
std::string_view ending_of(std::string_view name) {
    for (const std::string_view ending : kEndings) {
        if (name.size() > ending.size() && name.ends_with(ending)) return ending;
    }
    return {};
}

}  // namespace

std::string_view to_string(SnapshotKind kind) {
    switch (kind) {
        case SnapshotKind::acctcode:
            return "acctcode";
        case SnapshotKind::full:
            return "full";
        case SnapshotKind::other:
            break;
    }
    return "other";
}

std::optional<SnapshotKind> parse_snapshot_kind(std::string_view word) {
    for (const SnapshotKind kind : {SnapshotKind::other, SnapshotKind::full, SnapshotKind::acctcode}) {
        if (word == to_string(kind)) return kind;
    }
    return std::nullopt;
}

SnapshotKind kind_of(const std::vector<std::string_view>& namespaces) {
    const auto has = [&](std::string_view name) {
        return std::find(namespaces.begin(), namespaces.end(), name) != namespaces.end();
    };
    if (!has("Account") || !has("Code")) return SnapshotKind::other;
    return namespaces.size() == 2 ? SnapshotKind::acctcode : SnapshotKind::full;
}

std::string ImmutableName::text() const {
    const std::string_view ending = ending_of(output);
    return fmt::format("{}-{}-{}{}", std::string_view(output).substr(0, output.size() - ending.size()), height,
                       sha8, ending);
}

std::optional<ImmutableName> ImmutableName::parse(std::string_view name) {
    const std::string_view ending = ending_of(name);
    std::string_view rest = name.substr(0, name.size() - ending.size());
    const auto cut_off_last_part = [&]() -> std::string_view {
        const std::size_t dash = rest.rfind('-');
        if (dash == std::string_view::npos) return {};
        const std::string_view part = rest.substr(dash + 1);
        rest = rest.substr(0, dash);
        return part;
    };
    const std::string_view sha8 = cut_off_last_part();
    const std::string_view digits = cut_off_last_part();
    if (rest.empty() || rest.find('/') != std::string_view::npos || sha8.size() != kShaDigits ||
        sha8.find_first_not_of(kHexDigits) != std::string_view::npos) {
        return std::nullopt;
    }
    ImmutableName out{std::string(rest) + std::string(ending), 0, std::string(sha8)};
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), out.height);
    // The name is compared as a whole, so that "007" is not taken for 7.
    if (failed != std::errc() || end != digits.data() + digits.size() || out.text() != name)
        return std::nullopt;
    return out;
}

std::string own_meta_name(const std::string& snapshot) {
    return snapshot + ".json";
}

}  // namespace ioswarm::snapshot
