// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "snapshot/gzip/parallel.hpp"

namespace ioswarm::snapshot {

/// What a namespace holds, counted on the way.
struct NamespaceStats {
    std::uint64_t entries = 0;
    std::uint64_t key_bytes = 0;
    std::uint64_t value_bytes = 0;
    bool operator==(const NamespaceStats&) const = default;
};

/// Writes one IOSWSNAP stream (format.hpp) into a sink. One thread calls it.
class SnapshotWriter {
  public:
    /// Writes the header.
    SnapshotWriter(std::uint64_t height, const ParallelGzip::Settings& settings, ParallelGzip::Sink sink);

    /// Namespace 1..255 bytes. Errors: resource_exhausted (key or value over the format's bound), and the
    /// sink's.
    [[nodiscard]] Status add(std::string_view name, BytesView key, BytesView value);
    /// End marker and trailer; waits until the sink has everything. Call once. Gives the digest of the trailer.
    [[nodiscard]] Result<Hash256> finish();

    [[nodiscard]] std::uint64_t entries() const noexcept { return entries_; }
    [[nodiscard]] std::uint64_t raw_bytes() const noexcept { return gzip_.raw_bytes(); }

  private:
    ParallelGzip gzip_;
    Status header_written_;
    Bytes head_;  // marker, lengths, namespace and key of an entry that passes the end of a block
    std::uint64_t entries_ = 0;
};

}  // namespace ioswarm::snapshot
