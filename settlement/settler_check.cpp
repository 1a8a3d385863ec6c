// SPDX-License-Identifier: Apache-2.0
// The comparisons before the settler signs: settlement.db with the ledger and with itself, and both with the
// chain.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "contracts/revert.hpp"
#include "contracts/sender.hpp"
#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "core/crypto/eth_tx.hpp"
#include "core/crypto/keccak.hpp"
#include "settlement/settler_impl.hpp"

namespace ioswarm::settlement {
namespace {

constexpr std::uint64_t kIntentsCompared = 100;
constexpr std::size_t kIntentPage = 64;

std::string payout_name(const CoveredPayout& payout) {
    return fmt::format("epoch {}, agent {}", payout.epoch, payout.agent_id);
}

/// Why the ledger's amount does not match a covered payout. Empty when it matches.
std::string ledger_difference(const CoveredPayout& payout, const std::optional<U256>& amount, bool is_live,
                              std::uint64_t oldest_epoch) {
    if (amount && *amount != payout.amount_rau) {
        return fmt::format("{}: settlement.db has {} IOTX, and the ledger {} IOTX", payout_name(payout),
                           rau_to_iotx(payout.amount_rau), rau_to_iotx(*amount));
    }
    // The ledger drops old epochs that are paid.
    if (!amount && (is_live || payout.epoch >= oldest_epoch)) {
        return fmt::format("{}: settlement.db has {} IOTX, and the ledger has no such payout",
                           payout_name(payout), rau_to_iotx(payout.amount_rau));
    }
    return {};
}

}  // namespace

Result<Halt> Settler::Impl::compare_with_ledger() {
    IOSWARM_TRY(const auto oldest, payouts.oldest_epoch());
    std::vector<IntentRow> rows;
    IOSWARM_TRY(const auto newest, store.newest_intent());
    for (std::uint64_t from = newest > kIntentsCompared ? newest - kIntentsCompared : 1;;) {
        IOSWARM_TRY(auto page, store.intents(from, kIntentPage));
        if (page.empty()) break;
        from = page.back().id + 1;
        std::move(page.begin(), page.end(), std::back_inserter(rows));
    }
    for (const IntentRow& row : rows) {
        if (row.state == IntentState::final_reverted || row.state == IntentState::cancelled) continue;
        IOSWARM_TRY(const auto covered, store.payouts_of(row.id));
        if (row.kind != IntentKind::weights && payouts_hash(covered) != row.payouts_hash) {
            return fail(
                ErrorCode::data_loss, "cannot settle", fmt::format("intent {}", row.id),
                "its payouts are not those for which it was made",
                "stop, keep a copy of settlement.db, and restore it with 'ioswarm settle init --rebuild'");
        }
        std::vector<std::pair<std::uint64_t, std::string>> keys;
        for (const CoveredPayout& one : covered)
            keys.emplace_back(one.epoch, one.agent_id);
        IOSWARM_TRY(const auto amounts, payouts.amounts(keys));
        for (std::size_t i = 0; i < keys.size() && i < amounts.size(); ++i) {
            std::string why = ledger_difference(covered[i], amounts[i], !is_final(row.state), oldest);
            if (!why.empty()) return Halt{HaltReason::ledger_differs, std::move(why), now_ms()};
        }
    }
    return Halt{};
}

/// Checks that the stored bytes match the intent, so that nothing else is sent again.
Status Settler::Impl::check_attempts(const IntentRow& intent) {
    IOSWARM_TRY(const auto attempts, store.attempts(intent.id));
    for (const AttemptRow& attempt : attempts) {
        const auto decoded = decode_signed(attempt.raw);
        bool same = decoded && keccak256(attempt.raw) == attempt.hash && intent.nonce == decoded->tx.nonce &&
                    decoded->tx.chain_id == identity.chain_id && decoded->tx.gas_price == attempt.gas_price;
        if (same && attempt.kind == AttemptKind::pay) {
            same = decoded->tx.to == intent.to && decoded->tx.value == intent.value_rau &&
                   decoded->tx.data == intent.data && decoded->tx.gas_limit == intent.gas_limit;
        } else if (same) {
            same = decoded->tx.to == identity.wallet && decoded->tx.value == 0 && decoded->tx.data.empty();
        }
        if (!same) {
            return fail(
                ErrorCode::data_loss, "cannot settle",
                fmt::format("intent {}, attempt {}", intent.id, attempt.number),
                "the signed bytes are not what the intent says",
                "stop, keep a copy of settlement.db, and restore it with 'ioswarm settle init --rebuild'");
        }
    }
    return {};
}

Result<U256> Settler::Impl::price_now() {
    return contracts::choose_gas_price(chain, ~U256(0));
}

Result<Settler::Impl::Check> Settler::Impl::check_contract() {
    Check out;
    if (!contract_checked) {
        const auto version = RewardPool::version_at(chain, identity.contract);
        const bool is_unknown = !version && version.error().code == ErrorCode::failed_check;
        if (!version && !is_unknown) return fail(version.error());
        // A node that has not caught up does not know the contract either. Version 2 is recognised by its
        // answers below. Its code was checked when settlement.db was made, and a contract's code never changes.
        if (is_unknown && identity.pool == PoolVersion::v3) {
            out.hold = {HoldReason::endpoint, version.error().text()};
            return out;
        }
        if (version && !RewardPool::same_calls(*version, identity.pool)) {
            out.halt = {
                HaltReason::pool_differs,
                fmt::format("settlement.db was made for a contract of version {}, and at {} there is {}",
                            to_string(identity.pool), to_hex0x(identity.contract.view()), to_string(*version)),
                now_ms()};
            return out;
        }
        contract_checked = true;
    }
    IOSWARM_TRY(const auto coordinator, pool.coordinator());
    if (coordinator != identity.wallet) {
        out.hold = {HoldReason::simulation,
                    fmt::format("the contract's coordinator is {}, and the wallet that settles is {}",
                                to_hex0x(coordinator.view()), to_hex0x(identity.wallet.view()))};
    }
    return out;
}

Result<std::map<Address, U256>> Settler::Impl::weights_for(const IntentRow& value_step) {
    IOSWARM_TRY(const auto covered, store.payouts_of(value_step.id));
    std::map<Address, U256> out;
    for (const CoveredPayout& one : covered) {
        if (one.amount_rau != 0) out[one.wallet] += one.amount_rau;
    }
    return out;
}

Result<Settler::Impl::Check> Settler::Impl::check_weights(const std::map<Address, U256>& weights) {
    IOSWARM_TRY(const auto same, pool.weights_are(weights));
    Check out;
    if (!same) {
        out.hold = {HoldReason::pool_weights,
                    "the contract's weights are not those that were sent for this settlement; no value is sent "
                    "until they read back as sent"};
    }
    return out;
}

Result<Settler::Impl::Check> Settler::Impl::pre_flight(const IntentRow& intent, const U256& gas_price) {
    IOSWARM_DO(chain.check_chain());
    auto out = check_contract();
    if (!out || !out->passed()) return out;
    if (gas_price > settings.limits.max_gas_price) {
        out->hold = {HoldReason::gas_price,
                     fmt::format("the gas price is {} rau, and settlement.maxGasPriceGwei allows {} rau",
                                 to_decimal(gas_price), to_decimal(settings.limits.max_gas_price))};
        return out;
    }
    IOSWARM_TRY(const auto balance, chain.balance(identity.wallet));
    const U256 needed = intent.value_rau + U256(intent.gas_limit) * gas_price;
    if (balance < needed) {
        out->hold = {HoldReason::balance,
                     fmt::format("value and gas are {} IOTX, and the wallet {} has {} IOTX",
                                 rau_to_iotx(needed), to_hex0x(identity.wallet.view()), rau_to_iotx(balance))};
        return out;
    }
    contracts::CallRequest request;
    request.from = identity.wallet;
    request.to = intent.to;
    request.value = intent.value_rau;
    request.data = intent.data;
    request.gas = intent.gas_limit;
    IOSWARM_TRY(const auto outcome, chain.call(request));
    if (outcome.reverted) {
        out->reverts = true;
        out->hold = {HoldReason::simulation,
                     "the contract would refuse it: " + contracts::revert_reason(outcome.data)};
    }
    return out;
}

}  // namespace ioswarm::settlement
