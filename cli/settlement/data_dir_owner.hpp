// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <sys/types.h>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Its name, as sudo takes it: a number that has no name is written '#1000'.
[[nodiscard]] std::string user_name(uid_t user);

/// Only the owner of the data directory can read and write the databases in it: SQLite's files beside a
/// database in WAL mode must be written even by a reader. Root becomes the owner, for good: supplementary
/// groups, group and user, in this order. To be called before a file in the directory or a key is opened, and
/// before any other thread is started. `command`: what was asked for, without "sudo", for the hint. Errors:
/// config (there is no such directory), permission_denied (another user; the hint has the command to run).
[[nodiscard]] Status become_owner(const std::string& dir, const std::string& command);

}  // namespace ioswarm::cli
