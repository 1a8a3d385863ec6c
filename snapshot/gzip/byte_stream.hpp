// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// The uncompressed bytes of a gzip file, piece by piece. Not thread-safe.
class ByteStream {
  public:
    virtual ~ByteStream() = default;
    /// The next piece, at least one byte; empty at the end. Valid until the next call. Errors: those of the
    /// kind of stream; the stream is then over.
    [[nodiscard]] virtual Result<BytesView> next() = 0;
    /// Bytes of the file consumed, for progress.
    [[nodiscard]] virtual std::uint64_t compressed_bytes() const noexcept = 0;
    [[nodiscard]] virtual std::uint64_t file_size() const noexcept = 0;
};

}  // namespace ioswarm::snapshot
