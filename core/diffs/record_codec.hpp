// SPDX-License-Identifier: Apache-2.0
#pragma once

// The form of a record in a row of the SQLite log. Only for core/diffs.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// These numbers are on disk: never change them.
enum class RecordCodec : std::uint8_t {
    raw = 0,   ///< the record itself, because compression gained nothing
    zstd = 1,  ///< one zstd frame
};

/// Not thread-safe.
class RecordPacker {
  public:
    RecordPacker();
    ~RecordPacker();
    RecordPacker(const RecordPacker&) = delete;
    RecordPacker& operator=(const RecordPacker&) = delete;

    struct Packed {
        RecordCodec codec = RecordCodec::raw;
        /// Points into the record or into the packer, and is valid until either changes.
        BytesView bytes;
    };
    [[nodiscard]] Packed pack(BytesView record);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Not thread-safe.
class RecordUnpacker {
  public:
    RecordUnpacker();
    ~RecordUnpacker();
    RecordUnpacker(const RecordUnpacker&) = delete;
    RecordUnpacker& operator=(const RecordUnpacker&) = delete;

    /// `size` is the size of the record, as the row states it. Error data_loss when the bytes are not a record
    /// of that size.
    [[nodiscard]] Result<Bytes> unpack(std::int64_t codec, std::uint64_t size, BytesView bytes);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm
