// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/published_snapshots.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/serve/json_reply.hpp"
#include "core/net/percent_encoding.hpp"

namespace ioswarm::cli {
namespace published {

namespace fs = std::filesystem;

/// A folder may hold more files than this; the rest is not looked at. A year of daily snapshots has 2,200.
constexpr std::size_t kMaxFiles = 20'000;
/// How many descriptions are read to find one of the wanted kind.
constexpr std::size_t kMaxDescriptions = 64;

bool is_file(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

/// The names of the immutable snapshots that have a description, the greatest height first.
std::vector<std::string> described_names(const std::string& folder) {
    constexpr std::string_view kEnding = ".json";
    std::vector<std::pair<std::uint64_t, std::string>> found;
    std::error_code failed;
    std::size_t looked_at = 0;
    for (fs::directory_iterator file(folder, failed), end; !failed && file != end && looked_at < kMaxFiles;
         file.increment(failed), ++looked_at) {
        const std::string name = file->path().filename().string();
        if (!name.ends_with(kEnding)) continue;
        const std::string snapshot = name.substr(0, name.size() - kEnding.size());
        if (const auto parsed = snapshot::ImmutableName::parse(snapshot))
            found.emplace_back(parsed->height, snapshot);
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a > b; });
    std::vector<std::string> out;
    for (auto& [height, name] : found)
        out.push_back(std::move(name));
    return out;
}

}  // namespace published

HttpReply snapshot_redirect(const std::string& folder, const std::string& path) {
    if (folder.empty()) return error_reply(404, "no snapshot: snapshotDir is not set");
    const std::string name = path.substr(kSnapshotsPath.size());
    const bool is_name = !name.empty() && name.front() != '.' && name.find('/') == std::string::npos &&
                         name.find('\0') == std::string::npos;
    std::error_code none;
    const std::string target =
        is_name ? published::fs::read_symlink(folder + "/" + name, none).string() : std::string();
    if (!is_name || none || !snapshot::ImmutableName::parse(target) ||
        !published::is_file(folder + "/" + target)) {
        const bool is_sent_elsewhere = is_name && published::is_file(folder + "/" + name);
        return error_reply(404, is_sent_elsewhere
                                    ? "this server only knows the links; a web server sends the files"
                                    : "no such snapshot");
    }
    HttpReply reply = json_reply(nlohmann::ordered_json{{"file", target}}, 302);
    // Relative, so that it holds behind a proxy too, whatever host and path that has.
    reply.headers.emplace_back("Location", percent_encoded(target));
    reply.headers.emplace_back("Cache-Control", "no-cache");
    return reply;
}

Result<NewestSnapshot> newest_snapshot_of(const std::string& folder, snapshot::SnapshotKind kind) {
    std::size_t read = 0;
    for (const std::string& name : published::described_names(folder)) {
        if (read++ == published::kMaxDescriptions) break;
        auto found = described_snapshot(folder, name + ".json");
        if (found && found->file == name && found->kind == kind) return found;
    }
    auto newest = newest_snapshot(folder);
    if (!newest || newest->kind == kind) return newest;
    return fail(ErrorCode::not_found, "no snapshot", std::string(to_string(kind)),
                "none of this kind was published yet");
}

}  // namespace ioswarm::cli
