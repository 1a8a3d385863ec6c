// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// Compares the digest of each diff with the one in the header of its block. Either may arrive first. Used by
/// DiffFeed, whose fetching thread reports the diffs while another thread reports the headers. Thread-safe.
/// Only for core/diffs.
class KnownDigests {
  public:
    /// Number of digests kept of each kind; the lowest heights are dropped first.
    static constexpr std::size_t kHeights = 1024;

    /// Records the digest in a block's header. Returns false when a diff of this height was accepted with
    /// another digest.
    [[nodiscard]] bool note_header(std::uint64_t height, const Hash256& digest);
    /// Records the digest of a diff that passed all other checks. Returns false, and records nothing, when the
    /// header of this height has another digest.
    [[nodiscard]] bool note_diff(std::uint64_t height, const Hash256& digest);
    /// The recorded digest of the diff of this height. Empty when none was recorded, or when it was dropped.
    [[nodiscard]] std::optional<Hash256> diff(std::uint64_t height) const;

  private:
    using ByHeight = std::map<std::uint64_t, Hash256>;
    static void keep(ByHeight& digests, std::uint64_t height, const Hash256& digest);

    mutable std::mutex mutex_;  // guards everything below
    ByHeight headers_;
    ByHeight diffs_;
};

}  // namespace ioswarm
