// SPDX-License-Identifier: Apache-2.0
#include "cli/sim/temp_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace ioswarm::cli {

Result<TempFolder> TempFolder::create() {
    const char* given = std::getenv("TMPDIR");
    const std::string parent = given != nullptr && *given != '\0' ? given : "/tmp";
    std::string path = parent + "/ioswarm-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
        return fail(errno_error(errno, "cannot make a temporary directory", parent));
    return TempFolder(std::move(path));
}

TempFolder::TempFolder(TempFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempFolder::~TempFolder() {
    if (path_.empty()) return;
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace ioswarm::cli
