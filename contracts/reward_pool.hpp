// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "contracts/chain_types.hpp"
#include "core/base/result.hpp"

/// The calls, answers and events of AgentRewardPool: version 2, which deployed agents use, and version 3, which
/// `ioswarm deploy` creates. Version 3 also has everything of version 2.
namespace ioswarm::contracts {

// Calls of both versions.
[[nodiscard]] Bytes claim_call();
[[nodiscard]] Bytes claim_for_call(const Address& wallet);
[[nodiscard]] Bytes batch_claim_for_call(std::span<const Address> wallets);
[[nodiscard]] Bytes claimable_call(const Address& wallet);
[[nodiscard]] Bytes coordinator_call();
[[nodiscard]] Bytes total_weight_call();
[[nodiscard]] Bytes agents_call(const Address& wallet);
[[nodiscard]] Bytes set_coordinator_call(const Address& coordinator);
/// `wallets` and `weights` must have the same length.
[[nodiscard]] Bytes deposit_and_settle_call(std::span<const Address> wallets, std::span<const U256> weights);
[[nodiscard]] Bytes deposit_settle_and_claim_call(std::span<const Address> wallets,
                                                  std::span<const U256> weights,
                                                  std::span<const Address> claimees);

// Calls of version 3.
[[nodiscard]] Bytes settle_epoch_call(std::uint64_t epoch, std::span<const Hash256> entries);
[[nodiscard]] Bytes epoch_state_call(std::uint64_t epoch);
[[nodiscard]] Bytes last_epoch_call();
[[nodiscard]] Bytes pending_coordinator_call();
[[nodiscard]] Bytes accept_coordinator_call();

/// One wallet of a settleEpoch call.
struct PoolEntry {
    Address wallet;
    U256 weight;            ///< below 2^88
    bool send_now = false;  ///< send the share at once; if that fails it is credited
};
/// Encodes wallet << 96 | flags << 88 | weight. Error invalid_argument: the weight has more than 88 bits.
[[nodiscard]] Result<Hash256> entry_word(const PoolEntry& entry);

/// The answer to agents(address).
struct PoolAgent {
    U256 weight;
    U256 reward_snapshot;
    U256 pending;
};
[[nodiscard]] Result<PoolAgent> read_pool_agent(BytesView data);
/// The answer to epochState(uint64).
enum class EpochState { open = 0, settled = 1, too_old = 2 };
[[nodiscard]] Result<EpochState> read_epoch_state(BytesView data);
/// The answer to a call that returns one number: claimable, totalWeight, lastEpoch. Error bad_data, also for
/// empty data, which IoTeX returns for a call that ran out of gas and for an address without a contract.
[[nodiscard]] Result<U256> read_pool_uint(BytesView data);
[[nodiscard]] Result<Address> read_pool_address(BytesView data);

/// An event of a pool. The comments name the members that are set.
struct PoolEvent {
    enum class Kind {
        agent_updated,         ///< wallet, amount = weight
        settled,               ///< amount, count
        claimed,               ///< wallet, amount
        claim_failed,          ///< wallet, amount
        epoch_settled,         ///< epoch, amount, total_weight, count
        coordinator_proposed,  ///< previous = the current one, wallet = the proposed one
        coordinator_changed,   ///< previous = the old one, wallet = the new one
    };
    Kind kind = Kind::settled;
    Address wallet;
    Address previous;
    U256 amount;
    U256 total_weight;
    U256 count;
    std::uint64_t epoch = 0;
};
/// Decodes the event in a log. Empty if the log is not an event of a pool or is malformed. The caller must
/// check the log's address.
[[nodiscard]] std::optional<PoolEvent> read_pool_event(const ChainLog& log);
/// The first topic of AgentUpdated(address,uint256), for eth_getLogs.
[[nodiscard]] Hash256 agent_updated_topic();
/// The first topic of Settled(uint256,uint256), which every deposit of version 2 emits; for eth_getLogs.
[[nodiscard]] Hash256 settled_topic();
/// The first topic of EpochSettled(uint64,uint256,uint256,uint256), for eth_getLogs.
[[nodiscard]] Hash256 epoch_settled_topic();
/// The arguments of a settleEpoch call.
struct SettleEpochCall {
    std::uint64_t epoch = 0;
    std::vector<PoolEntry> entries;
};
[[nodiscard]] Result<SettleEpochCall> read_settle_epoch_call(BytesView data);
/// Returns the wallets that a depositSettleAndClaim call pays at once. Error bad_data: it is another call.
[[nodiscard]] Result<std::vector<Address>> read_claimees(BytesView data);

/// The kind of code at an address.
enum class PoolCode {
    none,  ///< no contract
    v1,    ///< the first version: no batchClaimFor, no claimFor
    v2,    ///< version 2 as in its source
    /// Version 2 as it was published with the agent: claim() burns all gas, claimFor() pays nothing.
    v2_damaged,
    v3,     ///< the version that this program deploys
    other,  ///< a contract with unknown code
};
[[nodiscard]] const char* to_string(PoolCode code) noexcept;
/// Finds the version from keccak256 of the code: v1, v2, v2_damaged or other. Version 3 is recognised by its
/// bytes, not by this function.
[[nodiscard]] PoolCode pool_code_of(const Hash256& code_hash);
/// Finds the version of the code at an address. `v3_runtime` is the code that this program deploys.
[[nodiscard]] PoolCode classify_pool_code(BytesView code, BytesView v3_runtime);

}  // namespace ioswarm::contracts
