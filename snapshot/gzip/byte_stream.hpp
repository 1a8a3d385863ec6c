// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// The uncompressed bytes of a gzip file, in pieces. Not thread-safe.
class ByteStream {
  public:
    virtual ~ByteStream() = default;
    /// Returns the next piece, which has at least one byte; it is empty at the end. The piece is valid until
    /// the next call. Errors: those of the kind of stream. After an error the stream must not be used further.
    [[nodiscard]] virtual Result<BytesView> next() = 0;
    /// The number of bytes of the file that were read so far, for progress reports.
    [[nodiscard]] virtual std::uint64_t compressed_bytes() const noexcept = 0;
    [[nodiscard]] virtual std::uint64_t file_size() const noexcept = 0;
};

}  // namespace ioswarm::snapshot
