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

/// What the chain calls an execution.
struct Transaction {
    Address from;
    std::optional<Address> to;  ///< nothing: a creation
    Word value = 0;
    Bytes data;
    std::uint64_t gas_limit = 0;
    /// The gas price, or the fee cap of a transaction that has one. GASPRICE gives it.
    Word fee_cap = 0;
    Word tip_cap = 0;  ///< the same as fee_cap for a transaction with a gas price
    std::vector<AccessListEntry> access_list;
    std::vector<Hash256> blob_hashes;
    std::vector<SetCodeAuthorization> authorizations;
};

/// How a transaction ended. Only what `missing` leaves empty is more than a guess.
struct Outcome {
    /// Why the chain has this transaction in no block, in its node's words; empty: it can be in one. Nothing
    /// else but `missing` counts when it is set.
    std::string refused;
    /// Failure::none: success. Failure::undefined: the node cannot mine it. Failure::not_simulated and
    /// out_of_time: this interpreter does not know.
    FailureDetail failure;
    std::uint32_t status = 0;     ///< of the receipt: 1, or 100 and more
    std::uint64_t gas_used = 0;   ///< of the receipt; of the agent: what it reports
    std::uint64_t frame_gas = 0;  ///< of the outermost frame, before the refund, without the intrinsic part
    Bytes output;
    std::vector<Log> logs;
    std::vector<Transfer> transfers;  ///< of a success only; the agent has them among its logs
    std::vector<AccountChange> changes;
    std::vector<Address> accounts;  ///< that steps named, in failed frames too, and those around the run
    std::vector<SlotId> slots;
    std::optional<Address> created;
    Missing missing;

    [[nodiscard]] bool known() const noexcept {
        return missing.empty() && failure.kind != Failure::not_simulated &&
               failure.kind != Failure::out_of_time;
    }
    [[nodiscard]] bool minable() const noexcept {
        return refused.empty() && failure.kind != Failure::undefined;
    }
};

/// Runs transactions one after the other, each over the state its source gives; keeps its memories between
/// runs. Used by one thread at a time.
class Executor {
  public:
    [[nodiscard]] Outcome run(const Transaction& transaction, const BlockContext& block, StateSource& source,
                              const Rules& rules,
                              std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt);

    /// What the chain does instead with a transaction to an account without code, a precompiled contract among
    /// them: it moves the value, costs its data alone, and never enters the machine. It has one recipient, and
    /// its access list is not charged.
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

/// Gas that is paid before the first step.
[[nodiscard]] std::uint64_t intrinsic_gas(const Transaction& transaction, const Rules& rules) noexcept;
/// The least that is charged; 0 where there is no floor.
[[nodiscard]] std::uint64_t floor_gas(const Transaction& transaction, const Rules& rules) noexcept;
/// EIP-7702: who signed; nothing when nobody did (a high s, no such point).
[[nodiscard]] std::optional<Address> authority_of(const SetCodeAuthorization& authorization);
/// What an authority signs.
[[nodiscard]] Hash256 authorization_hash(const SetCodeAuthorization& authorization);

}  // namespace ioswarm::evm
