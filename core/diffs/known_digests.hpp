// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// The digests of the newest heights, from block headers and from diffs. Either may arrive first. Thread-safe.
/// Only for core/diffs.
class KnownDigests {
  public:
    /// Number of digests kept of each kind; the lowest heights are dropped first.
    static constexpr std::size_t kHeights = 1024;

    /// Returns false when the diff that was accepted has another digest.
    [[nodiscard]] bool note_header(std::uint64_t height, const Hash256& digest);
    /// Returns false, and stores nothing, when the header has another digest.
    [[nodiscard]] bool note_diff(std::uint64_t height, const Hash256& digest);
    [[nodiscard]] std::optional<Hash256> diff(std::uint64_t height) const;

  private:
    using ByHeight = std::map<std::uint64_t, Hash256>;
    static void keep(ByHeight& digests, std::uint64_t height, const Hash256& digest);

    mutable std::mutex mutex_;  // guards everything below
    ByHeight headers_;
    ByHeight diffs_;
};

}  // namespace ioswarm
