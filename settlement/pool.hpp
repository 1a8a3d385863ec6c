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

/// The settler's read access to the reward contract. Not thread-safe. Errors: those of ChainClient; bad_data.
class RewardPool {
  public:
    RewardPool(contracts::ChainClient& chain, const SettlementIdentity& identity);

    /// Tells which version the contract is. Unknown code counts as version 2 when it behaves like version 2.
    /// Errors: failed_check (no contract, version 1, or another contract), those of ChainClient.
    [[nodiscard]] static Result<PoolVersion> version_at(contracts::ChainClient& chain, const Address& contract);
    /// Whether both versions are settled with the same calls. The bytes do not always tell whether version 2's
    /// code is the damaged one, and that never changes.
    [[nodiscard]] static bool same_calls(PoolVersion one, PoolVersion other) noexcept {
        return (one == PoolVersion::v3) == (other == PoolVersion::v3);
    }
    /// The contract's coordinator, the only wallet that may settle.
    [[nodiscard]] Result<Address> coordinator();
    /// Reads the facts that a plan needs. For v2, the wallets with weight are read once from the AgentUpdated
    /// logs since identity.pool_from_block. Later calls continue where the last one stopped, even if it failed
    /// half-way. If the weights do not add up to totalWeight(), all logs are read again, at most every 100
    /// blocks.
    [[nodiscard]] Result<PoolFacts> facts();
    /// v2, between the two steps: whether totalWeight() and each agents(w).weight match `weights`, and no other
    /// wallet has weight.
    [[nodiscard]] Result<bool> weights_are(const std::map<Address, U256>& weights);
    /// v3: whether this id is already settled.
    [[nodiscard]] Result<contracts::EpochState> epoch_state(std::uint64_t pool_epoch);

    /// The effect of a settlement, from its final receipt.
    struct Outcome {
        U256 amount;  ///< from the event EpochSettled or Settled
        std::uint64_t wallets = 0;
        std::map<Address, U256> claimed;  ///< pushes that were paid; on v2 including what was owed before
        /// Pushes that were refused and credited; 0 on v2, which does not tell the amount.
        std::map<Address, U256> claim_failed;
    };
    /// Reads this contract's logs from the receipt. Error bad_data: a settlement's logs are missing.
    [[nodiscard]] static Result<Outcome> outcome_of(const contracts::Receipt& receipt,
                                                    const SettlementIdentity& identity,
                                                    const IntentRow& intent);

  private:
    [[nodiscard]] Result<Bytes> view(Bytes call, const char* name);
    [[nodiscard]] Result<U256> view_uint(Bytes call, const char* name);
    [[nodiscard]] Status read_weights(std::uint64_t tip);

    contracts::ChainClient& chain_;
    SettlementIdentity identity_;
    // Only for v2:
    LogPages weight_logs_;
    std::map<Address, U256> weights_;  // according to the logs below next_log_block_
    std::uint64_t next_log_block_ = 0;
    std::optional<std::uint64_t> read_anew_at_;  // the tip when all logs were last read again
};

}  // namespace ioswarm::settlement
