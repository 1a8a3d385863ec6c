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

/// Reads an IOSWSNAP file (format.hpp) entry by entry and checks everything: magic, version, markers, lengths,
/// count, digest, end magic, that nothing follows, and that each namespace comes in one piece with its keys in
/// order. The entries are verified only when next() has reached the end without an error. Memory is bounded by
/// the largest entry. Not thread-safe.
class SnapshotReader {
  public:
    struct Entry {
        std::string_view name;  ///< the namespace; all views are valid until the next call
        BytesView key;
        BytesView value;
    };

    /// Reads the header. Errors: not_found, permission_denied, io, bad_data.
    [[nodiscard]] static Result<std::unique_ptr<SnapshotReader>> open(const std::string& path);
    /// Reads a snapshot from `stream`. `path` is used in messages. Errors: those of the stream, bad_data.
    [[nodiscard]] static Result<std::unique_ptr<SnapshotReader>> open(const std::string& path,
                                                                      std::unique_ptr<ByteStream> stream);
    ~SnapshotReader();

    [[nodiscard]] std::uint64_t height() const noexcept;
    /// Returns the next entry, or nothing after the last one; the trailer was then correct. Errors: bad_data
    /// (the text gives the check that failed and the byte in the uncompressed stream), io.
    [[nodiscard]] Result<std::optional<Entry>> next();

    /// Counts so far.
    [[nodiscard]] std::uint64_t entries() const noexcept;
    [[nodiscard]] std::uint64_t raw_bytes() const noexcept;
    [[nodiscard]] std::uint64_t compressed_bytes() const noexcept;
    [[nodiscard]] std::uint64_t file_size() const noexcept;
    /// The digest of the trailer. It is set once next() has returned nothing.
    [[nodiscard]] const Hash256& digest() const noexcept;

  private:
    struct State;
    explicit SnapshotReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm::snapshot
