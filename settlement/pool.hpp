// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "contracts/chain_client.hpp"
#include "contracts/reward_pool.hpp"
#include "core/base/result.hpp"
#include "settlement/log_pages.hpp"
#include "settlement/plan.hpp"
#include "settlement/rows.hpp"

namespace ioswarm::settlement {

/// The reward contract as the settler reads it. Not thread-safe. Errors: those of ChainClient; bad_data.
class RewardPool {
  public:
    RewardPool(contracts::ChainClient& chain, const SettlementIdentity& identity);

    /// Which version stands at `contract`. Unknown code counts as version 2 when it answers as version 2 does.
    /// Errors: failed_check (no contract, version 1, or another contract), those of ChainClient.
    [[nodiscard]] static Result<PoolVersion> version_at(contracts::ChainClient& chain, const Address& contract);
    /// True when both are settled with the same calls. Whether code of version 2 is the damaged one is not
    /// always told by its bytes, and does not change.
    [[nodiscard]] static bool same_calls(PoolVersion one, PoolVersion other) noexcept {
        return (one == PoolVersion::v3) == (other == PoolVersion::v3);
    }
    /// The contract's coordinator: the one wallet that may settle.
    [[nodiscard]] Result<Address> coordinator();
    /// The facts that a plan needs. For v2 the wallets with weight are found once from the AgentUpdated logs
    /// since identity.pool_from_block and then kept up to date by reading on from where the last call stopped,
    /// also when that call failed half-way. Where they do not add up to totalWeight() they are read once more
    /// from the beginning, at most every 100 blocks.
    [[nodiscard]] Result<PoolFacts> facts();
    /// v2, between the two steps: totalWeight() and each agents(w).weight are as `weights` says, and no other
    /// wallet has weight.
    [[nodiscard]] Result<bool> weights_are(const std::map<Address, U256>& weights);
    /// v3: whether this id was settled already.
    [[nodiscard]] Result<contracts::EpochState> epoch_state(std::uint64_t pool_epoch);

    /// What a final receipt says that was done.
    struct Outcome {
        U256 amount;  ///< of EpochSettled or Settled
        std::uint64_t wallets = 0;
        std::map<Address, U256> claimed;       ///< pushes that were paid; on v2 with what was owed before
        std::map<Address, U256> claim_failed;  ///< pushes that were refused and credited; v2 tells no amount: 0
    };
    /// Reads the receipt's logs of this contract. Error bad_data: the logs of a settlement are missing.
    [[nodiscard]] static Result<Outcome> outcome_of(const contracts::Receipt& receipt,
                                                    const SettlementIdentity& identity,
                                                    const IntentRow& intent);

  private:
    [[nodiscard]] Result<Bytes> view(Bytes call, const char* name);
    [[nodiscard]] Result<U256> view_uint(Bytes call, const char* name);
    [[nodiscard]] Status read_weights(std::uint64_t tip);

    contracts::ChainClient& chain_;
    SettlementIdentity identity_;
    // Of v2 only:
    LogPages weight_logs_;
    std::map<Address, U256> weights_;  // as the logs below next_log_block_ say
    std::uint64_t next_log_block_ = 0;
    std::optional<std::uint64_t> read_anew_at_;  // the tip when all logs were read once more
};

}  // namespace ioswarm::settlement
