// SPDX-License-Identifier: Apache-2.0
#pragma once

// The contents of settlement.db as plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"

namespace ioswarm::settlement {

/// The version of the contract. Fixed when settlement.db is made.
enum class PoolVersion : std::uint8_t {
    v2,          ///< AgentRewardPool v2: two steps per settlement
    v2_damaged,  ///< v2 with the code that was published with the public agent: only a push pays anybody
    v3,          ///< this program's contract: settleEpoch
};

/// The contract, wallet and chain that settlement.db was made for. Written once by `settle init`.
struct SettlementIdentity {
    std::uint64_t chain_id = 0;
    Address contract;
    PoolVersion pool = PoolVersion::v3;
    Address wallet;                     ///< wallet of the signing key
    std::uint64_t first_nonce = 0;      ///< the wallet's confirmed nonce at init; the first intent gets it
    std::uint64_t first_epoch = 0;      ///< this file never pays earlier epochs
    std::uint64_t pool_from_block = 0;  ///< v2: the block where the search for AgentUpdated logs begins
    std::int64_t created_ms = 0;        ///< Unix time in milliseconds

    bool operator==(const SettlementIdentity&) const = default;
};

/// The purpose of a transaction.
enum class IntentKind : std::uint8_t {
    settle,   ///< v3: settleEpoch with its value
    weights,  ///< v2, first step: weights without value; covers no payout
    value,    ///< v2, second step: the value; signed only after the weights before it are final and read back
};

/// The state of an intent. `to_string` gives the name that is stored and shown.
///
///     planned → reserved → signed → sending → pooled → mined → final_ok | final_reverted
///     mined → sending                            its receipt disappeared
///     any of reserved … mined → cancelling → cancelled | final_ok | final_reverted
///     any of reserved … cancelling → cancelled   others used its nonce, and an operator resumed
///     planned → cancelled                        dropped, to be planned again
///
/// There is no "failed": an error, a time-out or a crash never moves an intent back from `sending`.
enum class IntentState : std::uint8_t {
    planned,         ///< only the row exists
    reserved,        ///< it has its nonce, permanently
    signed_,         ///< the signed bytes are stored, but nothing was sent
    sending,         ///< set before the first byte is sent
    pooled,          ///< an endpoint said that it has the transaction
    mined,           ///< a receipt was seen
    cancelling,      ///< an empty transaction with the same nonce competes with it (operator's order)
    final_ok,        ///< mined, final and successful
    final_reverted,  ///< mined and final, but reverted: no money moved
    /// The empty transaction is final, a foreign one used its nonce, or it was dropped before it got a nonce.
    cancelled,
};
[[nodiscard]] constexpr bool is_final(IntentState state) noexcept {
    return state == IntentState::final_ok || state == IntentState::final_reverted ||
           state == IntentState::cancelled;
}

/// One payout that an intent covers.
struct CoveredPayout {
    std::uint64_t epoch = 0;
    std::string agent_id;
    Address wallet;
    U256 amount_rau;
    bool operator==(const CoveredPayout&) const = default;
};

/// One transaction that must happen exactly once.
struct IntentRow {
    std::uint64_t id = 0;  ///< ascending, in the order of sending
    IntentKind kind = IntentKind::settle;
    std::uint64_t settlement = 0;  ///< shared by intents that were planned together: the id of the first one
    std::uint64_t pool_epoch = 0;  ///< v3: the id passed to settleEpoch
    /// Epochs of the covered payouts; for weights, of those that its value step covers.
    std::uint64_t first_epoch = 0;
    std::uint64_t last_epoch = 0;
    Hash256 key;  ///< see intent_key(); unique
    std::optional<std::uint64_t> nonce;
    Address to;
    U256 value_rau;
    Bytes data;
    std::uint64_t gas_limit = 0;
    Hash256 payouts_hash;  ///< see payouts_hash(); zero for weights
    IntentState state = IntentState::planned;
    std::int64_t created_ms = 0;
    // Set when it is mined, and kept when it is final:
    std::optional<Hash256> hash;  ///< of the attempt that was mined
    std::uint64_t block = 0;
    std::uint64_t gas_used = 0;
    U256 gas_price;
    std::int64_t final_ms = 0;
    std::string reason;  ///< why it reverted or was cancelled
};

/// The kind of an attempt. `pay` does what the intent was planned for.
enum class AttemptKind : std::uint8_t {
    pay,
    noop,  ///< an empty transaction from the wallet to itself, which frees the nonce
};

/// A signed transaction of an intent. All attempts of one intent have its nonce. `pay` attempts differ only in
/// price.
struct AttemptRow {
    std::uint64_t intent = 0;
    std::uint64_t number = 0;  ///< from 1
    AttemptKind kind = AttemptKind::pay;
    U256 gas_price;
    std::uint64_t gas_limit = 0;
    Bytes raw;
    Hash256 hash;
    std::uint64_t from_block = 0;  ///< the tip when it was signed: it cannot be in that block or an earlier one
    std::int64_t signed_ms = 0;
    std::uint64_t sends = 0;       ///< how often it was sent to an endpoint
    std::uint64_t sent_block = 0;  ///< the tip at the last send
    std::string answer;            ///< the endpoint's last answer
};

/// One endpoint's view of a mined intent. This is the evidence for finality.
struct ObservationRow {
    std::uint64_t intent = 0;
    std::string endpoint;
    Hash256 transaction;
    std::uint64_t block = 0;
    Hash256 block_hash;
    std::uint64_t status = 0;
    std::int64_t at_ms = 0;
};

/// Why the settler signs nothing until an operator resumes it.
enum class HaltReason : std::uint8_t {
    none,
    foreign_transaction,  ///< another transaction of the wallet used a nonce that belongs to this file
    /// The ledger lacks a covered payout, has another amount for it, or is not what it was when its epochs
    /// closed.
    ledger_differs,
    pool_differs,  ///< another contract, version or coordinator than settlement.db was made for
    reverted,      ///< a settlement failed on chain and must be looked at
    wrong_amount,  ///< the chain's logs show other amounts than were sent
    audit_failed,
};
struct Halt {
    HaltReason reason = HaltReason::none;
    std::string detail;  ///< for people
    std::int64_t at_ms = 0;
    /// Only set when a halt is ended: nonces below this one that this file did not assign were used by others.
    std::optional<std::uint64_t> free_nonce = std::nullopt;
};

[[nodiscard]] const char* to_string(PoolVersion value) noexcept;
[[nodiscard]] const char* to_string(IntentKind value) noexcept;
[[nodiscard]] const char* to_string(IntentState value) noexcept;
[[nodiscard]] const char* to_string(AttemptKind value) noexcept;
[[nodiscard]] const char* to_string(HaltReason value) noexcept;

/// For example "epoch 7", "epochs 7 to 9".
[[nodiscard]] std::string epoch_range(std::uint64_t first, std::uint64_t last);

/// SHA-256 of the payouts in the order (epoch, agent). It binds an intent to exactly these amounts.
[[nodiscard]] Hash256 payouts_hash(const std::vector<CoveredPayout>& payouts);
/// SHA-256 of an intent's work: chain, contract, wallet, kind, payouts, data, value, and `generation`. The
/// latter counts how often the same work was planned before and ended as reverted or cancelled. So the same
/// work cannot be planned twice.
[[nodiscard]] Hash256 intent_key(const SettlementIdentity& identity, const IntentRow& intent,
                                 std::uint64_t generation);

}  // namespace ioswarm::settlement
