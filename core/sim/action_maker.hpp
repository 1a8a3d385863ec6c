// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "core/crypto/secp256k1.hpp"
#include "core/model/chain.hpp"
#include "core/sim/chain_model.hpp"

namespace ioswarm::sim {

/// Keys, addresses and bytes of the embedded chain: turns plans into signed actions. Keys follow from the seed,
/// so they protect nothing. Constant after construction; thread-safe.
class ActionMaker {
  public:
    /// Makes the keys: about 30 µs an account.
    explicit ActionMaker(const ChainSettings& settings);

    /// Of senders, treasury and genesis contracts.
    [[nodiscard]] const std::vector<Address>& addresses() const noexcept { return addresses_; }
    /// Where a contract stands: last 20 bytes of keccak256(rlp(creator, nonce)), as in Ethereum.
    [[nodiscard]] Address created_address(const CreatedContract& contract) const;

    /// The signed action, read from its bytes as any other source's are. `target` is the address of
    /// plan.target; it does not count where the plan has none. The same plan gives the same bytes. Error
    /// internal: a bug.
    [[nodiscard]] Result<PoolActionPtr> make(const TxPlan& plan, const Address& target) const;

    /// Hash of the grantReward action of this block, which is in the block without ever having been in the
    /// pool.
    [[nodiscard]] Result<Hash256> grant_reward_hash(std::uint64_t height) const;

  private:
    ChainIds ids_;
    std::vector<PrivateKey> keys_;  // of senders
    PrivateKey producer_;
    std::vector<Address> addresses_;
};

}  // namespace ioswarm::sim
