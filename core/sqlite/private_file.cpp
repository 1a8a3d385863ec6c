// SPDX-License-Identifier: Apache-2.0
#include "core/sqlite/private_file.hpp"

#include "core/base/descriptor.hpp"
#include "core/base/sync_folder.hpp"
#include "core/base/try.hpp"

namespace ioswarm {

Status make_private_file(const std::filesystem::path& file, const std::string& name) {
    const std::string what = "cannot open the " + name;
    IOSWARM_DO(open_file(file.string(), O_RDWR | O_CREAT | O_NOFOLLOW, what.c_str(), 0600));
    return sync_folder(file.has_parent_path() ? file.parent_path().string() : ".");
}

}  // namespace ioswarm
