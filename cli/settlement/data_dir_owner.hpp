// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <sys/types.h>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The user's name, as sudo accepts it: '#1000' for a user id without a name.
[[nodiscard]] std::string user_name(uid_t user);

/// Switches the process to the owner of the data directory. Only the owner can use the databases there: in WAL
/// mode even a reader must write files beside the database. If the process is root, it permanently becomes the
/// owner: supplementary groups, group and user, in this order. Call this before opening a file in the directory
/// or a key, and before starting another thread. `command` is the user's command without "sudo", for the hint.
/// Errors: config (the directory does not exist), permission_denied (the process is another user; the hint has
/// the command to run).
[[nodiscard]] Status become_owner(const std::string& dir, const std::string& command);

}  // namespace ioswarm::cli
