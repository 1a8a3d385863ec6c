// SPDX-License-Identifier: Apache-2.0
#include "core/sqlite/private_file.hpp"

#include "core/base/descriptor.hpp"

namespace ioswarm {

Status make_private_file(const std::filesystem::path& file, const std::string& name) {
    const std::string what = "cannot open the " + name;
    const auto made = open_file(file.string(), O_RDWR | O_CREAT | O_NOFOLLOW, what.c_str(), 0600);
    if (!made) return fail(made.error());
    return sync_directory(file.has_parent_path() ? file.parent_path() : ".");
}

Status sync_directory(const std::filesystem::path& dir) {
    const auto opened = open_file(dir.string(), O_RDONLY | O_DIRECTORY, "cannot open the directory");
    if (!opened) return fail(opened.error());
    return sync_file(opened->get(), "cannot sync the directory", dir.string());
}

}  // namespace ioswarm
