// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// Digests of the newest heights as their blocks' headers have them and as their diffs have them. Either may
/// come first. Thread-safe. Not for use outside core/diffs.
class KnownDigests {
  public:
    static constexpr std::size_t kHeights = 1024;  ///< kept of each; the lowest goes first

    /// False: the diff that was taken in has another digest.
    [[nodiscard]] bool note_header(std::uint64_t height, const Hash256& digest);
    /// False (and nothing is noted): the header has another digest.
    [[nodiscard]] bool note_diff(std::uint64_t height, const Hash256& digest);
    [[nodiscard]] std::optional<Hash256> diff(std::uint64_t height) const;

  private:
    using ByHeight = std::map<std::uint64_t, Hash256>;
    static void keep(ByHeight& digests, std::uint64_t height, const Hash256& digest);

    mutable std::mutex mutex_;  // guards all below
    ByHeight headers_;
    ByHeight diffs_;
};

}  // namespace ioswarm
