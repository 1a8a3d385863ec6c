// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "contracts/chain_client.hpp"
#include "core/base/log.hpp"
#include "core/crypto/secp256k1.hpp"
#include "core/ports/clock.hpp"
#include "settlement/failpoint.hpp"
#include "settlement/payout_source.hpp"
#include "settlement/plan.hpp"
#include "settlement/pool.hpp"
#include "settlement/store.hpp"

namespace ioswarm::settlement {

/// The only holder of the key. It signs only what the policy allows: legacy transactions on one chain, either
/// to the contract with a settlement call, or an empty one to the wallet itself. Signing is deterministic: the
/// same transaction gives the same bytes. Not thread-safe.
class SettlementSigner {
  public:
    SettlementSigner(PrivateKey key, const SettlementIdentity& identity, const SettlementLimits& limits);
    /// A signer without a key, for Settler::dry_run(). It refuses to sign anything.
    SettlementSigner(const SettlementIdentity& identity, const SettlementLimits& limits);

    [[nodiscard]] const Address& wallet() const noexcept { return wallet_; }
    /// Errors: permission_denied (not allowed: another receiver, another call, a price above the cap, a value
    /// above the limit), internal (the intent has no nonce).
    [[nodiscard]] Result<AttemptRow> sign(const IntentRow& intent, AttemptKind kind, const U256& gas_price,
                                          std::uint64_t tip) const;

  private:
    std::optional<PrivateKey> key_;
    Address wallet_;
    SettlementIdentity identity_;
    SettlementLimits limits_;
};

/// The limits and times of a settler.
struct SettlerSettings {
    SettlementLimits limits;
    std::optional<std::uint64_t> up_to_epoch;  ///< from `settle --epoch N`
    std::uint64_t blocks_until_bump = 3;       ///< blocks without being mined before the price rises
    /// Blocks on top of a receipt that make it final when only one endpoint shows it. A receipt that two
    /// endpoints show needs none, unless it releases payouts.
    std::uint64_t blocks_until_final = 6;
    /// Time between two checks of the chain while a transaction is in progress.
    std::chrono::milliseconds poll{2'000};
    /// Longest time between tries while no endpoint answers.
    std::chrono::milliseconds longest_back_off{60'000};
};

/// The settler's situation after a step.
struct SettlerStep {
    enum class State {
        idle,     ///< nothing is owed, and nothing is in progress
        again,    ///< the next step can be taken at once
        waiting,  ///< a transaction is in progress: take the next step after `wait`
        held,     ///< something is owed, and `hold` says why nothing is signed; take the next step after `wait`
        halted,   ///< nothing is signed until an operator resumes; see SettlementStore::halt()
    };
    State state = State::idle;
    std::chrono::milliseconds wait{0};
    Hold hold;
};

/// Pays what the ledger owes, exactly once, whatever crashes and whatever the endpoints answer. Every step
/// writes to the store before it acts, and can be interrupted at any instruction: the next Settler with the
/// same store continues. Not thread-safe: one thread calls step() until it is idle, and waits in between. The
/// Settler itself never sleeps.
class Settler {
  public:
    /// All references must outlive it. `log` gets one line per event, never a key or signed bytes.
    Settler(SettlementStore& store, PayoutSource& payouts, contracts::ChainClient& chain,
            const SettlementSigner& signer, SettlerSettings settings, const Clock& clock, Log log,
            std::stop_token stop = {});
    ~Settler();

    /// Takes one step. The first one compares the file with the ledger and the chain before anything is signed.
    /// Errors: config (the endpoint is on another chain), io, data_loss, not_found (no ledger), internal. A
    /// node that cannot be reached is not an error; the step then waits.
    [[nodiscard]] Result<SettlerStep> step();

    /// The plan that step() would carry out now. Signs and writes nothing (`settle --dry-run`).
    [[nodiscard]] Result<Plan> dry_run();

    /// The two orders of `settle unstick` for the live intent, which is the oldest one that is not final: raise
    /// its gas price, or replace its transaction by an empty one with the same nonce. `cap` limits the gas
    /// price, in rau per gas. Error failed_precondition: no intent is live.
    enum class Unstick { raise_price, replace_by_empty };
    [[nodiscard]] Status unstick(Unstick how, const U256& cap);

    /// Carries out `settle resume`: ends a halt. After a foreign transaction, the nonces that others used are
    /// given up, once `blocks_until_final` blocks are on top of their transactions. The live intent's payouts
    /// are then owed again, but only if every endpoint says that its nonce is used, no block has one of its
    /// transactions, and a v3 contract has not settled its id. Errors: try_again (not enough blocks are on
    /// top), failed_precondition (not halted, an endpoint does not answer or disagrees, or others settled this
    /// contract, so that only a new settlement.db helps), config, those of the store.
    [[nodiscard]] Status resume();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm::settlement
