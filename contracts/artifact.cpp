// SPDX-License-Identifier: Apache-2.0
#include "contracts/artifact.hpp"

#include "core/crypto/keccak.hpp"

namespace ioswarm {

/// Defined in a source file that cmake/embed_contract.cmake generates.
namespace embedded {
extern const BytesView kRewardPoolCreationCode;
extern const BytesView kRewardPoolCode;
extern const std::string_view kRewardPoolAbi;
}  // namespace embedded

BytesView reward_pool_creation_code() noexcept {
    return embedded::kRewardPoolCreationCode;
}

BytesView reward_pool_code() noexcept {
    return embedded::kRewardPoolCode;
}

const Hash256& reward_pool_code_hash() noexcept {
    static const Hash256 hash = keccak256(embedded::kRewardPoolCode);
    return hash;
}

std::string_view reward_pool_abi() noexcept {
    return embedded::kRewardPoolAbi;
}

}  // namespace ioswarm
