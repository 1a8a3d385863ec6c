// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/u256.hpp"
#include "core/sim/chain_settings.hpp"
#include "core/sim/random.hpp"

namespace ioswarm::sim {

/// The kinds of transactions on the embedded chain.
enum class TxKind : std::uint8_t {
    transfer,
    call,
    creation,
    stake_create,
    stake_add_deposit,
    stake_unstake,
    candidate_register,
};
enum class TxEncoding : std::uint8_t { native, ethereum, container };

inline constexpr std::uint64_t kBaseFeeRau = 1'000'000'000'000;  // 1000 Gwei, as on mainnet
inline constexpr std::uint64_t kRauPerIotx = 1'000'000'000'000'000'000;
/// The fee for registering a candidate, in addition to the stake. As on the real chain, the pool does not count
/// it as a cost.
inline constexpr std::uint64_t kRegistrationFeeIotx = 100;
inline constexpr std::uint32_t kGenesisContracts = 16;
inline constexpr std::uint32_t kMaxPendingPerAccount = 64;
inline constexpr std::uint64_t kHeightsHeld = 8;  ///< the tip and the seven heights before it

/// Number of candidates that stakes may name; a stake with this index names a candidate that does not exist.
inline constexpr std::uint32_t kCandidates = 4;

/// A transaction before it is encoded. The plan says what happens when it is mined. Nonces and balances decide
/// whether it is mined.
struct TxPlan {
    std::uint64_t id = 0;  ///< running number over the life of the chain, from 1
    std::uint32_t sender = 0;
    std::uint32_t target = 0;  ///< account index; used only by transfers and calls
    std::uint64_t nonce = 0;
    TxKind kind = TxKind::transfer;
    TxEncoding encoding = TxEncoding::native;
    std::uint8_t tx_type = 0;  ///< EIP-2718 type 0..2; always 0 for the native encoding
    U256 value_rau = 0;        ///< amount moved, staked or deposited
    std::uint64_t gas_limit = 0;
    std::uint64_t fee_cap_rau = 0;  ///< the gas price for types that have only one
    std::uint64_t tip_cap_rau = 0;  ///< used only by type 2
    /// Depends on the kind. Call: the word passed to the contract; creation: the salt; stake: the candidate;
    /// deposit and unstake: the bucket; transfer: the payload.
    std::uint64_t argument = 0;
    std::uint64_t status = 1;
    std::uint64_t gas_used = 0;
    std::uint64_t slot = 0;          ///< it arrives between block `slot` and the next
    std::uint64_t ready_height = 0;  ///< not mined before this block; at least slot + 2

    /// The most that the transaction can cost its sender, as the pool counts it.
    [[nodiscard]] U256 cost_rau() const { return U256(gas_limit * fee_cap_rau) + value_rau; }
    [[nodiscard]] std::uint64_t gas_price_paid_rau() const noexcept;
};

/// The state of an account of the embedded chain.
struct ModelAccount {
    U256 balance_rau = 0;
    std::uint64_t nonce = 0;
    std::uint64_t word = 0;  ///< storage slot 0 of a contract; never 0 for a contract
    bool has_code = false;
};

/// A contract that a transaction created. Its address follows from `creator` and `nonce`.
struct CreatedContract {
    std::uint32_t account = 0;  ///< index of the contract's account
    std::uint32_t creator = 0;
    std::uint64_t nonce = 0;
};

/// A contract that is no longer tracked, with its last state. A newer contract took over its number.
struct ForgottenContract {
    CreatedContract contract;
    ModelAccount last;
};

/// One account before and after a block.
struct AccountChange {
    std::uint32_t account = 0;
    ModelAccount before;
    ModelAccount after;
};

/// A block of the embedded chain, and the transactions that left the pool.
struct ModelBlock {
    std::uint64_t height = 0;
    std::vector<TxPlan> mined;  ///< in the block's order
    /// Left the pool since the last block, replaced by another transaction with the same nonce.
    std::vector<TxPlan> replaced;
    /// Left the pool since the last block, because an earlier transaction spent the balance.
    std::vector<TxPlan> unaffordable;
    std::vector<CreatedContract> created;
    std::vector<ForgottenContract> forgotten;  ///< at most one for each entry of `created`
};

/// The embedded chain without time, keys and bytes: a state machine that depends only on its settings.
///
/// Time is counted in slots: slot h is the time between block h and block h+1 (block 0 is the genesis). The
/// transactions of slot h arrive one after the other during that slot and are mined in block h+2 or later. Each
/// is therefore pending for at least one whole slot; the last ones leave the pool with block h+5. All events
/// have a fixed order, so the results do not depend on when within a slot the model is called.
///
/// Accounts are numbers: 0 .. accounts-1 are the senders, then come treasury(), the genesis contracts, and the
/// contracts created by transactions. Only the last 8,192 of these are kept, and transactions call only the
/// newest 64.
///
/// The pool follows the real chain's rules. It holds an action only if its nonce follows the account's nonce or
/// a pending one, and if the balance covers its cost and the costs of the sender's earlier pending actions. Not
/// thread-safe. Memory is bounded: the pool holds at most the arrivals of five slots.
class ChainModel {
  public:
    /// Starts at the genesis, in slot 0, before the first arrival. `settings` must have passed check().
    explicit ChainModel(const ChainSettings& settings);

    [[nodiscard]] std::uint64_t height() const noexcept { return height_; }
    /// The number of arrivals in the current slot, and how many of them have happened. An arrival may add no
    /// transaction if no account can afford one.
    [[nodiscard]] std::uint32_t slot_arrivals() const noexcept { return slot_arrivals_; }
    [[nodiscard]] std::uint32_t arrived() const noexcept { return arrived_; }
    /// Performs the next arrival. Requires arrived() < slot_arrivals().
    void arrive();
    /// Performs the remaining arrivals of the slot, makes block height()+1, and starts the next slot.
    [[nodiscard]] ModelBlock close_slot();

    /// Pending transactions by id, which is the order of their arrival.
    [[nodiscard]] const std::map<std::uint64_t, TxPlan>& pool() const noexcept { return pool_; }
    /// Number of transactions that ever arrived.
    [[nodiscard]] std::uint64_t arrivals() const noexcept { return next_id_ - 1; }

    [[nodiscard]] std::uint32_t treasury() const noexcept { return settings_.accounts; }
    [[nodiscard]] std::uint32_t first_contract() const noexcept { return settings_.accounts + 1; }
    /// Contracts created by transactions that are still tracked.
    [[nodiscard]] const std::deque<CreatedContract>& created() const noexcept { return created_; }
    /// True for the heights whose accounts can be read: height() - 7 .. height().
    [[nodiscard]] bool holds(std::uint64_t at) const noexcept;
    /// The account as block `at` left it. Requires holds(at).
    [[nodiscard]] ModelAccount account(std::uint32_t index, std::uint64_t at) const;
    /// The accounts that the newest block changed, once each, in the order of their first change. For a
    /// contract that the block created, `before` is an account that does not exist.
    [[nodiscard]] std::vector<AccountChange> last_changes() const;
    /// The account at the genesis. Contracts that transactions create do not exist yet.
    [[nodiscard]] ModelAccount genesis_account(std::uint32_t index) const;

  private:
    struct Account {
        ModelAccount state;
        U256 pending_cost_rau = 0;
        std::uint64_t bucket = 0;   // the last bucket that the account created; buckets are numbered from 1
        std::uint64_t touched = 0;  // the last block whose undo record contains it
        std::uint32_t pending = 0;
        std::uint32_t incoming = 0;  // number of pending transfers to it
        bool candidate = false;
        bool locked = false;  // part of a planned scene; no other transaction may touch it
        std::array<std::uint64_t, 2>
            scene{};  // ids of the pending transactions that a replacement removes; 0 = none
    };
    struct Event {
        enum class What : std::uint8_t { spend_rest, follow, replace, replace_and_spend } what{};
        std::uint32_t account = 0;
    };
    using Moment = std::pair<std::uint64_t, std::uint32_t>;  // slot and number of the arrival

    void begin_slot();
    void plan_new();
    void plan_other(std::uint32_t sender, std::uint32_t dice);
    bool plan_replacement(std::uint32_t sender);
    bool plan_unaffordable(std::uint32_t sender);
    void perform(const Event& event);

    [[nodiscard]] TxPlan make(std::uint32_t sender, TxKind kind);
    [[nodiscard]] TxPlan make_transfer(std::uint32_t sender, const U256& value);
    [[nodiscard]] TxPlan make_call(std::uint32_t sender, bool reverts);
    [[nodiscard]] TxPlan make_staking(std::uint32_t sender);
    [[nodiscard]] TxPlan make_staking_error(std::uint32_t sender);
    void choose_encoding(TxPlan& plan);
    void choose_fees(TxPlan& plan);
    bool add(TxPlan plan);
    TxPlan remove(std::map<std::uint64_t, TxPlan>::iterator at);

    [[nodiscard]] std::optional<std::uint32_t> pick_sender();
    [[nodiscard]] std::uint32_t pick_receiver(std::uint32_t sender);
    [[nodiscard]] std::uint32_t pick_contract();
    [[nodiscard]] static U256 available(const Account& account);
    [[nodiscard]] bool next_moment_free() const;

    void execute(const TxPlan& plan, ModelBlock& block);
    Account& touch(std::uint32_t index);

    const ChainSettings settings_;
    const Shares shares_;
    Random random_{0};
    std::uint64_t height_ = 0;
    std::uint32_t slot_arrivals_ = 0;
    std::uint32_t arrived_ = 0;
    std::uint64_t next_id_ = 1;
    std::vector<Account> accounts_;
    std::map<std::uint64_t, TxPlan> pool_;
    std::map<Moment, Event> planned_;
    ModelBlock leaving_;  // transactions that left the pool since the last block
    std::deque<CreatedContract> created_;
    std::uint32_t next_created_ = 0;
    std::uint64_t buckets_ = 0;
    std::uint32_t last_bucket_owner_ = 0;
    // For the last 7 blocks, newest last.
    std::deque<std::vector<std::pair<std::uint32_t, ModelAccount>>> undo_;
};

}  // namespace ioswarm::sim
