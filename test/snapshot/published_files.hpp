// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/atomic_file.hpp"
#include "core/base/text.hpp"
#include "snapshot/immutable_name.hpp"
#include "test/support/sha256_hex.hpp"

namespace ioswarm::test {

inline constexpr std::size_t kMaxPublishedBytes = std::size_t{1} << 24;

/// The names in a folder, sorted.
inline std::vector<std::string> sorted_names(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(folder))
        names.push_back(file.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

/// The immutable name that a fixed name is a link to; empty when it is no such link.
inline std::string link_target(const std::string& fixed) {
    std::error_code none;
    const std::string target = std::filesystem::read_symlink(fixed, none).string();
    return !none && snapshot::ImmutableName::parse(target) ? target : std::string();
}

inline std::string sha256_of_file(const std::string& path) {
    const auto content = read_file(path, kMaxPublishedBytes);
    return content ? sha256_hex(*content) : std::string();
}

/// Empty when the immutable snapshot `name` is whole: the content has the digest of its name, of its .sha256
/// and of its .json, and the height and the size that these say. Otherwise what is wrong.
inline std::string fault_of_immutable(const std::string& folder, const std::string& name) {
    const auto parsed = snapshot::ImmutableName::parse(name);
    if (!parsed) return "no immutable name: " + name;
    const auto content = read_file(folder + "/" + name, kMaxPublishedBytes);
    if (!content) return "no snapshot";
    const std::string sha = sha256_hex(*content);
    if (sha.substr(0, 8) != parsed->sha8) return "the name has another digest";
    const auto sum = read_file(folder + "/" + name + ".sha256", 1000);
    if (!sum || *sum != sha + "  " + name + "\n") return "the .sha256 is not its own";
    const auto text = read_file(folder + "/" + name + ".json", 100'000);
    if (!text) return "no description";
    const auto meta = nlohmann::json::parse(*text, nullptr, false);
    if (!meta.is_object() || meta["file"] != name || meta["sha256"] != sha ||
        meta["bytes"] != content->size() || meta["height"] != parsed->height) {
        return "the description is not its own";
    }
    return {};
}

}  // namespace ioswarm::test
