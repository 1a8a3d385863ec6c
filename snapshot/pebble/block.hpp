// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.hpp"
#include "snapshot/pebble/format.hpp"

namespace ioswarm::snapshot::pebble {

inline constexpr std::size_t kBlockTail = 5;  ///< behind a block's bytes: type u8 · crc u32

/// Where a block lies in its table.
struct Handle {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  ///< without its five bytes of type and checksum
};
[[nodiscard]] std::optional<Handle> take_handle(FieldReader& fields) noexcept;

/// Undoes a block's compression (section 7). Nothing when it is damaged, of an unknown type, or passes a bound;
/// `why` says which. `out` is reused.
[[nodiscard]] bool decompress_block(std::uint8_t type, BytesView stored, Bytes& out, std::string& why);

/// Walks the entries of a block, forward, checking its restart points on the way. Owns the block's bytes.
class BlockReader {
  public:
    /// Takes the bytes over. False when the restart array is damaged; error() says how.
    [[nodiscard]] bool reset(Bytes bytes);
    /// The next entry; false at the end and on an error.
    [[nodiscard]] bool next();
    [[nodiscard]] BytesView key() const noexcept { return key_; }
    [[nodiscard]] BytesView value() const noexcept { return value_; }
    /// Of the entry, in the block.
    [[nodiscard]] std::size_t offset() const noexcept { return entry_at_; }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    /// Gives the buffer back for the next block.
    [[nodiscard]] Bytes release() noexcept { return std::move(bytes_); }

  private:
    bool broken(std::string why) {
        error_ = std::move(why);
        return false;
    }

    Bytes bytes_;
    std::size_t entries_end_ = 0;
    std::uint32_t restarts_ = 0;
    std::uint32_t next_restart_ = 0;
    std::size_t at_ = 0;
    std::size_t entry_at_ = 0;
    Bytes key_;
    BytesView value_;
    std::string error_;
};

}  // namespace ioswarm::snapshot::pebble
