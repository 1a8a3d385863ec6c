// SPDX-License-Identifier: Apache-2.0
#include "snapshot/description.hpp"

#include <climits>
#include <cstddef>
#include <cstdlib>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/atomic_file.hpp"
#include "snapshot/companions.hpp"
#include "snapshot/format.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot {
namespace {

/// The largest description that is read. A namespace takes about 150 bytes in it, and a node has about twenty.
constexpr std::size_t kMaxDescriptionBytes = std::size_t{1} << 20;

using Json = nlohmann::ordered_json;

std::optional<std::uint64_t> number_in(const Json& object, const char* key) {
    const auto at = object.find(key);
    if (at == object.end() || !at->is_number_unsigned()) return std::nullopt;
    return at->get<std::uint64_t>();
}

std::string text_in(const Json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::optional<Description> read_description_file(const std::string& path) {
    const auto text = read_file(path, kMaxDescriptionBytes);
    if (!text) return std::nullopt;
    const Json json = Json::parse(*text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const auto height = number_in(json, "height");
    const auto bytes = number_in(json, "bytes");
    const auto digest = json.find("payload_sha256");
    const auto namespaces = json.find("namespaces");
    if (!height || !bytes || digest == json.end() || !digest->is_string() || namespaces == json.end() ||
        !namespaces->is_object()) {
        return std::nullopt;
    }
    Description out;
    out.path = path;
    out.file = text_in(json, "file");
    out.immutable = text_in(json, "immutable");
    out.height = *height;
    out.file_bytes = *bytes;
    out.payload_sha256 = digest->get<std::string>();
    if (const auto evm = number_in(json, "evm_chain_id"))
        out.chain = ChainIdentity{*evm, number_in(json, "node_chain_id")};
    for (const auto& [name, facts] : namespaces->items()) {
        const auto entries = facts.is_object() ? number_in(facts, "entries") : std::nullopt;
        if (!entries || name.size() > kMaxNamespaceBytes) return std::nullopt;
        out.namespaces.emplace_back(name, *entries);
    }
    std::vector<std::string_view> names;
    for (const auto& [name, entries] : out.namespaces)
        names.emplace_back(name);
    out.kind = kind_of(names);
    return out;
}

}  // namespace

std::optional<Description> read_folder_description(const std::string& snapshot) {
    return read_description_file(meta_name(snapshot));
}

std::optional<Description> read_description(const std::string& snapshot) {
    // `snapshot` may be a link to a file whose name never changes. That file has a description of its own.
    char file[PATH_MAX];
    if (::realpath(snapshot.c_str(), file) != nullptr) {
        if (auto own = read_description_file(own_meta_name(file))) return own;
    }
    return read_folder_description(snapshot);
}

}  // namespace ioswarm::snapshot
