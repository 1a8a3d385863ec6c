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

/// The only place that holds the key. It signs what the policy allows and nothing else: legacy transactions on
/// one chain, either to the contract with one of the calls of a settlement, or an empty one to the wallet
/// itself. Signing is deterministic: the same transaction gives the same bytes. Not thread-safe.
class SettlementSigner {
  public:
    SettlementSigner(PrivateKey key, const SettlementIdentity& identity, const SettlementLimits& limits);

    [[nodiscard]] const Address& wallet() const noexcept { return wallet_; }
    /// Errors: permission_denied (not allowed: another receiver, another call, a price above the cap, a value
    /// above the limit), internal (the intent has no nonce).
    [[nodiscard]] Result<AttemptRow> sign(const IntentRow& intent, AttemptKind kind, const U256& gas_price,
                                          std::uint64_t tip) const;

  private:
    PrivateKey key_;
    Address wallet_;
    SettlementIdentity identity_;
    SettlementLimits limits_;
};

struct SettlerSettings {
    SettlementLimits limits;
    std::optional<std::uint64_t> up_to_epoch;  ///< `settle --epoch N`
    std::uint64_t blocks_until_bump = 3;       ///< without being mined, before the price rises
    std::uint64_t blocks_until_final = 6;      ///< with one endpoint; with two, both must have the same receipt
    std::chrono::milliseconds poll{2'000};     ///< between two looks at the chain while something is under way
    std::chrono::milliseconds longest_back_off{60'000};  ///< between tries while endpoints are away
};

/// Where the settler stands after a step.
struct SettlerStep {
    enum class State {
        idle,     ///< nothing is owed, and nothing is under way
        again,    ///< the next step can be taken at once
        waiting,  ///< something is under way: look again after `wait`
        held,     ///< something is owed, and `hold` says why nothing is signed; look again after `wait`
        halted,   ///< nothing is signed until an operator resumes; see SettlementStore::halt()
    };
    State state = State::idle;
    std::chrono::milliseconds wait{0};
    Hold hold;
};

/// Pays what the ledger owes, exactly once, whatever crashes and whatever endpoints answer. Every step writes
/// to the store before it acts and can be cut off at any instruction: the next Settler over the same store goes
/// on. Not thread-safe: one thread calls step() until it is idle, and waits in between. It never sleeps itself.
class Settler {
  public:
    /// All references must outlive it. `log` gets one line per event, never a key or signed bytes.
    Settler(SettlementStore& store, PayoutSource& payouts, contracts::ChainClient& chain,
            const SettlementSigner& signer, SettlerSettings settings, const Clock& clock, Log log,
            std::stop_token stop = {});
    ~Settler();

    /// Takes one step. The first one compares the file with the ledger and the chain before anything is signed.
    /// Errors: config (the endpoint is on another chain), io, data_loss, not_found (no ledger), internal; a
    /// node that cannot be reached is no error, the step waits.
    [[nodiscard]] Result<SettlerStep> step();

    /// The plan that step() would carry out now, without signing or writing anything (`settle --dry-run`).
    [[nodiscard]] Result<Plan> dry_run();

    /// Operator's order: the live intent's nonce is to be freed, or its price raised, up to `cap`. Error
    /// failed_precondition: nothing is live.
    enum class Unstick { raise_price, replace_by_empty };
    [[nodiscard]] Status unstick(Unstick how, const U256& cap);

    /// Operator's order: ends a halt. After a foreign transaction the nonces that others used are given up:
    /// what the live intent covers is then owed again, but only when every endpoint says that its nonce is used
    /// and no block holds one of its transactions (and a v3 contract has not settled its id). Errors:
    /// failed_precondition (not halted, or an endpoint cannot be heard or says something else), config, those
    /// of the store.
    [[nodiscard]] Status resume();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm::settlement
