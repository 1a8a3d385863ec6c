// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The system user that serve and the other services run as (cli/dist/ioswarm.sysusers), and its directory.
inline constexpr const char* kServiceUser = "ioswarm";
inline constexpr const char* kServiceDirectory = "/var/lib/ioswarm";

/// For root, before it keeps something of its own below `directory`: makes it where it is missing, mode 0700
/// and owned by `user`, as systemd would make it for the service. Otherwise the service, once it starts, could
/// not write its own files there. A directory of root's that holds nothing but "sent" was made by this before
/// the user existed, and is handed over. Without such a user it stays root's. Error io or permission_denied.
[[nodiscard]] Status make_service_directory(const std::filesystem::path& directory, const std::string& user);

}  // namespace ioswarm::cli
