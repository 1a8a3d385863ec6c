// SPDX-License-Identifier: Apache-2.0
#include "proto/node/tip_doubt.hpp"

#include <algorithm>

namespace ioswarm::proto {

bool TipDoubt::continues_claim(std::uint64_t height, bool is_above) const {
    if (!claim_ || claim_->is_above != is_above) return false;
    // A height below a claimed jump contradicts it. Several nodes may be some blocks apart.
    return !is_above || height >= claim_->height || claim_->height - height <= kNear;
}

std::uint64_t TipDoubt::take(std::uint64_t height, Time now) {
    if (!believed_) believed_ = Told{height, now};
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(now - believed_->at).count();
    const std::uint64_t rise = kNear + static_cast<std::uint64_t>(std::max<std::int64_t>(waited, 0));
    const bool is_above = height > believed_->height;
    const std::uint64_t distance = is_above ? height - believed_->height : believed_->height - height;
    if (distance <= (is_above ? rise : kNear)) {
        claim_.reset();
        believed_ = Told{height, now};
        return height;
    }
    if (!continues_claim(height, is_above)) {
        claim_ = Claim{height, is_above, now};
        if (is_above) ++jumps_;
    }
    claim_->height = std::min(claim_->height, height);
    if (now - claim_->since < confirmed_after_) return is_above ? believed_->height : height;
    // Every answer since then was at least this height.
    believed_ = Told{claim_->height, now};
    claim_.reset();
    return take(height, now);  // what was told last may be another jump
}

}  // namespace ioswarm::proto
