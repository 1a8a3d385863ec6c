// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The system user that `ioswarm serve` and the other services run as (cli/dist/ioswarm.sysusers), and its data
/// directory.
inline constexpr const char* kServiceUser = "ioswarm";
inline constexpr const char* kServiceDirectory = "/var/lib/ioswarm";
/// The directory below it in which root's commands keep the record of sent transactions.
inline constexpr const char* kSentDirectory = "sent";

/// Call this as root, before root stores its own files below `directory`. Creates the directory if it is
/// missing, with mode 0700 and owned by `user`, as systemd would do. If root created it as its own, the service
/// could not write there. Missing parent directories are created too. A directory owned by root that is empty
/// or contains only kSentDirectory was created here before the user existed, and gets the user as its owner.
/// Without such a user the directory stays root's. Errors: io, permission_denied.
[[nodiscard]] Status make_service_directory(const std::filesystem::path& directory, const std::string& user);

}  // namespace ioswarm::cli
