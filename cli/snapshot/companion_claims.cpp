// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot/companion_claims.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/text.hpp"
#include "snapshot/immutable_name.hpp"

namespace ioswarm::cli {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kDigits = 64;

std::optional<std::string> word(const Json& in, const char* key) {
    const auto at = in.find(key);
    return at != in.end() && at->is_string() ? std::optional(at->get<std::string>()) : std::nullopt;
}

std::optional<std::uint64_t> number(const Json& in, const char* key) {
    const auto at = in.find(key);
    return at != in.end() && at->is_number_unsigned() ? std::optional(at->get<std::uint64_t>()) : std::nullopt;
}

bool is_known(const KnownNames& names, const std::string& name) {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

/// The counts of a description. A namespace without entries leaves no trace in a snapshot.
std::optional<NamespaceEntries> counts_of(const Json& description) {
    const auto namespaces = description.find("namespaces");
    if (namespaces == description.end() || !namespaces->is_object()) return std::nullopt;
    NamespaceEntries out;
    for (const auto& item : namespaces->items()) {
        const auto entries = item.value().is_object() ? number(item.value(), "entries") : std::nullopt;
        if (entries && *entries != 0) out[item.key()] = *entries;
    }
    return out;
}

std::string counts_text(const NamespaceEntries& counts) {
    constexpr std::size_t kMaxShown = 10;
    std::string out;
    std::size_t shown = 0;
    for (const auto& [name, entries] : counts) {
        if (shown++ == kMaxShown) return out + ", ...";
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", escape_for_display(name), entries);
    }
    return out.empty() ? "none" : out;
}

/// `expected` may be the first digits of a digest.
bool is_same(const std::string& found, const std::string& expected) {
    return !expected.empty() && found.starts_with(expected);
}
bool is_same(std::uint64_t found, std::uint64_t expected) {
    return found == expected;
}

template <typename Value>
void compare(const SnapshotClaim& claim, std::string_view what, const Value& found,
             const std::optional<Value>& expected, std::vector<std::string>& out) {
    if (!expected || is_same(found, *expected)) return;
    if constexpr (std::is_same_v<Value, std::string>) {
        out.push_back(fmt::format("its {} is {}, and {} says {}", what, found, escape_for_display(claim.from),
                                  escape_for_display(*expected)));
    } else {
        out.push_back(fmt::format("its {} is {}, and {} says {}", what, found, escape_for_display(claim.from),
                                  *expected));
    }
}

}  // namespace

Error disagreement(std::string which, std::string why) {
    return {ErrorCode::failed_precondition, "the snapshot and what lies beside it do not agree",
            std::move(which), std::move(why),
            "make or publish it again: the snapshot, its .sha256 and its description"};
}

Result<SnapshotClaim> claim_of_sum(std::string from, const std::string& text, const KnownNames& names) {
    const std::string digest = text.substr(0, kDigits);
    const bool is_line = text.size() > kDigits + 2 && text[kDigits] == ' ' &&
                         digest.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!is_line) return fail(disagreement(std::move(from), "it is not a line of sha256sum"));
    const std::string named = text.substr(kDigits + 2, text.find('\n') - kDigits - 2);
    if (!is_known(names, named))
        return fail(disagreement(std::move(from), "it names " + escape_for_display(named)));
    SnapshotClaim out;
    out.from = std::move(from);
    out.sha256 = digest;
    return out;
}

Result<std::optional<SnapshotClaim>> claim_of_description(std::string from, const std::string& text,
                                                          const KnownNames& names, bool is_shared) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return fail(disagreement(std::move(from), "it is not a JSON object"));
    const std::string file = word(json, "file").value_or("");
    if (!is_known(names, file) && !is_known(names, word(json, "immutable").value_or(""))) {
        if (is_shared) return std::optional<SnapshotClaim>();
        return fail(disagreement(std::move(from), "it describes " + escape_for_display(file)));
    }
    SnapshotClaim out;
    out.from = std::move(from);
    out.height = number(json, "height");
    out.bytes = number(json, "bytes");
    out.entries = number(json, "entries");
    out.sha256 = word(json, "sha256");
    out.payload_sha256 = word(json, "payload_sha256");
    out.namespaces = counts_of(json);
    const auto is_digest = [](const std::optional<std::string>& text_of) {
        return text_of && text_of->size() == kDigits;
    };
    if (!out.height || !out.bytes || !out.entries || !is_digest(out.payload_sha256) || !is_digest(out.sha256))
        return fail(disagreement(out.from, "it lacks the height, the size, the count or a digest"));
    return std::optional(std::move(out));
}

std::optional<SnapshotClaim> claim_of_name(std::string_view name) {
    const auto parsed = snapshot::ImmutableName::parse(name);
    if (!parsed) return std::nullopt;
    SnapshotClaim out;
    out.from = "its name " + std::string(name);
    out.height = parsed->height;
    out.sha256 = parsed->sha8;
    return out;
}

std::vector<std::string> disagreements(const SnapshotFacts& facts, const std::vector<SnapshotClaim>& claims) {
    std::vector<std::string> out;
    for (const SnapshotClaim& claim : claims) {
        compare(claim, "height", facts.height, claim.height, out);
        compare(claim, "size", facts.bytes, claim.bytes, out);
        compare(claim, "number of entries", facts.entries, claim.entries, out);
        compare(claim, "SHA-256", facts.sha256, claim.sha256, out);
        compare(claim, "payload digest", facts.payload_sha256, claim.payload_sha256, out);
        if (claim.namespaces && *claim.namespaces != facts.namespaces) {
            out.push_back(fmt::format("its namespaces are {}, and {} says {}", counts_text(facts.namespaces),
                                      escape_for_display(claim.from), counts_text(*claim.namespaces)));
        }
    }
    return out;
}

std::optional<std::string> contradiction(const std::vector<SnapshotClaim>& claims) {
    const SnapshotClaim* first = nullptr;  // the first that has a whole digest
    for (const SnapshotClaim& claim : claims) {
        if (!claim.sha256 || claim.sha256->size() != kDigits) continue;
        if (first == nullptr) {
            first = &claim;
        } else if (*claim.sha256 != *first->sha256) {
            return fmt::format("{} says SHA-256 {}, and {} says {}", escape_for_display(first->from),
                               escape_for_display(*first->sha256), escape_for_display(claim.from),
                               escape_for_display(*claim.sha256));
        }
    }
    return std::nullopt;
}

}  // namespace ioswarm::cli
