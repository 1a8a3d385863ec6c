// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "core/crypto/secp256k1.hpp"
#include "core/model/chain.hpp"
#include "core/sim/chain_model.hpp"

namespace ioswarm::sim {

/// Makes the keys, addresses and signed actions of the embedded chain from its plans. All keys are derived from
/// the seed, so they protect nothing. Constant after construction; thread-safe.
class ActionMaker {
  public:
    /// Derives the keys, about 30 µs per account.
    explicit ActionMaker(const ChainSettings& settings);

    /// The addresses of the senders, the treasury and the genesis contracts, in this order.
    [[nodiscard]] const std::vector<Address>& addresses() const noexcept { return addresses_; }
    /// The address of a created contract: the last 20 bytes of keccak256(rlp(creator, nonce)), as in Ethereum.
    [[nodiscard]] Address created_address(const CreatedContract& contract) const;

    /// Makes the signed action and reads it back from its bytes, like the actions of any other source. `target`
    /// is the address of plan.target; it is ignored if the plan has no target. The same plan always gives the
    /// same bytes. Error internal: a bug.
    [[nodiscard]] Result<PoolActionPtr> make(const TxPlan& plan, const Address& target) const;

    /// Hash of the block's grantReward action. That action is in the block but was never in the pool.
    [[nodiscard]] Result<Hash256> grant_reward_hash(std::uint64_t height) const;

  private:
    ChainIds ids_;
    std::vector<PrivateKey> keys_;  // of the senders
    PrivateKey producer_;
    std::vector<Address> addresses_;
};

}  // namespace ioswarm::sim
