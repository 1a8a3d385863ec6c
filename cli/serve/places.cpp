// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/places.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/serve/settings.hpp"

namespace ioswarm::cli {
namespace {

namespace fs = std::filesystem;

/// Returns why there can be no directory at `path`: the deepest part of the path that exists is not a
/// directory. Nothing: there can be one.
std::optional<std::string> no_directory(fs::path path) {
    std::error_code failed;
    while (!path.empty() && !fs::exists(fs::status(path, failed)) && path != path.parent_path())
        path = path.parent_path();
    if (path.empty() || fs::is_directory(path, failed) || failed) return std::nullopt;
    return fmt::format("{} is not a directory", path.string());
}

/// Returns why serve cannot keep a file at `path`. Nothing: it can.
std::optional<std::string> no_file(const fs::path& path) {
    std::error_code failed;
    const fs::file_status found = fs::status(path, failed);
    if (fs::is_directory(found)) return fmt::format("{} is a directory", path.string());
    if (fs::exists(found) && !fs::is_regular_file(found))
        return fmt::format("{} is no regular file", path.string());
    return no_directory(path.parent_path());
}

}  // namespace

std::vector<Error> wrong_places(const ServeConfig& config) {
    std::vector<Error> out;
    const auto refuse = [&](const char* key, std::string why, std::string hint) {
        out.push_back({ErrorCode::config, "configuration", key, std::move(why), std::move(hint)});
    };
    if (auto why = no_directory(config.data_dir))
        refuse("dataDir", *std::move(why), "name a directory; it is made if it does not exist");
    if (!out.empty() && config.diff_store_path.empty()) return out;
    const fs::path store = diff_store_file(config);
    if (auto why = config.diff_store_enabled ? no_file(store) : std::nullopt) {
        std::error_code failed;
        refuse("diffStorePath", *std::move(why),
               fs::is_directory(store, failed)
                   ? fmt::format("name a file, for example {}", (store / "statediffs.db").string())
                   : "name a file that serve may make and write");
    }
    return out;
}

}  // namespace ioswarm::cli
