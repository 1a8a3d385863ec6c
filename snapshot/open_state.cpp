// SPDX-License-Identifier: Apache-2.0
#include "snapshot/open_state.hpp"

#include <cerrno>
#include <filesystem>

#include "snapshot/bolt/database.hpp"
#include "snapshot/pebble/database.hpp"

namespace ioswarm::snapshot {

Result<std::unique_ptr<StateDatabase>> open_state(const std::string& path, const OpenOptions& options) {
    std::error_code failed;
    const auto status = std::filesystem::status(path, failed);
    if (std::filesystem::is_directory(status)) return open_pebble(path, options);
    if (status.type() == std::filesystem::file_type::not_found) {
        return fail(errno_error(ENOENT, "cannot open the node's state", path));
    }
    // If the file's type cannot be read, opening it reports the error.
    if (options.live && status.type() == std::filesystem::file_type::regular) {
        return fail(ErrorCode::usage, "cannot read beside a running node", path,
                    "a BoltDB file gives no consistent view while the node writes it",
                    "use --snapshot-copy on a file system with reflinks, or stop the node");
    }
    return open_bolt(path, LockWait(options.lock_timeout, options.stop));
}

Result<std::unique_ptr<StateDatabase>> open_state_before(const std::string& path, const OpenOptions& options) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        return fail(ErrorCode::not_found, "no earlier state", path, "it is a PebbleDB directory");
    return open_bolt_before(path, LockWait(options.lock_timeout, options.stop));
}

}  // namespace ioswarm::snapshot
