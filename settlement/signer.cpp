// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "contracts/abi.hpp"
#include "contracts/reward_pool.hpp"
#include "core/base/try.hpp"
#include "core/crypto/eth_tx.hpp"
#include "settlement/settler.hpp"

namespace ioswarm::settlement {
namespace {

constexpr std::size_t kMaxEntries = 100'000;
/// Gas of an empty transaction: 10,000 on IoTeX, 21,000 on other chains. The higher one is used.
constexpr std::uint64_t kNoopGas = 21'000;

tl::unexpected<Error> not_allowed(const IntentRow& intent, std::string why) {
    return fail(ErrorCode::permission_denied, "the signer refuses to sign", fmt::format("intent {}", intent.id),
                std::move(why));
}

bool calls(const IntentRow& intent, std::string_view signature) {
    const auto wanted = contracts::abi::selector(signature);
    return intent.data.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), intent.data.begin());
}

/// The sum of a settleEpoch call's weights, which are amounts. Nothing when it is not the expected call.
std::optional<U256> settle_epoch_sum(const IntentRow& intent) {
    constexpr unsigned kWeightBits = 88;
    contracts::abi::Reader arguments(BytesView(intent.data).subspan(4));
    const auto epoch = arguments.uint();
    if (!epoch || *epoch != intent.pool_epoch) return std::nullopt;
    const auto entries = arguments.uints(kMaxEntries);
    if (!entries) return std::nullopt;
    U256 sum = 0;
    for (const U256& entry : *entries)
        sum += entry & ((U256(1) << kWeightBits) - 1);
    return sum;
}

Status check_call(const SettlementIdentity& identity, const IntentRow& intent) {
    if (intent.to != identity.contract) return not_allowed(intent, "it does not go to the reward contract");
    if (identity.pool == PoolVersion::v3) {
        if (intent.kind != IntentKind::settle || !calls(intent, "settleEpoch(uint64,bytes32[])"))
            return not_allowed(intent, "it is not a settleEpoch");
        if (settle_epoch_sum(intent) != intent.value_rau)
            return not_allowed(intent, "its value is not the sum of the amounts in it");
        return {};
    }
    const bool is_deposit = calls(intent, "depositAndSettle(address[],uint256[])");
    const bool is_push = calls(intent, "depositSettleAndClaim(address[],uint256[],address[])");
    if (intent.kind == IntentKind::weights && is_deposit && intent.value_rau == 0) return {};
    if (intent.kind == IntentKind::value && (is_deposit || is_push)) return {};
    return not_allowed(intent, "it is not a settlement of a version 2 contract");
}

}  // namespace

SettlementSigner::SettlementSigner(PrivateKey key, const SettlementIdentity& identity,
                                   const SettlementLimits& limits)
    : key_(std::move(key)), wallet_(key_->address()), identity_(identity), limits_(limits) {}

SettlementSigner::SettlementSigner(const SettlementIdentity& identity, const SettlementLimits& limits)
    : wallet_(identity.wallet), identity_(identity), limits_(limits) {}

Result<AttemptRow> SettlementSigner::sign(const IntentRow& intent, AttemptKind kind, const U256& gas_price,
                                          std::uint64_t tip) const {
    if (!intent.nonce)
        return fail(ErrorCode::internal, "cannot sign", fmt::format("intent {}", intent.id), "it has no nonce");
    if (!key_) return not_allowed(intent, "it has no key, since this is a dry run");
    if (wallet_ != identity_.wallet) return not_allowed(intent, "the key is not the wallet's");
    if (gas_price == 0 || gas_price > limits_.max_gas_price)
        return not_allowed(intent, "its gas price is above settlement.maxGasPriceGwei");
    EthTx tx;
    tx.chain_id = identity_.chain_id;
    tx.nonce = *intent.nonce;
    tx.gas_price = gas_price;
    if (kind == AttemptKind::noop) {
        tx.to = wallet_;
        tx.gas_limit = kNoopGas;
    } else {
        IOSWARM_DO(check_call(identity_, intent));
        if (intent.gas_limit > limits_.block_gas_limit)
            return not_allowed(intent, "its gas limit is above settlement.blockGasLimit");
        // Neither product can exceed 256 bits: the price is below its limit, and that limit is a sum of money.
        if (intent.value_rau + U256(intent.gas_limit) * gas_price > limits_.max_per_settlement_rau)
            return not_allowed(intent, "value and gas are above settlement.maxPerSettlementIOTX");
        tx.to = intent.to;
        tx.value = intent.value_rau;
        tx.data = intent.data;
        tx.gas_limit = intent.gas_limit;
    }
    const RawEthTx raw = sign_transaction(tx, *key_);
    AttemptRow out;
    out.intent = intent.id;
    out.kind = kind;
    out.gas_price = gas_price;
    out.gas_limit = tx.gas_limit;
    out.raw = raw.raw;
    out.hash = raw.hash;
    out.from_block = tip;
    return out;
}

}  // namespace ioswarm::settlement
