// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/known_digests.hpp"

namespace ioswarm {

void KnownDigests::keep(ByHeight& digests, std::uint64_t height, const Hash256& digest) {
    digests.insert_or_assign(height, digest);
    if (digests.size() > kHeights) digests.erase(digests.begin());
}

bool KnownDigests::note_header(std::uint64_t height, const Hash256& digest) {
    const std::lock_guard lock(mutex_);
    keep(headers_, height, digest);
    const auto diff = diffs_.find(height);
    return diff == diffs_.end() || diff->second == digest;
}

bool KnownDigests::note_diff(std::uint64_t height, const Hash256& digest) {
    const std::lock_guard lock(mutex_);
    const auto header = headers_.find(height);
    if (header != headers_.end() && header->second != digest) return false;
    keep(diffs_, height, digest);
    return true;
}

std::optional<Hash256> KnownDigests::diff(std::uint64_t height) const {
    const std::lock_guard lock(mutex_);
    const auto found = diffs_.find(height);
    return found == diffs_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace ioswarm
