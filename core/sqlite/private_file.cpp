// SPDX-License-Identifier: Apache-2.0
#include "core/sqlite/private_file.hpp"

#include "core/base/descriptor.hpp"
#include "core/base/try.hpp"

namespace ioswarm {

Status make_private_file(const std::filesystem::path& file, const std::string& name) {
    const std::string what = "cannot open the " + name;
    IOSWARM_DO(open_file(file.string(), O_RDWR | O_CREAT | O_NOFOLLOW, what.c_str(), 0600));
    return sync_directory(file.has_parent_path() ? file.parent_path() : ".");
}

Status sync_directory(const std::filesystem::path& dir) {
    IOSWARM_TRY(const auto opened,
                open_file(dir.string(), O_RDONLY | O_DIRECTORY, "cannot open the directory"));
    return sync_file(opened.get(), "cannot sync the directory", dir.string());
}

}  // namespace ioswarm
