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

/// Counts of one namespace.
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

    /// Adds an entry. The namespace has 1..255 bytes. Errors: bad_data (namespace, key or value outside the
    /// format's limit), and those of the sink.
    [[nodiscard]] Status add(std::string_view name, BytesView key, BytesView value);
    /// Writes the end marker and the trailer, and waits until the sink has everything. Call it once. Returns
    /// the digest of the trailer.
    [[nodiscard]] Result<Hash256> finish();

    [[nodiscard]] std::uint64_t entries() const noexcept { return entries_; }
    [[nodiscard]] std::uint64_t raw_bytes() const noexcept { return gzip_.raw_bytes(); }

  private:
    ParallelGzip gzip_;
    Status header_written_;
    Bytes head_;  // marker, lengths, namespace and key of an entry that does not fit into the current block
    std::uint64_t entries_ = 0;
};

}  // namespace ioswarm::snapshot
