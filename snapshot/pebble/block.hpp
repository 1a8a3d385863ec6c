// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.hpp"
#include "snapshot/pebble/format.hpp"

namespace ioswarm::snapshot::pebble {

/// Bytes that follow a block: type u8 · crc u32.
inline constexpr std::size_t kBlockTail = 5;

/// The place of a block in its table.
struct Handle {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  ///< without the five bytes for type and checksum
};
[[nodiscard]] std::optional<Handle> take_handle(FieldReader& fields) noexcept;

/// Decompresses a block. Returns false when it is damaged, has an unknown type, or is above a limit; `why` then
/// gives the reason. The memory of `out` is reused.
[[nodiscard]] bool decompress_block(std::uint8_t type, BytesView stored, Bytes& out, std::string& why);

/// Goes through the entries of a block, and checks its restart points. Owns the block's bytes.
class BlockReader {
  public:
    /// Takes the bytes of a block. Returns false when the restart array is damaged; error() describes the
    /// damage.
    [[nodiscard]] bool reset(Bytes bytes);
    /// Moves to the next entry. Returns false at the end and after an error.
    [[nodiscard]] bool next();
    [[nodiscard]] BytesView key() const noexcept { return key_; }
    [[nodiscard]] BytesView value() const noexcept { return value_; }
    /// The offset of the current entry in the block.
    [[nodiscard]] std::size_t offset() const noexcept { return entry_at_; }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    /// Returns the buffer, to be used for the next block.
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
