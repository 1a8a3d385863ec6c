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
/// What registering a candidate takes beside the stake. As on the real chain the pool does not count it as a
/// cost.
inline constexpr std::uint64_t kRegistrationFeeIotx = 100;
inline constexpr std::uint32_t kGenesisContracts = 16;
inline constexpr std::uint32_t kMaxPendingPerAccount = 64;
inline constexpr std::uint64_t kHeightsHeld = 8;  ///< the tip and the seven before it

/// Candidates that stakes may name; one more names nobody.
inline constexpr std::uint32_t kCandidates = 4;

/// A transaction before it is put into bytes. What becomes of it when it is mined is settled here; whether it
/// is mined is settled by nonces and balances.
struct TxPlan {
    std::uint64_t id = 0;  ///< running number over the chain's life, from 1
    std::uint32_t sender = 0;
    std::uint32_t target = 0;  ///< account index; only transfers and calls have one
    std::uint64_t nonce = 0;
    TxKind kind = TxKind::transfer;
    TxEncoding encoding = TxEncoding::native;
    std::uint8_t tx_type = 0;  ///< EIP-2718 type 0..2; 0 where native
    U256 value_rau = 0;        ///< moved, staked or deposited
    std::uint64_t gas_limit = 0;
    std::uint64_t fee_cap_rau = 0;  ///< the gas price, where the type has only one
    std::uint64_t tip_cap_rau = 0;  ///< type 2
    /// Call: the word it is called with; creation: salt; stake: candidate; deposit, unstake: bucket; transfer:
    /// payload.
    std::uint64_t argument = 0;
    std::uint64_t status = 1;
    std::uint64_t gas_used = 0;
    std::uint64_t slot = 0;          ///< it arrives between block `slot` and the next
    std::uint64_t ready_height = 0;  ///< not mined before this block; ≥ slot + 2

    /// The most that it can take from its sender's balance, as the pool counts it.
    [[nodiscard]] U256 cost_rau() const { return U256(gas_limit * fee_cap_rau) + value_rau; }
    [[nodiscard]] std::uint64_t gas_price_paid_rau() const noexcept;
};

struct ModelAccount {
    U256 balance_rau = 0;
    std::uint64_t nonce = 0;
    std::uint64_t word = 0;  ///< storage slot 0 of a contract, never 0 there
    bool has_code = false;
};

/// A contract that a transaction made; its address follows from these two.
struct CreatedContract {
    std::uint32_t account = 0;  ///< index of the contract's account
    std::uint32_t creator = 0;
    std::uint64_t nonce = 0;
};

/// A contract that is no longer known, as it last was: its number went to a newer one.
struct ForgottenContract {
    CreatedContract contract;
    ModelAccount last;
};

struct AccountChange {
    std::uint32_t account = 0;
    ModelAccount before;
    ModelAccount after;
};

struct ModelBlock {
    std::uint64_t height = 0;
    std::vector<TxPlan> mined;         ///< in the block's order
    std::vector<TxPlan> replaced;      ///< left the pool since the last block, for another with their nonce
    std::vector<TxPlan> unaffordable;  ///< left the pool since the last block, balance spent by an earlier one
    std::vector<CreatedContract> created;
    std::vector<ForgottenContract> forgotten;  ///< for one of `created` each
};

/// The embedded chain without time, keys and bytes: a state machine that is a pure function of its settings.
///
/// Time is slots: slot h is the time between block h and block h+1 (block 0 is the genesis). The transactions
/// of slot h arrive one after the other during it and are mined in block h+2 or later, so that each is pending
/// for at least one whole slot; the latest leave with block h+5. Everything happens in one order, so that where
/// time stands within a slot changes nothing about what comes.
///
/// Accounts are numbers: 0 .. accounts-1 send, then treasury(), then the genesis contracts, then contracts made
/// by transactions (the last 8,192 of them; transactions only ever go to the newest 64).
///
/// Executable, as on the real chain: the pool holds an action only if its nonce follows the account's or a
/// pending one's, and the balance covers its cost and that of the sender's pending ones before it. Not
/// thread-safe. Bounded memory: the pool holds at most five slots' arrivals.
class ChainModel {
  public:
    /// At the genesis, slot 0, nothing arrived. `settings` must have passed check().
    explicit ChainModel(const ChainSettings& settings);

    [[nodiscard]] std::uint64_t height() const noexcept { return height_; }
    /// Arrivals of the running slot, and how many of them have come. An arrival may bring nothing when no
    /// account can afford one.
    [[nodiscard]] std::uint32_t slot_arrivals() const noexcept { return slot_arrivals_; }
    [[nodiscard]] std::uint32_t arrived() const noexcept { return arrived_; }
    /// The next arrival; arrived() < slot_arrivals().
    void arrive();
    /// What is left of the slot arrives, block height()+1 is made, the next slot begins.
    [[nodiscard]] ModelBlock close_slot();

    /// Pending transactions by id, which is their order of arrival.
    [[nodiscard]] const std::map<std::uint64_t, TxPlan>& pool() const noexcept { return pool_; }
    /// Transactions that ever arrived.
    [[nodiscard]] std::uint64_t arrivals() const noexcept { return next_id_ - 1; }

    [[nodiscard]] std::uint32_t treasury() const noexcept { return settings_.accounts; }
    [[nodiscard]] std::uint32_t first_contract() const noexcept { return settings_.accounts + 1; }
    /// Contracts made by transactions that are still known.
    [[nodiscard]] const std::deque<CreatedContract>& created() const noexcept { return created_; }
    /// Is this height held? height() - 7 .. height().
    [[nodiscard]] bool holds(std::uint64_t at) const noexcept;
    /// The account as block `at` left it; holds(at).
    [[nodiscard]] ModelAccount account(std::uint32_t index, std::uint64_t at) const;
    /// Accounts that the newest block touched, each once, in the order in which it first did. Of a contract
    /// that it created, `before` is an account that is not there.
    [[nodiscard]] std::vector<AccountChange> last_changes() const;
    /// The account at the genesis; those of contracts that transactions make are not there yet.
    [[nodiscard]] ModelAccount genesis_account(std::uint32_t index) const;

  private:
    struct Account {
        ModelAccount state;
        U256 pending_cost_rau = 0;
        std::uint64_t bucket = 0;   // the last one it made; buckets count from 1
        std::uint64_t touched = 0;  // last block whose undo has it
        std::uint32_t pending = 0;
        std::uint32_t incoming = 0;  // pending transfers to it
        bool candidate = false;
        bool locked = false;  // in a planned scene: nothing else may touch it
        std::array<std::uint64_t, 2>
            scene{};  // ids of the pending ones that a replacement pushes out; 0 = none
    };
    struct Event {
        enum class What : std::uint8_t { spend_rest, follow, replace, replace_and_spend } what{};
        std::uint32_t account = 0;
    };
    using Moment = std::pair<std::uint64_t, std::uint32_t>;  // slot, number of the arrival

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
    ModelBlock leaving_;  // what left the pool since the last block
    std::deque<CreatedContract> created_;
    std::uint32_t next_created_ = 0;
    std::uint64_t buckets_ = 0;
    std::uint32_t last_bucket_owner_ = 0;
    std::deque<std::vector<std::pair<std::uint32_t, ModelAccount>>> undo_;  // of the last 7 blocks, newest last
};

}  // namespace ioswarm::sim
