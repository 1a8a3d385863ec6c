// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// Bounds on what one record of a state database or a snapshot may hold (../shared/spec/state-and-snapshots.md
/// section 3: "a sane bound"). Anything longer is refused before it is allocated.
inline constexpr std::size_t kMaxKeyBytes = std::size_t{64} * 1024;
inline constexpr std::size_t kMaxNamespaceBytes = 255;
inline constexpr std::size_t kMaxValueBytes = std::size_t{64} * 1024 * 1024;

/// One record; views are valid until the cursor moves or dies.
struct EntryView {
    BytesView key;
    BytesView value;
};

/// Walks one namespace in key order, forward, in memory that does not grow with the namespace.
class NamespaceCursor {
  public:
    virtual ~NamespaceCursor() = default;
    /// Moves to the next record. False at the end and on an error; status() tells which.
    [[nodiscard]] virtual bool next(EntryView& entry) = 0;
    /// Ok, or what ended the walk: bad_data (corrupt, with the place), io. Once set it stays.
    [[nodiscard]] virtual const Status& status() const = 0;
};

/// How the height came to be known.
struct StateHeight {
    std::uint64_t height = 0;
    bool big_endian = false;  ///< written by an older tool; said in the log
};

/// A node's state, opened for reading: BoltDB file or PebbleDB directory. Not thread-safe; one cursor at a
/// time. Nothing is ever written to the path.
class StateDatabase {
  public:
    virtual ~StateDatabase() = default;

    /// "boltdb" or "pebbledb".
    [[nodiscard]] virtual std::string_view kind() const = 0;
    /// Error not_found: no such namespace (for PebbleDB: it holds nothing, which looks the same).
    [[nodiscard]] virtual Result<std::unique_ptr<NamespaceCursor>> open_namespace(std::string_view name) = 0;
    /// The namespaces that are there, as far as their names can be known.
    [[nodiscard]] virtual Result<std::vector<std::string>> namespaces() = 0;
    /// The value of `key` in `name`. Error not_found.
    [[nodiscard]] virtual Result<Bytes> get(std::string_view name, BytesView key) = 0;
    /// Bytes on disk, for progress.
    [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
    /// What makes it likely that the state is older than the node left it, although all of it can be read. Each
    /// is one line without a path, since it is published with the snapshot.
    [[nodiscard]] virtual std::vector<std::string> warnings() const { return {}; }
    /// Drops the lock (if one is held): the last byte was read. Error bad_data: what was read was changed
    /// meanwhile.
    [[nodiscard]] virtual Status release_lock() = 0;
};

struct OpenOptions {
    std::chrono::milliseconds lock_timeout{10'000};  ///< how long to wait for a node to let go
    /// PebbleDB only: read a running node's directory consistently without its lock.
    bool live = false;
    std::stop_token stop = {};  ///< ends the waiting
};

/// `Account`/`currentHeight`: 8 bytes, little-endian when that gives 1 to 10^9, else big-endian when that does,
/// else bad_data.
[[nodiscard]] Result<StateHeight> read_height(StateDatabase& database);

}  // namespace ioswarm::snapshot
