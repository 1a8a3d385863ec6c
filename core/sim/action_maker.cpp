// SPDX-License-Identifier: Apache-2.0
#include "core/sim/action_maker.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/try.hpp"
#include "core/crypto/keccak.hpp"
#include "core/crypto/rlp.hpp"
#include "core/model/action_builder.hpp"
#include "core/sim/contract_code.hpp"

namespace ioswarm::sim {

namespace {

constexpr std::uint64_t kProducer = ~0ULL;
constexpr std::uint32_t kStakeDays = 91;

void append_number(Bytes& out, std::uint64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8)
        out.push_back(static_cast<std::uint8_t>(number >> shift));
}

Hash256 derive(std::string_view what, std::uint64_t seed, std::uint64_t number, std::uint64_t attempt) {
    Bytes text = to_bytes(as_bytes(what));
    append_number(text, seed);
    append_number(text, number);
    append_number(text, attempt);
    return keccak256(text);
}

PrivateKey key_of(std::uint64_t seed, std::uint64_t number) {
    // About one in 2^128 hashes is not a valid key; then the next attempt is used.
    for (std::uint64_t attempt = 0;; ++attempt) {
        if (auto key = PrivateKey::from(derive("ioswarm embedded chain key", seed, number, attempt).view())) {
            return *std::move(key);
        }
    }
}

Address address_from(const Hash256& hash) {
    Address out;
    std::copy(hash.bytes.begin() + 12, hash.bytes.end(), out.bytes.begin());
    return out;
}

Bytes call_data(std::uint64_t word) {
    Bytes out(kCallSelector.begin(), kCallSelector.end());
    out.resize(kCallDataBytes - 8);
    append_number(out, word);
    return out;
}

Bytes creation_data(std::uint64_t salt) {
    Bytes out(kInitCode.begin(), kInitCode.end());
    out.insert(out.end(), kContractCode.begin(), kContractCode.end());
    append_number(out, salt);
    return out;
}

std::string candidate_name(std::uint64_t number) {
    return number < kCandidates ? "delegate" + std::to_string(number) : "nobody";
}

CandidateRegisterBody registration(const TxPlan& plan, const Address& owner) {
    CandidateRegisterBody out;
    out.name = "robot" + std::to_string(plan.sender);
    out.operator_address = owner;
    out.reward_address = owner;
    out.owner_address = owner;
    out.amount = plan.value_rau;
    out.duration_days = kStakeDays;
    out.auto_stake = true;
    return out;
}

ActionBody body_of(const TxPlan& plan, const Address& sender, const Address& target) {
    switch (plan.kind) {
        case TxKind::call:
            return ExecutionBody{plan.value_rau, target, call_data(plan.argument)};
        case TxKind::creation:
            return ExecutionBody{plan.value_rau, std::nullopt, creation_data(plan.argument)};
        case TxKind::stake_create:
            return StakeCreateBody{candidate_name(plan.argument), plan.value_rau, kStakeDays, true, {}};
        case TxKind::stake_add_deposit:
            return StakeAddDepositBody{plan.argument, plan.value_rau, {}};
        case TxKind::stake_unstake:
            return StakeUnstakeBody{plan.argument, {}};
        case TxKind::candidate_register:
            return registration(plan, sender);
        case TxKind::transfer:
            break;
    }
    TransferBody transfer{plan.value_rau, target, {}};
    if (plan.argument != 0) append_number(transfer.payload, plan.argument);
    return transfer;
}

ActionEncoding encoding_of(TxEncoding encoding) {
    switch (encoding) {
        case TxEncoding::ethereum:
            return ActionEncoding::ethereum;
        case TxEncoding::container:
            return ActionEncoding::container;
        case TxEncoding::native:
            break;
    }
    return ActionEncoding::native;
}

}  // namespace

ActionMaker::ActionMaker(const ChainSettings& settings)
    : ids_(settings.ids), producer_(key_of(settings.seed, kProducer)) {
    keys_.reserve(settings.accounts);
    addresses_.reserve(settings.accounts + 1U + kGenesisContracts);
    for (std::uint32_t i = 0; i < settings.accounts; ++i) {
        keys_.push_back(key_of(settings.seed, i));
        addresses_.push_back(keys_.back().address());
    }
    for (std::uint32_t i = 0; i < 1U + kGenesisContracts; ++i) {
        addresses_.push_back(address_from(derive("ioswarm embedded chain account", settings.seed, i, 0)));
    }
}

Address ActionMaker::created_address(const CreatedContract& contract) const {
    Bytes fields;
    rlp::append_bytes(fields, addresses_[contract.creator].view());
    rlp::append_uint(fields, contract.nonce);
    Bytes list;
    rlp::append_list(list, fields);
    return address_from(keccak256(list));
}

Result<PoolActionPtr> ActionMaker::make(const TxPlan& plan, const Address& target) const {
    ActionDraft draft;
    draft.nonce = plan.nonce;
    draft.gas_limit = plan.gas_limit;
    draft.tx_type = static_cast<EthTxType>(plan.tx_type);
    draft.gas_price = plan.fee_cap_rau;
    draft.gas_fee_cap = plan.fee_cap_rau;
    draft.gas_tip_cap = plan.tip_cap_rau;
    draft.body = body_of(plan, addresses_[plan.sender], target);
    IOSWARM_TRY(auto raw, build_action(draft, encoding_of(plan.encoding), keys_[plan.sender], ids_));
    IOSWARM_TRY(auto action, read_action(std::move(raw), ids_));
    if (!action.hash) {
        return fail(ErrorCode::internal, "cannot make an action of the embedded chain", action.kind,
                    "it has no hash");
    }
    return std::make_shared<const PoolAction>(std::move(action));
}

Result<Hash256> ActionMaker::grant_reward_hash(std::uint64_t height) const {
    ActionDraft draft;
    draft.body = GrantRewardBody{false, height};
    IOSWARM_TRY(auto raw, build_action(draft, ActionEncoding::native, producer_, ids_));
    return keccak256(raw);
}

}  // namespace ioswarm::sim
