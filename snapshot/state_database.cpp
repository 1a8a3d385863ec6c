// SPDX-License-Identifier: Apache-2.0
#include "snapshot/state_database.hpp"

#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

#include "snapshot/bolt_database.hpp"
#include "snapshot/pebble_database.hpp"

namespace ioswarm::snapshot {
namespace {

/// Between them no height of either byte order is plausible in the other (spec/state-and-snapshots.md section
/// 1).
constexpr std::uint64_t kMaxPlausibleHeight = 1'000'000'000;

bool plausible(std::uint64_t height) noexcept {
    return height >= 1 && height <= kMaxPlausibleHeight;
}

}  // namespace

Result<std::unique_ptr<StateDatabase>> open_state(const std::string& path, const OpenOptions& options) {
    std::error_code failed;
    const auto status = std::filesystem::status(path, failed);
    if (std::filesystem::is_directory(status)) return open_pebble(path, options);
    if (status.type() == std::filesystem::file_type::not_found) {
        return fail(errno_error(ENOENT, "cannot open the node's state", path));
    }
    // What cannot be looked at otherwise is reported when it cannot be opened.
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

Result<StateHeight> read_height(StateDatabase& database) {
    auto value = database.get("Account", as_bytes("currentHeight"));
    if (!value) {
        if (value.error().code != ErrorCode::not_found) return fail(value.error());
        return fail(ErrorCode::bad_data, "cannot tell the height", "Account/currentHeight", "it is not there",
                    "is this a node's trie.db? Start the node once and stop it cleanly");
    }
    if (value->size() != 8) {
        return fail(ErrorCode::bad_data, "cannot tell the height", "Account/currentHeight",
                    fmt::format("it has {} bytes, not 8", value->size()));
    }
    std::uint64_t little = 0;
    std::uint64_t big = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        little |= std::uint64_t{(*value)[i]} << (8 * i);
        big = big << 8 | (*value)[i];
    }
    if (plausible(little)) return StateHeight{little, false};
    if (plausible(big)) return StateHeight{big, true};
    return fail(ErrorCode::bad_data, "cannot tell the height", "Account/currentHeight",
                fmt::format("0x{} is no height in either byte order", to_hex(*value)));
}

}  // namespace ioswarm::snapshot
