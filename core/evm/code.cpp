// SPDX-License-Identifier: Apache-2.0
#include "core/evm/code.hpp"

#include <algorithm>

#include "core/crypto/keccak.hpp"

namespace ioswarm::evm {
namespace {

constexpr std::array<std::uint8_t, 3> kDelegationPrefix = {0xef, 0x01, 0x00};

}  // namespace

void map_jumps(BytesView code, JumpMap& map) {
    map.assign(code.size() / 64 + 1, 0);
    for (std::size_t at = 0; at < code.size(); ++at) {
        const std::uint8_t op = code[at];
        if (op == 0x5b) {
            map[at / 64] |= std::uint64_t{1} << (at % 64);
        } else if (op >= 0x60 && op <= 0x7f) {
            at += op - 0x5fU;
        }
    }
}

Code::Code(BytesView bytes) : size_(bytes.size()), hash_(keccak256(bytes)) {
    padded_.reserve(size_ + kCodePadding);
    padded_.assign(bytes.begin(), bytes.end());
    padded_.resize(size_ + kCodePadding);
    map_jumps(bytes, jumps_);
    if (size_ == kDelegationPrefix.size() + Address::kSize &&
        std::equal(kDelegationPrefix.begin(), kDelegationPrefix.end(), bytes.begin())) {
        delegate_ = Address::from(bytes.last(Address::kSize));
    }
}

Bytes delegation_to(const Address& account) {
    Bytes out(kDelegationPrefix.begin(), kDelegationPrefix.end());
    out.insert(out.end(), account.bytes.begin(), account.bytes.end());
    return out;
}

}  // namespace ioswarm::evm
