// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/result.hpp"
#include "snapshot/pebble/manifest.hpp"
#include "snapshot/store/lock_wait.hpp"

namespace ioswarm::snapshot::pebble {

/// A live table that is open. Its size is the one in the MANIFEST.
struct OpenTable {
    TableMeta meta;
    std::string path;
    Descriptor file;
};

/// A live log that was read completely.
struct OpenLog {
    std::uint64_t number = 0;
    std::string path;
    Bytes bytes;
};

/// The relevant content of a directory: the live tables, opened, and the live logs, read, in an order that
/// gives one consistent state.
struct Directory {
    std::string path;
    /// While the lock is held, no node can start. Empty in live mode, and where there is no LOCK file.
    Descriptor lock;
    Manifest manifest;
    std::string manifest_path;
    std::vector<OpenTable> tables;  ///< sorted by number
    std::vector<OpenLog> logs;      ///< sorted by number; only live logs
};

/// Opens a directory that no process writes to. Takes a read lock on LOCK, waiting as long as `wait` allows.
/// Errors: every Fault about files, locks, versions and the MANIFEST; io, permission_denied.
[[nodiscard]] Result<Directory> open_directory(const std::string& path, const LockWait& wait);

/// Opens the directory of a running node consistently, without its lock. It reads everything, then checks that
/// the MANIFEST is still the same. If the node has changed it, it begins again, as long as `patience` allows.
/// After that the error is try_again.
[[nodiscard]] Result<Directory> open_live_directory(const std::string& path, const LockWait& patience);

}  // namespace ioswarm::snapshot::pebble
