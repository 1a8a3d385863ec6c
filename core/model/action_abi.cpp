// SPDX-License-Identifier: Apache-2.0
#include "core/model/action_abi.hpp"

#include <algorithm>

#include "core/crypto/address.hpp"

// ABI encoding (https://docs.soliditylang.org/en/latest/abi-spec.html): a selector of 4 bytes, then a head with
// one word per argument, then a tail with the contents of the dynamic arguments. The head word of a dynamic
// argument is the offset of its content.

namespace ioswarm {
namespace {

/// 0x04C22AfaE6a03438b8FED74cb1Cf441168DF3F12 and 0xA576C141e5659137ddDa4223d209d4744b2106BE: the last 20 bytes
/// of keccak256("staking") and of keccak256("rewarding").
constexpr Address kStaking = {{0x04, 0xc2, 0x2a, 0xfa, 0xe6, 0xa0, 0x34, 0x38, 0xb8, 0xfe,
                               0xd7, 0x4c, 0xb1, 0xcf, 0x44, 0x11, 0x68, 0xdf, 0x3f, 0x12}};
constexpr Address kRewarding = {{0xa5, 0x76, 0xc1, 0x41, 0xe5, 0x65, 0x91, 0x37, 0xdd, 0xda,
                                 0x42, 0x23, 0xd2, 0x09, 0xd4, 0x74, 0x4b, 0x21, 0x06, 0xbe}};

constexpr ProtocolMethod kMethods[] = {
    {ActionKind::stake_create, 0xa3d374c4, "createStake(string,uint256,uint32,bool,uint8[])"},
    {ActionKind::stake_unstake, 0x2bde151d, "unstake(uint64,uint8[])"},
    {ActionKind::stake_withdraw, 0xd179ffb5, "withdrawStake(uint64,uint8[])"},
    {ActionKind::stake_add_deposit, 0x34e8e145, "depositToStake(uint64,uint256,uint8[])"},
    {ActionKind::stake_restake, 0x4c4fee4b, "restake(uint64,uint32,bool,uint8[])"},
    {ActionKind::stake_change_candidate, 0xfb3d5138, "changeCandidate(string,uint64,uint8[])"},
    {ActionKind::stake_transfer_ownership, 0x9cb560bb, "transferStake(address,uint64,uint8[])"},
    {ActionKind::candidate_register, 0xbee5f7b7,
     "candidateRegister(string,address,address,address,uint256,uint32,bool,uint8[])"},
    {ActionKind::candidate_register, 0x160f184b,
     "candidateRegisterWithBLS(string,address,address,address,uint32,bool,bytes,uint8[])"},
    {ActionKind::candidate_register, 0x370c13df,
     "candidateRegisterWithBLSAndPoP(string,address,address,address,uint32,bool,bytes,bytes,uint8[])"},
    {ActionKind::candidate_update, 0x435f9f22, "candidateUpdate(string,address,address)"},
    {ActionKind::candidate_update, 0x1c3c5fcd, "candidateUpdateWithBLS(string,address,address,bytes)"},
    {ActionKind::candidate_update, 0x80980508,
     "candidateUpdateWithBLSAndPoP(string,address,address,bytes,bytes)"},
    {ActionKind::candidate_activate, 0xef68b1a4, "candidateActivate(uint64)"},
    {ActionKind::candidate_endorsement, 0x8a8a5d51, "candidateEndorsement(uint64,bool)"},
    {ActionKind::candidate_endorsement, 0x284ab811, "endorseCandidate(uint64)"},
    {ActionKind::candidate_endorsement, 0x85edc03c, "intentToRevokeEndorsement(uint64)"},
    {ActionKind::candidate_endorsement, 0x120f99ad, "revokeEndorsement(uint64)"},
    {ActionKind::candidate_transfer_ownership, 0x3bf03035, "candidateTransferOwnership(address,uint8[])"},
    {ActionKind::stake_migrate, 0xc53b10a4, "migrateStake(uint64)"},
    {ActionKind::candidate_deactivate, 0xe21e8f2d, "requestCandidateDeactivation()"},
    {ActionKind::candidate_deactivate, 0x14003206, "confirmCandidateDeactivation()"},
    {ActionKind::set_voter_reward_opt_in, 0x7d5711b8, "setVoterRewardOptIn()"},
    {ActionKind::set_voter_reward_destination, 0x71a16f50, "setVoterRewardDestination(address)"},
    {ActionKind::deposit_to_rewarding_fund, 0x27852a6b, "deposit(uint256,uint8[])"},
    {ActionKind::claim_from_rewarding_fund, 0x2df163ef, "claim(uint256,uint8[])"},
    {ActionKind::claim_from_rewarding_fund, 0xd804b87c, "claimFor(uint256,string,uint8[])"},
    {ActionKind::grant_reward, 0xd72778dc, "grantReward(int8,uint64)"},
};

constexpr std::size_t kWord = 32;

/// Builds one call; add the arguments in their order. If one argument cannot be encoded, the whole call gives
/// nothing.
class Call {
  public:
    explicit Call(std::uint32_t selector) noexcept : selector_(selector) {}

    Call& number(const U256& value) {
        head_.push_back({false, to_word(value)});
        return *this;
    }
    Call& uint32(std::uint64_t scalar) { return number(scalar & 0xffffffff); }
    Call& boolean(std::uint64_t scalar) { return number(scalar != 0 ? 1 : 0); }

    Call& amount(BytesView text) {
        const auto value = u256_from_decimal(as_text(text));
        ok_ = ok_ && value.has_value();
        return number(value.value_or(0));
    }

    Call& address(BytesView text) {
        const auto value = parse_address(as_text(text));
        ok_ = ok_ && value.has_value();
        return number(value ? *u256_from_big_endian(value->view()) : U256(0));
    }

    /// An argument of type string or bytes.
    Call& text(BytesView content) {
        start_dynamic(content.size());
        tail_.insert(tail_.end(), content.begin(), content.end());
        tail_.resize((tail_.size() + kWord - 1) / kWord * kWord);
        return *this;
    }

    /// An argument of type uint8[]: one word per byte.
    Call& byte_array(BytesView content) {
        start_dynamic(content.size());
        for (const std::uint8_t byte : content) {
            tail_.resize(tail_.size() + kWord);
            tail_.back() = byte;
        }
        return *this;
    }

    [[nodiscard]] std::optional<EthForm> to(const Address& target, const U256& value = 0) const {
        if (!ok_) return std::nullopt;
        EthForm out{target, value, {}};
        out.data.reserve(4 + head_.size() * kWord + tail_.size());
        for (int shift = 24; shift >= 0; shift -= 8) {
            out.data.push_back(static_cast<std::uint8_t>(selector_ >> shift));
        }
        for (const Argument& argument : head_) {
            Hash256 word = argument.word;
            if (argument.is_offset) {
                word = to_word(*u256_from_big_endian(word.view()) + head_.size() * kWord);
            }
            out.data.insert(out.data.end(), word.bytes.begin(), word.bytes.end());
        }
        out.data.insert(out.data.end(), tail_.begin(), tail_.end());
        return out;
    }

  private:
    struct Argument {
        bool is_offset;  ///< the word is an offset, counted from the start of the tail
        Hash256 word;
    };

    void start_dynamic(std::size_t count) {
        head_.push_back({true, to_word(tail_.size())});
        const Hash256 word = to_word(count);
        tail_.insert(tail_.end(), word.bytes.begin(), word.bytes.end());
    }

    std::uint32_t selector_;
    bool ok_ = true;
    std::vector<Argument> head_;
    Bytes tail_;
};

/// The fields of a kind's message, in the notation of read_message().
struct KindShape {
    ActionKind kind;
    std::string_view shape;
};

constexpr std::string_view kCandidateInfo = "bbbbb";  // name, operator, reward, blsPubKey, blsPop

constexpr KindShape kShapes[] = {
    {ActionKind::deposit_to_rewarding_fund, "bb"},
    {ActionKind::claim_from_rewarding_fund, "bbb"},
    {ActionKind::grant_reward, "nn"},
    {ActionKind::stake_create, "bbnnb"},
    {ActionKind::stake_unstake, "nb"},
    {ActionKind::stake_withdraw, "nb"},
    {ActionKind::stake_add_deposit, "nbb"},
    {ActionKind::stake_restake, "nnnb"},
    {ActionKind::stake_change_candidate, "nbb"},
    {ActionKind::stake_transfer_ownership, "nbb"},
    {ActionKind::candidate_register, "bbnnbb"},
    {ActionKind::candidate_update, kCandidateInfo},
    {ActionKind::candidate_activate, "n"},
    {ActionKind::candidate_endorsement, "nnn"},
    {ActionKind::candidate_transfer_ownership, "bb"},
    {ActionKind::stake_migrate, "n"},
    {ActionKind::candidate_deactivate, "n"},
    {ActionKind::set_voter_reward_opt_in, ""},
    {ActionKind::set_voter_reward_destination, "b"},
};

/// The register and update methods come in three versions, depending on whether the candidate gives a BLS key
/// and a proof of possession. No node writes a proof without a key.
enum class BlsForm { none, key, key_and_proof };
std::optional<BlsForm> bls_form(const MessageFields& candidate) {
    const bool key = !candidate[4].bytes.empty();
    const bool proof = !candidate[5].bytes.empty();
    if (proof && !key) return std::nullopt;
    if (proof) return BlsForm::key_and_proof;
    return key ? BlsForm::key : BlsForm::none;
}

/// CandidateRegister {candidate 1 {name 1, operator 2, reward 3, blsPubKey 4, blsPop 5}, stakedAmount 2,
/// stakedDuration 3, autoStake 4, ownerAddress 5, payload 6}. With a BLS key the amount is sent as the
/// transaction's value.
std::optional<EthForm> register_form(const MessageFields& m) {
    const auto info = read_message(m[1].bytes, kCandidateInfo);
    if (!info) return std::nullopt;
    const auto& c = *info;
    const auto bls = bls_form(c);
    if (!bls) return std::nullopt;
    if (*bls == BlsForm::none) {
        return Call(0xbee5f7b7)
            .text(c[1].bytes)
            .address(c[2].bytes)
            .address(c[3].bytes)
            .address(m[5].bytes)
            .amount(m[2].bytes)
            .uint32(m[3].scalar)
            .boolean(m[4].scalar)
            .byte_array(m[6].bytes)
            .to(kStaking);
    }
    const auto value = amount_or_zero(m[2].bytes);
    if (!value) return std::nullopt;
    Call call(*bls == BlsForm::key ? 0x160f184b : 0x370c13df);
    call.text(c[1].bytes)
        .address(c[2].bytes)
        .address(c[3].bytes)
        .address(m[5].bytes)
        .uint32(m[3].scalar)
        .boolean(m[4].scalar)
        .text(c[4].bytes);
    if (*bls == BlsForm::key_and_proof) call.text(c[5].bytes);
    return call.byte_array(m[6].bytes).to(kStaking, *value);
}

/// CandidateBasicInfo {name 1, operatorAddress 2, rewardAddress 3, blsPubKey 4, blsPop 5}.
std::optional<EthForm> update_form(const MessageFields& m) {
    const auto bls = bls_form(m);
    if (!bls) return std::nullopt;
    Call call(*bls == BlsForm::none ? 0x435f9f22 : *bls == BlsForm::key ? 0x1c3c5fcd : 0x80980508);
    call.text(m[1].bytes).address(m[2].bytes).address(m[3].bytes);
    if (*bls != BlsForm::none) call.text(m[4].bytes);
    if (*bls == BlsForm::key_and_proof) call.text(m[5].bytes);
    return call.to(kStaking);
}

/// {op 1}: 1 requests the deactivation, 2 confirms it.
std::optional<EthForm> deactivate_form(const MessageFields& m) {
    if (m[1].scalar == 1) return Call(0xe21e8f2d).to(kStaking);
    if (m[1].scalar == 2) return Call(0x14003206).to(kStaking);
    return std::nullopt;
}

/// {recipient 1}: 20 bytes. Empty stands for the zero address, which removes the setting.
std::optional<EthForm> reward_destination_form(const MessageFields& m) {
    const BytesView recipient = m[1].bytes;
    if (!recipient.empty() && recipient.size() != sizeof(Address::bytes)) return std::nullopt;
    return Call(0x71a16f50).number(u256_from_big_endian(recipient).value_or(0)).to(kRewarding);
}

/// {bucketIndex 1, endorse 2, op 3}
std::optional<EthForm> endorsement_form(const MessageFields& m) {
    switch (m[3].scalar) {
        case 0:
            return Call(0x8a8a5d51).number(m[1].scalar).boolean(m[2].scalar).to(kStaking);
        case 1:
            return Call(0x284ab811).number(m[1].scalar).to(kStaking);
        case 2:
            return Call(0x85edc03c).number(m[1].scalar).to(kStaking);
        case 3:
            return Call(0x120f99ad).number(m[1].scalar).to(kStaking);
        default:
            return std::nullopt;
    }
}

/// {amount 1, data 2, address 3}
std::optional<EthForm> claim_form(const MessageFields& m) {
    if (m[3].bytes.empty()) return Call(0x2df163ef).amount(m[1].bytes).byte_array(m[2].bytes).to(kRewarding);
    return Call(0xd804b87c).amount(m[1].bytes).text(m[3].bytes).byte_array(m[2].bytes).to(kRewarding);
}

}  // namespace

std::span<const ProtocolMethod> protocol_methods() noexcept {
    return kMethods;
}

std::optional<MessageFields> read_message(BytesView message, std::string_view shape) {
    MessageFields out{};
    std::array<bool, std::tuple_size_v<MessageFields>> seen{};
    wire::Reader reader(message);
    while (const auto field = reader.next()) {
        const std::uint32_t number = field->number;
        if (number > shape.size() || number >= out.size() || seen[number]) return std::nullopt;
        const auto expected =
            shape[number - 1] == 'n' ? wire::WireType::varint : wire::WireType::length_delimited;
        if (field->type != expected) return std::nullopt;
        seen[number] = true;
        out[number] = *field;
    }
    if (!reader.ok()) return std::nullopt;
    return out;
}

bool is_protocol_address(const Address& address) noexcept {
    return address == kStaking || address == kRewarding;
}

std::optional<EthForm> protocol_form(ActionKind kind, BytesView message) {
    const auto* known = std::ranges::find(kShapes, kind, &KindShape::kind);
    if (known == std::end(kShapes)) return std::nullopt;
    const auto fields = read_message(message, known->shape);
    if (!fields) return std::nullopt;
    const MessageFields& m = *fields;
    switch (kind) {
        case ActionKind::stake_create:
            return Call(0xa3d374c4)
                .text(m[1].bytes)
                .amount(m[2].bytes)
                .uint32(m[3].scalar)
                .boolean(m[4].scalar)
                .byte_array(m[5].bytes)
                .to(kStaking);
        case ActionKind::stake_unstake:
            return Call(0x2bde151d).number(m[1].scalar).byte_array(m[2].bytes).to(kStaking);
        case ActionKind::stake_withdraw:
            return Call(0xd179ffb5).number(m[1].scalar).byte_array(m[2].bytes).to(kStaking);
        case ActionKind::stake_add_deposit:
            return Call(0x34e8e145).number(m[1].scalar).amount(m[2].bytes).byte_array(m[3].bytes).to(kStaking);
        case ActionKind::stake_restake:
            return Call(0x4c4fee4b)
                .number(m[1].scalar)
                .uint32(m[2].scalar)
                .boolean(m[3].scalar)
                .byte_array(m[4].bytes)
                .to(kStaking);
        case ActionKind::stake_change_candidate:
            return Call(0xfb3d5138).text(m[2].bytes).number(m[1].scalar).byte_array(m[3].bytes).to(kStaking);
        case ActionKind::stake_transfer_ownership:
            return Call(0x9cb560bb).address(m[2].bytes).number(m[1].scalar).byte_array(m[3].bytes).to(kStaking);
        case ActionKind::candidate_register:
            return register_form(m);
        case ActionKind::candidate_update:
            return update_form(m);
        case ActionKind::candidate_activate:
            return Call(0xef68b1a4).number(m[1].scalar).to(kStaking);
        case ActionKind::candidate_endorsement:
            return endorsement_form(m);
        case ActionKind::candidate_transfer_ownership:
            return Call(0x3bf03035).address(m[1].bytes).byte_array(m[2].bytes).to(kStaking);
        case ActionKind::stake_migrate:
            return Call(0xc53b10a4).number(m[1].scalar).to(kStaking);
        case ActionKind::candidate_deactivate:
            return deactivate_form(m);
        case ActionKind::set_voter_reward_opt_in:
            return Call(0x7d5711b8).to(kStaking);
        case ActionKind::set_voter_reward_destination:
            return reward_destination_form(m);
        case ActionKind::deposit_to_rewarding_fund:
            return Call(0x27852a6b).amount(m[1].bytes).byte_array(m[2].bytes).to(kRewarding);
        case ActionKind::claim_from_rewarding_fund:
            return claim_form(m);
        case ActionKind::grant_reward:
            return Call(0xd72778dc).number(m[1].scalar).number(m[2].scalar).to(kRewarding);
        default:
            return std::nullopt;
    }
}

std::optional<ActionKind> protocol_call(const std::optional<Address>& to, BytesView data) {
    if (!to || !is_protocol_address(*to)) return std::nullopt;
    if (data.size() < 4) return ActionKind::none;
    const auto selector = static_cast<std::uint32_t>(*u256_from_big_endian(data.first(4)));
    for (const ProtocolMethod& method : kMethods) {
        if (method.selector == selector) return method.kind;
    }
    return ActionKind::none;
}

}  // namespace ioswarm
