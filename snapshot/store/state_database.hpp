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

/// Limits for one record of a state database or a snapshot. Our own choice. A longer one is refused before
/// memory is allocated for it.
inline constexpr std::size_t kMaxKeyBytes = std::size_t{64} * 1024;
inline constexpr std::size_t kMaxNamespaceBytes = 255;
inline constexpr std::size_t kMaxValueBytes = std::size_t{64} * 1024 * 1024;

/// One record. The views are valid until the cursor moves or is destroyed.
struct EntryView {
    BytesView key;
    BytesView value;
};

/// Goes through one namespace in ascending key order. Its memory does not grow with the namespace.
class NamespaceCursor {
  public:
    virtual ~NamespaceCursor() = default;
    /// Moves to the next record. Returns false at the end and after an error; status() tells which.
    [[nodiscard]] virtual bool next(EntryView& entry) = 0;
    /// Ok, or the error that ended the walk: bad_data (corrupt; the text says where) or io. An error stays.
    [[nodiscard]] virtual const Status& status() const = 0;
};

/// The height of a state, and how it was stored.
struct StateHeight {
    std::uint64_t height = 0;
    bool big_endian = false;  ///< written by an older tool; the log mentions it
};

/// A node's state, opened for reading: a BoltDB file or a PebbleDB directory. Not thread-safe; one cursor at a
/// time. Never writes to the path.
class StateDatabase {
  public:
    virtual ~StateDatabase() = default;

    /// "boltdb" or "pebbledb".
    [[nodiscard]] virtual std::string_view kind() const = 0;
    /// Error not_found: there is no such namespace. In PebbleDB an empty namespace looks the same.
    [[nodiscard]] virtual Result<std::unique_ptr<NamespaceCursor>> open_namespace(std::string_view name) = 0;
    /// The existing namespaces, as far as their names can be found.
    [[nodiscard]] virtual Result<std::vector<std::string>> namespaces() = 0;
    /// The value of `key` in the namespace `name`. Error: not_found.
    [[nodiscard]] virtual Result<Bytes> get(std::string_view name, BytesView key) = 0;
    /// The size on disk in bytes, for progress reports.
    [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
    /// Signs that the state may be older than the one that the node left, although all of it is readable. Each
    /// is one line without a path, because it is published with the snapshot.
    [[nodiscard]] virtual std::vector<std::string> warnings() const { return {}; }
    /// Releases the lock, if one is held. Call it after the last read. Error bad_data: the data that was read
    /// changed meanwhile.
    [[nodiscard]] virtual Status release_lock() = 0;
};

struct OpenOptions {
    std::chrono::milliseconds lock_timeout{10'000};  ///< how long to wait for the node's lock
    /// PebbleDB only: read the directory of a running node consistently, without its lock.
    bool live = false;
    std::stop_token stop = {};  ///< ends the wait for the lock
};

/// Reads the height from `Account`/`currentHeight`: 8 bytes. They are little-endian if that gives 1 to 10^9,
/// else big-endian if that does; else the error is bad_data.
[[nodiscard]] Result<StateHeight> read_height(StateDatabase& database);
/// True when the value of Account/currentHeight is this height, in either byte order.
[[nodiscard]] bool is_height_value(BytesView value, std::uint64_t height) noexcept;

}  // namespace ioswarm::snapshot
