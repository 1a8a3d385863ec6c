// SPDX-License-Identifier: Apache-2.0
#include "cli/contracts/pool_reading.hpp"

#include "contracts/artifact.hpp"
#include "contracts/revert.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {

Result<contracts::PoolCode> pool_code_at(contracts::ChainClient& chain, const Address& pool) {
    IOSWARM_TRY(const auto code, chain.code(pool));
    const contracts::PoolCode kind = contracts::classify_pool_code(code, reward_pool_code());
    if (kind != contracts::PoolCode::none) return kind;
    return fail(ErrorCode::failed_check, "there is no contract", to_checksum_hex(pool),
                "the address holds no code on this chain", "check the address, and --network");
}

Result<U256> claimable_of(contracts::ChainClient& chain, const Address& pool, const Address& wallet) {
    IOSWARM_TRY(const auto outcome, chain.call({{}, pool, 0, contracts::claimable_call(wallet), 0}));
    const auto amount =
        outcome.reverted
            ? Result<U256>(fail(ErrorCode::failed_check, "", "", contracts::revert_reason(outcome.data)))
            : contracts::read_pool_uint(outcome.data);
    if (amount) return amount;
    return fail(ErrorCode::failed_check, "cannot read what can be claimed", to_checksum_hex(pool),
                amount.error().why, "is this the reward contract?");
}

}  // namespace ioswarm::cli
