// SPDX-License-Identifier: Apache-2.0
#pragma once

// The parts of the settler. Each function takes at most one externally visible action. It writes the row first,
// and has a failpoint between any two actions.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "contracts/chain_evidence.hpp"
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
    contracts::ChainEvidence evidence;

    bool reconciled = false;
    bool contract_checked = false;
    std::chrono::milliseconds back_off{0};  ///< pause while no endpoint answers; 0 = the last call was answered
    HoldReason logged_hold =
        HoldReason::none;  ///< the hold that was logged last; none: nothing blocks the settler
    std::set<std::pair<std::string, Address>> logged_unusable;  ///< agents and wallets of log_unusable()

    /// This process's memory of the intent in progress. Everything that must not be lost is in the store.
    struct Watch {
        std::uint64_t intent = 0;
        std::optional<Clock::Steady> not_before;  ///< earliest time of the next send, after a failed one
        std::chrono::milliseconds back_off{0};    ///< pause between failed sends
        std::optional<std::uint64_t> used_since;  ///< the height at which the nonce was first seen as used
        std::uint64_t attempt = 0;                ///< the newest attempt that this process sent; 0 = none
        std::uint64_t since = 0;                  ///< the tip when this process first sent it
        std::uint64_t highest_tip = 0;            ///< seen by this process
        Clock::Steady tip_rose{};                 ///< when it was seen first
        bool send_due = false;                    ///< the last send failed
        bool refused_price = false;               ///< an endpoint demands a higher price
    };
    Watch watch;

    // Implemented in settler.cpp
    [[nodiscard]] Result<SettlerStep> step();
    [[nodiscard]] Result<SettlerStep> reconcile();  ///< returns `again` when everything matches
    [[nodiscard]] Result<SettlerStep> work_on(const IntentRow& intent);
    [[nodiscard]] std::int64_t now_ms() const;
    /// The step after this one follows at once.
    [[nodiscard]] static SettlerStep next_step_now() { return {SettlerStep::State::again, {}, {}}; }
    /// Clears the hold, because the transaction in progress only has to be waited for.
    [[nodiscard]] Result<SettlerStep> waiting();
    /// The same for a wait that needs new blocks. If none has come above `tip` for minutes, the hold says so.
    [[nodiscard]] Result<SettlerStep> waiting_for_blocks(std::uint64_t tip);
    /// Stores a hold before anything is signed. The next step comes later than for waits_for().
    [[nodiscard]] Result<SettlerStep> held(const Hold& hold);
    /// Stores a hold while a transaction is in progress. The next step comes after SettlerSettings::poll.
    [[nodiscard]] Result<SettlerStep> waits_for(const Hold& hold);
    /// Stores the halt. Nothing is signed until an operator resumes.
    [[nodiscard]] Result<SettlerStep> store_halt(const Halt& halt);
    /// Logs each agent whose wallet can never be paid, once for each wallet that it names.
    void log_unusable(const Plan& made);
    void log_hold(const Hold& hold);  ///< logs a hold, once until progress()
    /// After an endpoint's error: waits a while, or fails for config, cancelled and data_loss.
    [[nodiscard]] Result<SettlerStep> report_unreachable(const Error& error);
    [[nodiscard]] Status progress();  ///< clears the hold, since nothing blocks the settler at the moment

    // Implemented in settler_check.cpp: comparisons with the ledger, the file itself and the chain. The
    // functions that return a Check fail only with an endpoint's error.
    /// Reason none: the ledger has everything that this file covers.
    [[nodiscard]] Result<Halt> compare_with_ledger();
    [[nodiscard]] Status check_attempts(const IntentRow& intent);
    struct Check {
        Hold hold;
        Halt halt;
        bool reverts = false;  ///< the hold is for a call that would revert
        [[nodiscard]] bool passed() const {
            return hold.reason == HoldReason::none && halt.reason == HaltReason::none;
        }
    };
    /// Checks that the wallet's confirmed nonce is `next`, which this file assigns next.
    [[nodiscard]] Result<Check> check_nonce(std::uint64_t next);
    /// Checks everything that must hold on the chain before an intent may be signed.
    [[nodiscard]] Result<Check> pre_flight(const IntentRow& intent, const U256& gas_price);
    [[nodiscard]] Result<Check> check_contract();
    [[nodiscard]] Result<Check> check_weights(const std::map<Address, U256>& weights);
    /// The weights that the value step needs to find on the chain.
    [[nodiscard]] Result<std::map<Address, U256>> weights_for(const IntentRow& value_step);
    [[nodiscard]] Result<U256> price_now();
    /// Call this when an endpoint counts only `confirmed` transactions of the wallet, and the transaction with
    /// nonce `next` needs those before it. Reason none: another endpoint counts enough. Otherwise the settler's
    /// own transactions are sent again, and the hold says what the wallet's next transaction waits for.
    [[nodiscard]] Result<Hold> nonces_went_back(const contracts::NonceAt& confirmed, std::uint64_t next);
    /// Whether `nonce`, which is below next_nonce(), was used by others and not by this file.
    [[nodiscard]] Result<bool> was_used_by_others(std::uint64_t nonce);
    /// Sends again the ended intents with nonces from `first_nonce` to below `end_nonce`, at most 64. The chain
    /// does not count their nonces any more, for example after a reorganisation.
    [[nodiscard]] Status send_below(std::uint64_t first_nonce, std::uint64_t end_nonce);

    // Implemented in settler_plan.cpp
    struct Draft {
        Plan plan;
        Halt halt;
        bool owes = false;
        U256 gas_price;
    };
    /// The plan that would be made now. Unreachable endpoints result in a hold.
    [[nodiscard]] Result<Draft> draft();
    struct Reserved {
        U256 rau;
        U256 not_signed_rau;  ///< the part that is not signed yet
    };
    [[nodiscard]] Result<Reserved> money_under_way();
    [[nodiscard]] Result<bool> read_owed(PlanInput& input, Draft& out);
    [[nodiscard]] Status read_chain(PlanInput& input);
    [[nodiscard]] Result<Plan> plan_with_room(PlanInput& input, std::uint64_t out_of_gas) const;
    [[nodiscard]] Status raise_gas(Plan& plan, const PlanInput& input, std::uint64_t out_of_gas) const;
    [[nodiscard]] Result<SettlerStep> plan();

    // Implemented in settler_send.cpp
    [[nodiscard]] Result<SettlerStep> nonce_is_next(std::uint64_t next);
    [[nodiscard]] Result<SettlerStep> begin(const IntentRow& intent);       ///< for state planned
    [[nodiscard]] Result<SettlerStep> sign_first(const IntentRow& intent);  ///< for state reserved
    [[nodiscard]] Result<SettlerStep> send_first(const IntentRow& intent);  ///< for state signed
    [[nodiscard]] Result<SettlerStep> send_again(const IntentRow& intent,
                                                 const std::vector<AttemptRow>& attempts);
    [[nodiscard]] Result<SettlerStep> send(const IntentRow& intent, const AttemptRow& attempt);
    [[nodiscard]] Result<SettlerStep> after_send(const IntentRow& intent, const contracts::SendResult& sent,
                                                 bool pooled);
    /// Returns false when the price is already at the cap, or the signer does not allow a higher one.
    [[nodiscard]] Result<bool> raise_price(const IntentRow& intent, const AttemptRow& newest, std::uint64_t tip,
                                           const U256& cap);
    void retry_later();
    [[nodiscard]] Result<SettlerStep> drop(const IntentRow& intent, const std::string& reason);
    /// Signs and stores the empty transaction that competes with the intent.
    [[nodiscard]] Result<SettlerStep> compete(const IntentRow& intent, const std::vector<AttemptRow>& attempts);
    [[nodiscard]] Status add_noop(const IntentRow& intent, const U256& price, std::uint64_t tip);
    [[nodiscard]] Result<U256> noop_price(const std::vector<AttemptRow>& attempts, const U256& cap);

    // Implemented in settler_watch.cpp
    /// For the states sending, pooled, mined and cancelling.
    [[nodiscard]] Result<SettlerStep> check_transaction(const IntentRow& intent);
    [[nodiscard]] Result<SettlerStep> handle_receipt(const IntentRow& intent,
                                                     const std::vector<AttemptRow>& attempts,
                                                     const contracts::Receipt& receipt,
                                                     const std::string& endpoint);
    [[nodiscard]] Status record_observation(const IntentRow& intent, const contracts::Receipt& receipt,
                                            const std::string& endpoint);
    [[nodiscard]] Result<std::optional<SettlerStep>> wait_until_final(const IntentRow& intent,
                                                                      const std::vector<AttemptRow>& attempts,
                                                                      const AttemptRow& attempt,
                                                                      const contracts::Receipt& receipt);
    [[nodiscard]] Result<SettlerStep> contract_contradicts(const IntentRow& intent,
                                                           const std::vector<AttemptRow>& attempts);
    /// Shows that blocks are left to read, which can take long. The next step reads more of them.
    [[nodiscard]] Result<SettlerStep> wait_for_block_search(const IntentRow& intent);
    [[nodiscard]] Result<SettlerStep> handle_missing(const IntentRow& intent,
                                                     const std::vector<AttemptRow>& attempts,
                                                     const std::vector<Hash256>& hashes);
    [[nodiscard]] Result<SettlerStep> used_by_others(const IntentRow& intent,
                                                     const std::vector<AttemptRow>& attempts,
                                                     std::uint64_t height);
    /// `endpoint` is the one that shows the receipt.
    [[nodiscard]] Result<SettlerStep> finish(const IntentRow& intent, const AttemptRow& attempt,
                                             const contracts::Receipt& receipt, const std::string& endpoint);
    /// Returns false when the contract's state contradicts the receipt.
    [[nodiscard]] Result<bool> pool_agrees(const IntentRow& intent, const AttemptRow& attempt,
                                           const contracts::Receipt& receipt);
    /// The first block that may have a receipt of the intent.
    [[nodiscard]] static std::uint64_t first_block_of(const std::vector<AttemptRow>& attempts);
    void watch_intent(const IntentRow& intent, const std::vector<AttemptRow>& attempts);

    // Implemented in settler_unstick.cpp
    [[nodiscard]] Status unstick(Unstick how, const U256& cap);

    // Implemented in settler_resume.cpp
    [[nodiscard]] Status resume();
    [[nodiscard]] Status check_cause_is_gone(HaltReason reason);
    /// Gives up the nonces that foreign transactions used. Returns the lowest free nonce after them.
    [[nodiscard]] Result<std::uint64_t> give_up_nonces();
    [[nodiscard]] Result<bool> give_up(const IntentRow& intent);
    [[nodiscard]] Result<bool> is_settled_by_own(const IntentRow& intent,
                                                 const std::vector<AttemptRow>& attempts,
                                                 const contracts::Receipt& receipt);
    [[nodiscard]] Status check_buried(std::uint64_t first_nonce, const std::vector<Hash256>& own);

    // settler_foreign.cpp
    /// After foreign transactions: none of them may be a settlement of this contract. `live` is the intent that
    /// is not final; `is_own`: its nonce was used by itself, so that what it settled is known here. Error
    /// failed_precondition.
    [[nodiscard]] Status refuse_settled_elsewhere(const IntentRow& live, bool is_own);
    /// The refusal: `what` was done by a transaction that settlement.db does not know.
    [[nodiscard]] tl::unexpected<Error> settled_elsewhere(const std::string& what) const;
    [[nodiscard]] Status refuse_unknown_id(const IntentRow& live, bool is_own);  ///< v3
    /// Whether the contract's logs say that a transaction which is none of these attempts has settled the
    /// intent's id in a version 3 pool.
    [[nodiscard]] Result<bool> settled_by_another(const IntentRow& intent,
                                                  const std::vector<AttemptRow>& attempts);
    [[nodiscard]] Result<bool> is_older_than_file(contracts::ChainEndpoint& endpoint,
                                                  const contracts::ChainLog& settled);
    [[nodiscard]] Result<std::optional<std::uint64_t>> unknown_settlement(contracts::ChainEndpoint& endpoint,
                                                                          std::uint64_t first,
                                                                          const std::set<Hash256>& known);
    [[nodiscard]] Status refuse_unknown_deposit(const IntentRow& live, bool is_own);  ///< v2
};

}  // namespace ioswarm::settlement
