// SPDX-License-Identifier: Apache-2.0
#include "test/settlement/sim_truth.hpp"

#include <fmt/format.h>

#include "contracts/abi.hpp"
#include "core/base/u512.hpp"
#include "core/crypto/eth_tx.hpp"
#include "core/crypto/keccak.hpp"
#include "test/settlement/sim_faults.hpp"

namespace ioswarm::test {
namespace {

using settlement::AttemptKind;
using settlement::AttemptRow;
using settlement::IntentRow;
using settlement::IntentState;
using settlement::SettlementStore;

constexpr std::size_t kAllRows = 100'000;
constexpr std::int64_t kDayMs = 86'400'000;

bool is_settlement_call(const Bytes& data) {
    for (const char* signature : {"settleEpoch(uint64,bytes32[])", "depositAndSettle(address[],uint256[])",
                                  "depositSettleAndClaim(address[],uint256[],address[])"}) {
        const auto selector = contracts::abi::selector(signature);
        if (data.size() >= 4 && std::equal(selector.begin(), selector.end(), data.begin())) return true;
    }
    return false;
}

}  // namespace

SimTruth::SimTruth(const FakeChain& chain, const SimLedger& ledger, const SimSetup& setup, const Address& pool,
                   const Address& wallet)
    : chain_(chain), ledger_(ledger), setup_(setup), pool_(pool), wallet_(wallet) {}

void SimTruth::violated(std::string what) {
    if (violation_.empty()) violation_ = std::move(what);
}

void SimTruth::sent(const Bytes& raw) {
    const Hash256 hash = keccak256(raw);
    if (!sent_.insert(hash).second) return;
    const auto decoded = decode_signed(raw);
    if (!decoded) return violated("something was sent that is no transaction");
    const EthTx& tx = decoded->tx;
    if (halted_) violated("a new transaction was signed after the settler had halted");
    if (tx.chain_id != 4690) violated("a transaction was signed for another chain");
    if (tx.gas_price > setup_.limits.max_gas_price) violated("the gas price is above its limit");
    if (tx.gas_limit > setup_.block_gas_limit) violated("the gas limit is above the block's");
    if (tx.to == wallet_) {
        if (tx.value != 0 || !tx.data.empty()) violated("a transaction to the wallet itself is not empty");
        return;
    }
    if (tx.to != pool_ || !is_settlement_call(tx.data)) violated("a transaction is no settlement");
    if (to_u512(tx.value) + to_u512(tx.gas_price) * tx.gas_limit >
        to_u512(setup_.limits.max_per_settlement_rau))
        violated("value and gas are above settlement.maxPerSettlementIOTX");
    const auto [before, is_new] = by_nonce_.try_emplace(tx.nonce, Payload{tx.value, tx.data});
    if (!is_new && !restored_ && (before->second.value != tx.value || before->second.data != tx.data))
        violated(fmt::format("two attempts under nonce {} do different things", tx.nonce));
}

std::map<Address, U256> SimTruth::owed() const {
    std::map<Address, U256> out;
    for (const SimLedger::Epoch& epoch : ledger_.epochs()) {
        for (const SimLedger::Payout& payout : epoch.payouts) {
            if (const auto wallet = ledger_.payee(payout)) out[*wallet] += payout.amount;
        }
    }
    return out;
}

U256 SimTruth::has(const Address& wallet) const {
    const auto pool = std::dynamic_pointer_cast<FakeRewardPool>(chain_.contract(pool_));
    return chain_.balance(wallet) + pool->claimable(wallet);
}

U256 SimTruth::unpaid() const {
    U256 out;
    for (const auto& [wallet, amount] : owed()) {
        const U256 had = has(wallet);
        if (had < amount) out += amount - had;
    }
    return out;
}

void SimTruth::check_money() {
    const std::size_t mined = chain_.nonce(wallet_);
    if (mined == mined_before_) return;
    mined_before_ = mined;
    U256 all;
    for (const auto& [wallet, amount] : owed()) {
        all += amount;
        const U256 had = has(wallet);
        if (had > amount) {
            violated(fmt::format("wallet {} has {} rau, and was owed {}", to_hex0x(wallet.view()),
                                 to_decimal(had), to_decimal(amount)));
        }
    }
    const auto pool = std::dynamic_pointer_cast<FakeRewardPool>(chain_.contract(pool_));
    if (pool->deposited() > all) violated("more was deposited than is owed to all");
}

void SimTruth::check_store(SettlementStore& store) {
    const auto intents = store.intents(0, kAllRows);
    if (!intents) return;  // for example when the disk is full
    std::set<Hash256> stored;
    std::set<std::uint64_t> nonces;
    for (const IntentRow& intent : *intents) {
        const auto attempts = store.attempts(intent.id);
        if (!attempts) return;
        if (intent.nonce && !nonces.insert(*intent.nonce).second) violated("two intents have the same nonce");
        for (const AttemptRow& attempt : *attempts) {
            stored.insert(attempt.hash);
            const auto decoded = decode_signed(attempt.raw);
            if (!decoded || keccak256(attempt.raw) != attempt.hash || decoded->tx.nonce != intent.nonce)
                violated("an attempt's bytes do not belong to its intent");
            else if (attempt.kind == AttemptKind::pay &&
                     (decoded->tx.value != intent.value_rau || decoded->tx.data != intent.data))
                violated("an attempt does not do what its intent says");
        }
    }
    if (restored_) return;
    for (const Hash256& hash : sent_) {
        if (!stored.contains(hash)) violated("a transaction was sent that is not stored");
    }
    for (const Hash256& hash : chain_.mined_hashes(wallet_)) {
        if (!stored.contains(hash) && !foreign_.contains(hash))
            violated("a transaction was mined that is not stored");
    }
}

/// Counts the faults that show only in how an intent ended.
void SimTruth::count_ends(const IntentRow& intent, const std::vector<AttemptRow>& attempts) {
    const AttemptRow* mined = nullptr;
    std::size_t payments = 0;
    bool has_empty = false;
    for (const AttemptRow& attempt : attempts) {
        if (attempt.hash == *intent.hash) mined = &attempt;
        if (attempt.kind == AttemptKind::pay && attempt.sends > 0) ++payments;
        has_empty = has_empty || (attempt.kind == AttemptKind::noop && attempt.sends > 0);
    }
    if (mined == nullptr) return;
    if (payments > 1) count_fault("two prices were sent and one was mined");
    const bool paid = mined->kind == AttemptKind::pay;
    if (paid && payments > 1 && mined->number < attempts.size() && !has_empty)
        count_fault("a lower price was mined after a higher one was sent");
    if (has_empty) {
        count_fault(paid ? "the operator replaces a transaction, and the payment is mined"
                         : "the operator replaces a transaction, and the empty one is mined");
    }
    if (intent.state == IntentState::final_reverted) {
        count_fault(intent.gas_used >= intent.gas_limit ? "the settlement runs out of gas"
                                                        : "the contract fails only when mined");
    }
}

void SimTruth::check_days(SettlementStore& store) {
    std::map<std::int64_t, U256> by_day;
    const auto intents = store.intents(0, kAllRows);
    for (const IntentRow& intent : intents.value()) {
        const auto attempts = store.attempts(intent.id).value();
        if (attempts.empty() || !intent.hash) continue;
        const U256 value = intent.state == IntentState::final_ok ? intent.value_rau : U256(0);
        by_day[attempts.front().signed_ms / kDayMs] += value + intent.gas_price * intent.gas_used;
    }
    for (const auto& [day, spent] : by_day) {
        if (spent > setup_.limits.max_per_day_rau) violated("more was spent in a day than may be");
    }
}

void SimTruth::check_all_paid(SettlementStore& store) {
    for (const auto& [wallet, amount] : owed()) {
        const U256 had = has(wallet);
        if (had != amount) {
            violated(fmt::format("at the end wallet {} has {} rau, and was owed {}", to_hex0x(wallet.view()),
                                 to_decimal(had), to_decimal(amount)));
        }
    }
    if (rebuilt_) return;  // the rows cannot tell what was spent before
    U256 spent;
    const auto intents = store.intents(0, kAllRows);
    std::uint64_t consumed = 0;
    std::set<std::uint64_t> nonces;
    for (const IntentRow& intent : intents.value()) {
        if (!is_final(intent.state)) violated("an intent is not final at the end");
        if (intent.nonce) {
            ++consumed;
            nonces.insert(*intent.nonce);
        }
        if (!intent.hash) continue;
        count_ends(intent, store.attempts(intent.id).value());
        spent += intent.gas_price * intent.gas_used;
        if (intent.state != IntentState::final_ok) {
            ++reverted_;
            continue;
        }
        ++settlements_;
        spent += intent.value_rau;
    }
    // Add the gas of transactions that others made with the key. Their nonces count as used too, unless the
    // settler had assigned them.
    const std::vector<SignedEthTx> mined = chain_.mined(wallet_);
    const std::vector<Hash256> hashes = chain_.mined_hashes(wallet_);
    for (std::size_t i = 0; i < mined.size(); ++i) {
        if (!foreign_.contains(hashes[i])) continue;
        const auto receipt = chain_.receipt(hashes[i]);
        spent += receipt->gas_price * receipt->gas_used;
        if (!nonces.contains(mined[i].tx.nonce)) ++consumed;
    }
    if (chain_.balance(wallet_) + spent != funds_)
        violated("the wallet's balance is not what it had, less values and gas as they are stored");
    if (chain_.nonce(wallet_) != consumed) violated("the chain's nonce is not the number of nonces given out");
    check_days(store);
}

}  // namespace ioswarm::test
