// SPDX-License-Identifier: Apache-2.0
#pragma once

// How a record lies in a row of the SQLite log. Not for use outside core/diffs.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// Written to disk: never renumber.
enum class RecordCodec : std::uint8_t {
    raw = 0,   ///< the record as it is, since compressing gained nothing
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
        BytesView bytes;  ///< of the record or of the packer; until either changes
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

    /// `size`: of the record, as the row has it. Error data_loss when the bytes are not a record of that size.
    [[nodiscard]] Result<Bytes> unpack(std::int64_t codec, std::uint64_t size, BytesView bytes);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm
