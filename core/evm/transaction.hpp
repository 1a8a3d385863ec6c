// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/crypto/eth_tx.hpp"
#include "core/evm/machine.hpp"

namespace ioswarm::evm {

/// The block that a transaction runs in.
struct BlockContext {
    std::uint64_t chain_id = 0;
    std::uint64_t number = 0;
    std::uint64_t timestamp = 0;  ///< seconds
    std::uint64_t gas_limit = 0;
    Word base_fee = 0;
    Word blob_base_fee = 0;
    Address coinbase;
};

/// A transaction that the chain calls an execution.
struct Transaction {
    Address from;
    std::optional<Address> to;  ///< nothing for a creation
    Word value = 0;
    Bytes data;
    std::uint64_t gas_limit = 0;
    /// The gas price, or the fee cap if the transaction has one. GASPRICE returns it.
    Word fee_cap = 0;
    Word tip_cap = 0;  ///< equals fee_cap for a transaction with a gas price
    std::vector<AccessListEntry> access_list;
    std::vector<Hash256> blob_hashes;
    std::vector<SetCodeAuthorization> authorizations;
};

/// The outcome of a transaction. It is only a guess unless `missing` is empty.
struct Outcome {
    /// The node's reason for not putting this transaction into a block; empty when it can be in a block. When
    /// it is set, only `missing` has a meaning besides it.
    std::string refused;
    /// Failure::none means success. Failure::undefined means that the node cannot mine it. With
    /// Failure::not_simulated, too_much_work and out_of_time this interpreter does not know the outcome.
    FailureDetail failure;
    std::uint32_t status = 0;    ///< status of the receipt: 1, or 100 and above
    std::uint64_t gas_used = 0;  ///< gas of the receipt; with the agent's rules, the gas that the agent reports
    /// Gas of the outermost frame, before the refund and without the intrinsic gas.
    std::uint64_t frame_gas = 0;
    Bytes output;
    std::vector<Log> logs;
    std::vector<Transfer> transfers;  ///< only after success; with the agent's rules they are among the logs
    std::vector<AccountChange> changes;
    /// The accounts that steps named, even in failed frames, and those used before and after the run.
    std::vector<Address> accounts;
    std::vector<SlotId> slots;
    std::optional<Address> created;
    Missing missing;

    [[nodiscard]] bool known() const noexcept {
        return missing.empty() && failure.kind != Failure::not_simulated &&
               failure.kind != Failure::too_much_work && failure.kind != Failure::out_of_time;
    }
    [[nodiscard]] bool minable() const noexcept {
        return refused.empty() && failure.kind != Failure::undefined;
    }
};

/// Runs transactions one after the other, each on the state that its source gives. It reuses its buffers
/// between runs. Used by one thread at a time.
class Executor {
  public:
    [[nodiscard]] Outcome run(const Transaction& transaction, const BlockContext& block, StateSource& source,
                              const Rules& rules, const RunLimits& limits = {});

    /// A transaction to an account without code (precompiled contracts too) never enters the virtual machine.
    /// It moves the value and costs its intrinsic gas, that of data and access list. A native transfer to an
    /// account with code costs the same, moves nothing, and is mined with status 0.
    [[nodiscard]] Outcome run_transfer(const Transaction& transaction, const BlockContext& block,
                                       StateSource& source, const Rules& rules);

    [[nodiscard]] const Machine& machine() const noexcept { return machine_; }

  private:
    [[nodiscard]] std::string why_refused(const Transaction& transaction, const BlockContext& block,
                                          const Rules& rules);
    void prewarm(const Transaction& transaction, const BlockContext& block, const Rules& rules);
    void prepare(const Transaction& transaction, const BlockContext& block, const Rules& rules);
    void apply(const SetCodeAuthorization& authorization, std::uint64_t chain_id);
    void take_fees(const Transaction& transaction, const BlockContext& block, std::uint64_t used);
    void report_state(Outcome& outcome) const;
    [[nodiscard]] std::uint64_t settle(const Transaction& transaction, const BlockContext& block,
                                       const Rules& rules, std::uint64_t gas_left);

    Machine machine_;
    State state_;
};

/// The gas that is paid before the first step.
[[nodiscard]] std::uint64_t intrinsic_gas(const Transaction& transaction, const Rules& rules) noexcept;
/// The smallest charge in gas; 0 where there is no floor.
[[nodiscard]] std::uint64_t floor_gas(const Transaction& transaction, const Rules& rules) noexcept;
/// EIP-7702: the address that signed. Nothing when no key can have signed it (a high s, or no such point).
[[nodiscard]] std::optional<Address> authority_of(const SetCodeAuthorization& authorization);
/// The hash that an authority signs.
[[nodiscard]] Hash256 authorization_hash(const SetCodeAuthorization& authorization);

}  // namespace ioswarm::evm
