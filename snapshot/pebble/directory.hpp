// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "snapshot/pebble/manifest.hpp"
#include "snapshot/store/lock_wait.hpp"

namespace ioswarm::snapshot::pebble {

/// An open file that closes itself.
class FileHandle {
  public:
    explicit FileHandle(int fd = -1) noexcept : fd_(fd) {}
    FileHandle(FileHandle&& other) noexcept;
    FileHandle& operator=(FileHandle&& other) noexcept;
    ~FileHandle();
    [[nodiscard]] int get() const noexcept { return fd_; }

  private:
    int fd_;
};

/// A live table, opened; its size is what MANIFEST says.
struct OpenTable {
    TableMeta meta;
    std::string path;
    FileHandle file;
};

/// A live log, read whole.
struct OpenLog {
    std::uint64_t number = 0;
    std::string path;
    Bytes bytes;
};

/// Everything of a directory that counts: which tables and logs are live, opened and read in an order that
/// makes them one consistent state (sections 2, 3 and 6).
struct Directory {
    std::string path;
    FileHandle lock;  ///< held while a node must not start; nothing in live mode or where LOCK is absent
    Manifest manifest;
    std::string manifest_path;
    std::vector<OpenTable> tables;  ///< by number
    std::vector<OpenLog> logs;      ///< by number, all of them live
};

/// Opens a directory that no process writes: takes a read lock on LOCK, waiting for it as `wait` says.
/// Errors: every Fault of sections 2, 3 and 6, io, permission_denied.
[[nodiscard]] Result<Directory> open_directory(const std::string& path, const LockWait& wait);

/// Opens a running node's directory without its lock, consistently (section 3): begins anew as long as the node
/// moves on in between, at most as `patience` says; then try_again.
[[nodiscard]] Result<Directory> open_live_directory(const std::string& path, const LockWait& patience);

}  // namespace ioswarm::snapshot::pebble
