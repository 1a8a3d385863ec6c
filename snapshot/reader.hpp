// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "snapshot/gzip/byte_stream.hpp"

namespace ioswarm::snapshot {

/// Reads an IOSWSNAP file (format.hpp) entry by entry and checks all of it: magic, version, markers, lengths,
/// count, digest, end magic, nothing behind. What was read is proven only when next() has come to the end
/// without an error. Memory is bounded by the largest entry. Not thread-safe.
class SnapshotReader {
  public:
    struct Entry {
        std::string_view name;  ///< namespace; views are valid until the next call
        BytesView key;
        BytesView value;
    };

    /// Reads the header. Errors: not_found, permission_denied, io, bad_data.
    [[nodiscard]] static Result<std::unique_ptr<SnapshotReader>> open(const std::string& path);
    /// Reads what `stream` gives; `path` is for messages. Errors: those of the stream, bad_data.
    [[nodiscard]] static Result<std::unique_ptr<SnapshotReader>> open(const std::string& path,
                                                                      std::unique_ptr<ByteStream> stream);
    ~SnapshotReader();

    [[nodiscard]] std::uint64_t height() const noexcept;
    /// The next entry, nothing after the last one: then the trailer was right. Errors: bad_data says which
    /// check failed and at which byte of the uncompressed stream; io.
    [[nodiscard]] Result<std::optional<Entry>> next();

    /// Counted so far.
    [[nodiscard]] std::uint64_t entries() const noexcept;
    [[nodiscard]] std::uint64_t raw_bytes() const noexcept;
    [[nodiscard]] std::uint64_t compressed_bytes() const noexcept;
    [[nodiscard]] std::uint64_t file_size() const noexcept;
    /// The trailer's digest; set once next() gave nothing.
    [[nodiscard]] const Hash256& digest() const noexcept;

  private:
    struct State;
    explicit SnapshotReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm::snapshot
