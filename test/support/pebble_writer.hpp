// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"

namespace ioswarm::test {

/// A table as MANIFEST names it. Bounds are internal keys.
struct PebbleTable {
    std::uint64_t number = 0;
    std::uint32_t level = 0;
    std::uint64_t size = 0;
    Bytes smallest;
    Bytes largest;
    std::uint64_t smallest_sequence = 0;
    std::uint64_t largest_sequence = 0;
};

/// Writes a table of Pebble's version 2 as a node does: blocks of 4 KiB, Snappy where it saves an eighth, an
/// index of two levels once it passes a block. Versions come in internal key order. Ends the program where the
/// file cannot be written.
class PebbleTableWriter {
  public:
    struct Settings {
        bool snappy = true;
        std::size_t block_bytes = 4096;
    };
    PebbleTableWriter(const std::string& directory, std::uint64_t number, std::uint32_t level,
                      Settings settings);
    ~PebbleTableWriter();
    PebbleTableWriter(const PebbleTableWriter&) = delete;
    PebbleTableWriter& operator=(const PebbleTableWriter&) = delete;

    void add(BytesView user_key, std::uint64_t sequence, std::uint8_t kind, BytesView value);
    /// Bytes of the data blocks so far.
    [[nodiscard]] std::uint64_t size() const noexcept { return offset_ + buffer_.size(); }
    [[nodiscard]] PebbleTable finish();

  private:
    struct Block {
        Bytes bytes;
        Bytes last_key;
        std::vector<std::uint32_t> restarts;
        std::uint32_t entries = 0;
        void add(BytesView key, BytesView value, std::uint32_t restart_interval);
        [[nodiscard]] Bytes finish();
    };
    struct Handle {
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };
    static void put_handle(Bytes& out, const Handle& handle);
    Handle write_block(BytesView content, bool compress);
    void close_data_block();
    void append(BytesView bytes);
    void flush();

    const Settings settings_;
    int fd_;
    PebbleTable table_;
    std::uint64_t entries_ = 0;
    std::uint64_t offset_ = 0;  // of buffer_ in the file
    Bytes buffer_;
    Block data_;
    std::vector<std::pair<Bytes, Handle>> index_;
};

/// Records in blocks of 32 KiB: a write-ahead log (with its number in each chunk) or a MANIFEST (without). Each
/// record is written at once.
class PebbleLogWriter {
  public:
    PebbleLogWriter(const std::string& path, std::optional<std::uint64_t> log_number);
    ~PebbleLogWriter();
    PebbleLogWriter(const PebbleLogWriter&) = delete;
    PebbleLogWriter& operator=(const PebbleLogWriter&) = delete;
    void add(BytesView record);
    /// The end mark that a node writes when it closes a log.
    void close();

  private:
    void write(BytesView bytes);
    int fd_;
    const std::optional<std::uint64_t> log_number_;
    std::size_t in_block_ = 0;
};

struct PebbleOp {
    std::uint8_t kind = 1;  ///< 0 deletion, 1 value
    Bytes key;
    Bytes value;
};
[[nodiscard]] Bytes pebble_batch(std::uint64_t sequence, const std::vector<PebbleOp>& ops);

struct PebbleEdit {
    bool first = false;  ///< names the comparer
    std::optional<std::uint64_t> log_number;
    std::optional<std::uint64_t> next_file;
    std::optional<std::uint64_t> last_sequence;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> removed;  ///< level, number
    std::vector<PebbleTable> added;
};
[[nodiscard]] Bytes pebble_edit(const PebbleEdit& edit);

/// Makes the new marker of a name and removes the one before.
void pebble_marker(const std::string& directory, std::string_view name, std::uint64_t iteration,
                   std::string_view value);

/// The stored key: the namespace's prefix, then the key.
[[nodiscard]] Bytes pebble_key(std::string_view ns, BytesView key);

/// A directory of one MANIFEST, these tables and no log, at format version 14 like a node's.
void pebble_directory(const std::string& directory, const std::vector<PebbleTable>& tables,
                      std::uint64_t last_sequence);

}  // namespace ioswarm::test
