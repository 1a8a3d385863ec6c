// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_chain.hpp"

#include <array>

namespace ioswarm {

Hash256 diff_chain(Sha256& hash, const Hash256& previous, std::uint64_t height, const Hash256& digest,
                   BytesView record) {
    std::array<std::uint8_t, 8> be{};
    for (std::size_t i = 0; i < be.size(); ++i)
        be[i] = static_cast<std::uint8_t>(height >> (8 * (be.size() - 1 - i)));
    hash.reset();
    return hash.update(previous.view()).update(be).update(digest.view()).update(record).finish();
}

Hash256 diff_chain(const Hash256& previous, std::uint64_t height, const Hash256& digest, BytesView record) {
    Sha256 hash;
    return diff_chain(hash, previous, height, digest, record);
}

}  // namespace ioswarm
