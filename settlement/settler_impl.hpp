// SPDX-License-Identifier: Apache-2.0
#pragma once

// The parts of the settler. Each function takes one action at most that can be seen from outside, with its row
// written first and a failpoint between any two.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "settlement/chain_evidence.hpp"
#include "settlement/settler.hpp"

namespace ioswarm::settlement {

struct Settler::Impl {
    Impl(SettlementStore& store_in, PayoutSource& payouts_in, contracts::ChainClient& chain_in,
         const SettlementSigner& signer_in, SettlerSettings settings_in, const Clock& clock_in, Log log_in,
         std::stop_token stop_in);

    SettlementStore& store;
    PayoutSource& payouts;
    contracts::ChainClient& chain;
    const SettlementSigner& signer;
    const SettlerSettings settings;
    const Clock& clock;
    Log log;
    std::stop_token stop;
    const SettlementIdentity identity;
    RewardPool pool;
    ChainEvidence evidence;

    bool reconciled = false;
    bool contract_checked = false;
    std::chrono::milliseconds back_off{0};  ///< of endpoints that do not answer; 0: the last one did

    /// What this process remembers of the intent that is under way. Everything that counts is in the store.
    struct Watch {
        std::uint64_t intent = 0;
        std::optional<Clock::Steady> not_before;  ///< of the next send, after one that did not work
        std::chrono::milliseconds back_off{0};    ///< of sends
        std::optional<std::uint64_t> used_since;  ///< the height at which the nonce was seen to be used
        std::uint64_t attempt = 0;                ///< the newest one that this process handed in; 0: none
        std::uint64_t since = 0;                  ///< the tip at which it did so first
        bool send_due = false;                    ///< the last send did not work
        bool refused_price = false;               ///< an endpoint wants more for it
    };
    Watch watch;

    // settler.cpp
    [[nodiscard]] Result<SettlerStep> step();
    [[nodiscard]] Result<SettlerStep> reconcile();  ///< `again`: all is as it should be
    [[nodiscard]] Result<SettlerStep> work_on(const IntentRow& intent);
    [[nodiscard]] std::int64_t now_ms() const;
    [[nodiscard]] static SettlerStep again() { return {SettlerStep::State::again, {}, {}}; }
    /// Under way, and nothing is in the way.
    [[nodiscard]] Result<SettlerStep> waiting();
    [[nodiscard]] Result<SettlerStep> held(const Hold& hold);
    [[nodiscard]] Result<SettlerStep> waits_for(const Hold& hold);  ///< while an intent is under way
    [[nodiscard]] Result<SettlerStep> halted(const Halt& halt);
    /// An endpoint's error: waits a while, or ends the call.
    [[nodiscard]] Result<SettlerStep> away(const Error& error);
    [[nodiscard]] Status progress();  ///< nothing is in the way at the moment

    // settler_check.cpp: comparisons with the ledger, the file itself and the chain. Those that give a Check
    // fail with an endpoint's error only.
    /// Reason none: the ledger has what this file covers.
    [[nodiscard]] Result<Halt> compare_with_ledger();
    [[nodiscard]] Status check_attempts(const IntentRow& intent);
    struct Check {
        Hold hold;
        Halt halt;
        bool reverts = false;                    ///< the hold is for a call that would revert
        std::optional<std::uint64_t> confirmed;  ///< a nonce that is lower than it should be
        [[nodiscard]] bool passed() const {
            return hold.reason == HoldReason::none && halt.reason == HaltReason::none;
        }
    };
    /// That the wallet's confirmed nonce is `next`, the one that this file gives out next.
    [[nodiscard]] Result<Check> check_nonce(std::uint64_t next);
    /// What must hold on the chain before an intent may be signed.
    [[nodiscard]] Result<Check> pre_flight(const IntentRow& intent, const U256& gas_price);
    [[nodiscard]] Result<Check> check_contract();
    [[nodiscard]] Result<Check> check_weights(const std::map<Address, U256>& weights);
    /// What the value step needs to find on the chain.
    [[nodiscard]] Result<std::map<Address, U256>> weights_for(const IntentRow& value_step);
    [[nodiscard]] Result<U256> price_now();
    /// Hands the bytes of ended intents in once more whose nonces the chain does not count, as after a
    /// reorganisation.
    [[nodiscard]] Status send_below(std::uint64_t first_nonce, std::uint64_t end_nonce);

    // settler_plan.cpp
    struct Draft {
        Plan plan;
        Halt halt;
        bool owes = false;
        U256 gas_price;
    };
    /// What would be planned now. Endpoints that are away are a hold.
    [[nodiscard]] Result<Draft> draft();
    [[nodiscard]] Result<bool> read_owed(PlanInput& input, Draft& out);
    [[nodiscard]] Status read_chain(PlanInput& input);
    [[nodiscard]] Status raise_gas(Plan& plan, const PlanInput& input, std::uint64_t out_of_gas) const;
    [[nodiscard]] Result<SettlerStep> plan();

    // settler_send.cpp
    [[nodiscard]] Result<SettlerStep> nonce_is_next(std::uint64_t next);
    [[nodiscard]] Result<SettlerStep> begin(const IntentRow& intent);       ///< planned
    [[nodiscard]] Result<SettlerStep> sign_first(const IntentRow& intent);  ///< reserved
    [[nodiscard]] Result<SettlerStep> send_first(const IntentRow& intent);  ///< signed
    [[nodiscard]] Result<SettlerStep> send_again(const IntentRow& intent,
                                                 const std::vector<AttemptRow>& attempts);
    [[nodiscard]] Result<SettlerStep> send(const IntentRow& intent, const AttemptRow& attempt);
    [[nodiscard]] Result<SettlerStep> after_send(const IntentRow& intent, const contracts::SendResult& sent,
                                                 bool pooled);
    /// False: the price is at the cap already.
    [[nodiscard]] Result<bool> raise_price(const IntentRow& intent, const AttemptRow& newest, std::uint64_t tip,
                                           const U256& cap);
    void retry_later();
    [[nodiscard]] Result<SettlerStep> drop(const IntentRow& intent, const std::string& reason);
    /// Signs and stores the empty transaction that competes with the intent.
    [[nodiscard]] Result<SettlerStep> compete(const IntentRow& intent, const std::vector<AttemptRow>& attempts);
    [[nodiscard]] Status add_noop(const IntentRow& intent, const U256& price, std::uint64_t tip);
    [[nodiscard]] Result<U256> noop_price(const std::vector<AttemptRow>& attempts, const U256& cap);

    // settler_watch.cpp
    [[nodiscard]] Result<SettlerStep> look(const IntentRow& intent);  ///< sending, pooled, mined, cancelling
    [[nodiscard]] Result<SettlerStep> seen(const IntentRow& intent, const std::vector<AttemptRow>& attempts,
                                           const contracts::Receipt& receipt, const std::string& endpoint);
    [[nodiscard]] Result<SettlerStep> not_seen(const IntentRow& intent, const std::vector<AttemptRow>& attempts,
                                               const std::vector<Hash256>& hashes);
    [[nodiscard]] Result<SettlerStep> used_by_others(const IntentRow& intent, std::uint64_t height);
    [[nodiscard]] Result<SettlerStep> finish(const IntentRow& intent, const AttemptRow& attempt,
                                             const contracts::Receipt& receipt);
    /// False: the contract's own state denies what the receipt says.
    [[nodiscard]] Result<bool> pool_agrees(const IntentRow& intent, const AttemptRow& attempt,
                                           const contracts::Receipt& receipt);
    /// From where a receipt may be found.
    [[nodiscard]] static std::uint64_t first_block_of(const std::vector<AttemptRow>& attempts);
    void watch_intent(const IntentRow& intent, const std::vector<AttemptRow>& attempts);

    // settler_unstick.cpp
    [[nodiscard]] Status unstick(Unstick how, const U256& cap);
    [[nodiscard]] Status resume();
    /// The lowest nonce that is free after foreign transactions, once what they took is given up.
    [[nodiscard]] Result<std::uint64_t> give_up_nonces();
    [[nodiscard]] Status give_up(const IntentRow& intent);
};

}  // namespace ioswarm::settlement
