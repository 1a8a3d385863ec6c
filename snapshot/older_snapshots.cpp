// SPDX-License-Identifier: Apache-2.0
#include "snapshot/older_snapshots.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <set>

#include "core/base/try.hpp"
#include "snapshot/companions.hpp"
#include "snapshot/description.hpp"
#include "snapshot/immutable_name.hpp"
#include "snapshot/output_place.hpp"

namespace ioswarm::snapshot {
namespace {

namespace fs = std::filesystem;

/// The snapshot that a file of the folder belongs to: it itself, its digest or its description.
std::string_view snapshot_of(std::string_view file) {
    for (const std::string_view ending : {".sha256", ".json"}) {
        if (file.ends_with(ending)) return file.substr(0, file.size() - ending.size());
    }
    return file;
}

template <typename Visit>
void for_each_name(const std::string& folder, Visit visit) {
    std::error_code failed;
    for (fs::directory_iterator file(folder.empty() ? "." : folder, failed), end; !failed && file != end;
         file.increment(failed)) {
        visit(*file);
    }
}

/// What is used now and must stay, whatever its age.
std::set<std::string> names_in_use(const std::string& output) {
    std::set<std::string> out;
    if (const auto described = read_folder_description(output)) out.insert(described->immutable);
    for_each_name(folder_of(output), [&](const fs::directory_entry& file) {
        std::error_code none;
        const fs::path target = fs::read_symlink(file.path(), none);
        if (!none) out.insert(target.filename().string());
    });
    return out;
}

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

Status remove_file(const std::string& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return fail(errno_error(errno, "cannot delete the old snapshot", path));
}

}  // namespace

std::vector<std::string> immutable_names_of(const std::string& output) {
    const std::string wanted = output.substr(folder_of(output).size());
    std::set<std::string> names;
    for_each_name(folder_of(output), [&](const fs::directory_entry& file) {
        const std::string entry = file.path().filename().string();
        const auto name = ImmutableName::parse(snapshot_of(entry));
        if (name && name->output == wanted) names.insert(name->text());
    });
    std::vector<std::string> out(names.begin(), names.end());
    std::stable_sort(out.begin(), out.end(), [](const std::string& a, const std::string& b) {
        return ImmutableName::parse(a)->height > ImmutableName::parse(b)->height;
    });
    return out;
}

Result<std::vector<std::string>> delete_older_snapshots(const std::string& output, std::size_t keep) {
    const std::string folder = folder_of(output);
    const std::set<std::string> used = names_in_use(output);
    std::vector<std::string> deleted;
    std::size_t kept = 0;
    for (const std::string& name : immutable_names_of(output)) {
        // The description goes first, so that it never describes a file that is gone.
        const std::string path = folder + name;
        const std::array<std::string, 3> files{own_meta_name(path), sum_name(path), path};
        // What a killed job left is none of the snapshots to keep.
        const bool is_kept = kept < keep;
        if (std::all_of(files.begin(), files.end(), exists)) ++kept;
        if (is_kept || used.count(name) != 0) continue;
        for (const std::string& file : files) {
            IOSWARM_DO(remove_file(file));
        }
        deleted.push_back(name);
    }
    return deleted;
}

}  // namespace ioswarm::snapshot
