// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/newest_snapshot.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/json_fields.hpp"
#include "core/base/atomic_file.hpp"
#include "snapshot/companions.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::size_t kMetaBytesMax = std::size_t{64} << 10;
constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kTimeBytesMax = 40;

Error bad(std::string why) {
    return Error{ErrorCode::bad_data, "no snapshot", std::string(snapshot::kMetaName), std::move(why), {}};
}

/// By the word, or else, in a description of an older version, by the namespaces.
snapshot::SnapshotKind kind_in(const nlohmann::json& json) {
    if (const auto word = json.find("kind"); word != json.end() && word->is_string()) {
        if (const auto kind = snapshot::parse_snapshot_kind(word->get<std::string>())) return *kind;
    }
    const auto namespaces = json.find("namespaces");
    if (namespaces == json.end() || !namespaces->is_object()) return snapshot::SnapshotKind::other;
    std::vector<std::string_view> names;
    for (const auto& item : namespaces->items())
        names.emplace_back(item.key());
    return snapshot::kind_of(names);
}

bool is_plain_name(const std::string& name) {
    return !name.empty() && name.size() <= kNameBytesMax && name != "." && name != ".." &&
           std::none_of(name.begin(), name.end(),
                        [](char c) { return c == '/' || static_cast<unsigned char>(c) < ' '; });
}

bool only(const std::string& text, std::string_view allowed) {
    return text.find_first_not_of(allowed) == std::string::npos;
}

/// Whether the fixed name leads to the described file. It is a link to it, or a copy of it where links were
/// resolved on the way (rsync -L). Agents download the fixed name and check the description's digest.
bool leads_to(const std::string& fixed, const std::string& stored, std::uint64_t bytes) {
    struct stat info {};
    if (::lstat(fixed.c_str(), &info) != 0) return false;
    if (!S_ISLNK(info.st_mode))
        return S_ISREG(info.st_mode) && static_cast<std::uint64_t>(info.st_size) == bytes;
    std::array<char, kNameBytesMax + 1> target{};
    const ssize_t length = ::readlink(fixed.c_str(), target.data(), target.size());
    return length > 0 && std::string_view(target.data(), static_cast<std::size_t>(length)) == stored;
}

}  // namespace

Result<NewestSnapshot> newest_snapshot(const std::string& folder) {
    return described_snapshot(folder, std::string(snapshot::kMetaName));
}

Result<NewestSnapshot> described_snapshot(const std::string& folder, const std::string& meta) {
    const auto text = read_file(folder + "/" + meta, kMetaBytesMax);
    if (!text && text.error().code == ErrorCode::not_found)
        return fail(ErrorCode::not_found, "no snapshot", "", "none was published yet");
    if (!text) return fail(bad("it cannot be read"));
    const auto json = nlohmann::json::parse(*text, nullptr, false);
    if (!json.is_object()) return fail(bad("it is not a JSON object"));
    NewestSnapshot newest{count_in(json, "height"), text_in(json, "file"), count_in(json, "bytes"),
                          text_in(json, "sha256"), text_in(json, "time")};
    newest.immutable = text_in(json, "immutable");
    newest.kind = kind_in(json);
    const std::string& stored = newest.immutable.empty() ? newest.file : newest.immutable;
    if (!is_plain_name(newest.file) || !is_plain_name(stored))
        return fail(bad("it does not name a file of the directory"));
    if (newest.height == 0 || newest.bytes == 0) return fail(bad("it lacks the height or the size"));
    if (newest.sha256.size() != 64 || !only(newest.sha256, "0123456789abcdef"))
        return fail(bad("its sha256 is none"));
    if (newest.time.empty() || newest.time.size() > kTimeBytesMax || !only(newest.time, "0123456789-:.TZ+"))
        return fail(bad("its time is none"));
    struct stat info {};
    if (::lstat((folder + "/" + stored).c_str(), &info) != 0 || !S_ISREG(info.st_mode))
        return fail(ErrorCode::not_found, "no snapshot", newest.file, "the file is not there");
    if (static_cast<std::uint64_t>(info.st_size) != newest.bytes)
        return fail(bad("the file has another size: it is being replaced, or was changed"));
    if (stored != newest.file && !leads_to(folder + "/" + newest.file, stored, newest.bytes))
        return fail(bad("the name leads to another snapshot: it is being replaced"));
    return newest;
}

}  // namespace ioswarm::cli
