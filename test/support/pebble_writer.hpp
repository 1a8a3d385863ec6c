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

/// A table as described in MANIFEST. The bounds are internal keys.
struct PebbleTable {
    std::uint64_t number = 0;
    std::uint32_t level = 0;
    std::uint64_t size = 0;
    Bytes smallest;
    Bytes largest;
    std::uint64_t smallest_sequence = 0;
    std::uint64_t largest_sequence = 0;
};

/// Writes a table of Pebble's version 2 as a node does: blocks of 4 KiB, Snappy if it saves at least an eighth,
/// and an index of two levels if it is larger than a block. Add the versions in internal key order. If the file
/// cannot be written, it ends the program.
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
    /// Bytes of the data blocks written so far.
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
    std::uint64_t offset_ = 0;  // position of buffer_ in the file
    Bytes buffer_;
    Block data_;
    std::vector<std::pair<Bytes, Handle>> index_;
};

/// Writes records in blocks of 32 KiB, for a write-ahead log (each chunk contains the log's number) or a
/// MANIFEST (without a number). Each record is written to the file at once.
class PebbleLogWriter {
  public:
    PebbleLogWriter(const std::string& path, std::optional<std::uint64_t> log_number);
    ~PebbleLogWriter();
    PebbleLogWriter(const PebbleLogWriter&) = delete;
    PebbleLogWriter& operator=(const PebbleLogWriter&) = delete;
    void add(BytesView record);
    /// Writes the end mark that a node writes when it closes a log.
    void close();

  private:
    void write(BytesView bytes);
    int fd_;
    const std::optional<std::uint64_t> log_number_;
    std::size_t in_block_ = 0;
};

struct PebbleOp {
    std::uint8_t kind = 1;  ///< 0: deletion, 1: value
    Bytes key;
    Bytes value;
};
[[nodiscard]] Bytes pebble_batch(std::uint64_t sequence, const std::vector<PebbleOp>& ops);

struct PebbleEdit {
    bool first = false;  ///< true: the edit names the comparer
    std::optional<std::uint64_t> log_number;
    std::optional<std::uint64_t> next_file;
    std::optional<std::uint64_t> last_sequence;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> removed;  ///< level, number
    std::vector<PebbleTable> added;
};
[[nodiscard]] Bytes pebble_edit(const PebbleEdit& edit);

/// Creates the new marker of this name and removes the previous one.
void pebble_marker(const std::string& directory, std::string_view name, std::uint64_t iteration,
                   std::string_view value);

/// The key as it is stored: the namespace's prefix, then the key.
[[nodiscard]] Bytes pebble_key(std::string_view ns, BytesView key);

/// Writes a directory with one MANIFEST and these tables, without a log, at format version 14 as nodes use it.
void pebble_directory(const std::string& directory, const std::vector<PebbleTable>& tables,
                      std::uint64_t last_sequence);

}  // namespace ioswarm::test
