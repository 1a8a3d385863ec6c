// SPDX-License-Identifier: Apache-2.0
#include "core/model/action_parts.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "core/base/try.hpp"
#include "core/base/wire.hpp"

// The node's serializer (Go's) writes plain fields by number, then the one-of field with the kind, then unknown
// fields in their original order. C++ protobuf writes strictly by number. The hash covers the order of the
// node, so this file makes that order.

namespace ioswarm {
namespace {

using wire::Field;
using wire::WireType;

struct KindName {
    ActionKind kind;
    std::string_view name;
};

constexpr KindName kKindNames[] = {
    {ActionKind::transfer, "transfer"},
    {ActionKind::tx_container, "txContainer"},
    {ActionKind::execution, "execution"},
    {ActionKind::deposit_to_rewarding_fund, "depositToRewardingFund"},
    {ActionKind::claim_from_rewarding_fund, "claimFromRewardingFund"},
    {ActionKind::grant_reward, "grantReward"},
    {ActionKind::stake_create, "stakeCreate"},
    {ActionKind::stake_unstake, "stakeUnstake"},
    {ActionKind::stake_withdraw, "stakeWithdraw"},
    {ActionKind::stake_add_deposit, "stakeAddDeposit"},
    {ActionKind::stake_restake, "stakeRestake"},
    {ActionKind::stake_change_candidate, "stakeChangeCandidate"},
    {ActionKind::stake_transfer_ownership, "stakeTransferOwnership"},
    {ActionKind::candidate_register, "candidateRegister"},
    {ActionKind::candidate_update, "candidateUpdate"},
    {ActionKind::candidate_activate, "candidateActivate"},
    {ActionKind::put_poll_result, "putPollResult"},
    {ActionKind::candidate_endorsement, "candidateEndorsement"},
    {ActionKind::candidate_transfer_ownership, "candidateTransferOwnership"},
    {ActionKind::stake_migrate, "stakeMigrate"},
    {ActionKind::candidate_deactivate, "candidateDeactivate"},
    {ActionKind::schedule_candidate_deactivation, "scheduleCandidateDeactivation"},
    {ActionKind::set_commission_rate, "setCommissionRate"},
    {ActionKind::set_voter_reward_opt_in, "setVoterRewardOptIn"},
    {ActionKind::set_voter_reward_destination, "setVoterRewardDestination"},
};

struct FieldName {
    std::uint32_t number;
    WireType type;
    bool repeated;
    const char* name;
};

constexpr FieldName kActionFields[] = {
    {action_field::kCore, WireType::length_delimited, false, "core"},
    {action_field::kSenderPubKey, WireType::length_delimited, false, "senderPubKey"},
    {action_field::kSignature, WireType::length_delimited, false, "signature"},
    {action_field::kEncoding, WireType::varint, false, "encoding"},
};

constexpr FieldName kCoreFields[] = {
    {core_field::kVersion, WireType::varint, false, "core.version"},
    {core_field::kNonce, WireType::varint, false, "core.nonce"},
    {core_field::kGasLimit, WireType::varint, false, "core.gasLimit"},
    {core_field::kGasPrice, WireType::length_delimited, false, "core.gasPrice"},
    {core_field::kChainId, WireType::varint, false, "core.chainID"},
    {core_field::kGasTipCap, WireType::length_delimited, false, "core.gasTipCap"},
    {core_field::kGasFeeCap, WireType::length_delimited, false, "core.gasFeeCap"},
    {core_field::kBlobTxData, WireType::length_delimited, false, "core.blobTxData"},
    {core_field::kAccessList, WireType::length_delimited, true, "core.accessList"},
    {core_field::kTxType, WireType::varint, false, "core.txType"},
    {core_field::kSetCodeAuthList, WireType::length_delimited, true, "core.setCodeAuthList"},
};

/// The largest number of fields in one message. An access list has one field per tuple, and each tuple costs
/// 2,400 gas (EIP-2930). So no action that fits into a block of 30,000,000 gas comes near; a larger one would
/// only cost us memory.
constexpr std::size_t kMaxFields = 16'384;

/// Whether a field of the core holds a kind of action. Kinds have the field numbers from 10 on, except 28
/// and 29.
bool is_kind_number(std::uint32_t number) noexcept {
    return number >= 10 && number != core_field::kTxType && number != core_field::kSetCodeAuthList;
}

tl::unexpected<Error> refuse_parts(std::string which, std::string why) {
    return fail(ErrorCode::bad_data, "cannot read the action", std::move(which), std::move(why));
}

const FieldName* find(std::span<const FieldName> names, std::uint32_t number) {
    const auto at =
        std::find_if(names.begin(), names.end(), [&](const FieldName& f) { return f.number == number; });
    return at == names.end() ? nullptr : &*at;
}

/// Reads the fields of one message. A known field must have its type, and must occur once unless it is
/// repeated.
Result<std::vector<Field>> read_fields(BytesView input, std::span<const FieldName> names, const char* message) {
    std::vector<Field> out;
    std::uint64_t seen = 0;  // one bit per known field number, all of which are below 64
    wire::Reader reader(input);
    while (const auto field = reader.next()) {
        if (const FieldName* known = find(names, field->number)) {
            if (known->type != field->type) return refuse_parts(known->name, "has another type");
            const std::uint64_t bit = std::uint64_t{1} << field->number;
            if (!known->repeated && (seen & bit) != 0) return refuse_parts(known->name, "is given twice");
            seen |= bit;
        }
        if (out.size() == kMaxFields) return refuse_parts(message, "has more fields than an action can");
        out.push_back(*field);
    }
    if (!reader.ok()) return refuse_parts(message, "is not a protobuf message");
    return out;
}

/// Writes known fields through the writer, which leaves out defaults and writes the shortest varints. Unknown
/// fields are copied unchanged.
void put(wire::Writer& out, const Field& field, const FieldName* known) {
    if (known == nullptr) {
        out.raw(field.raw);
    } else if (field.type == WireType::varint) {
        out.put_uint(field.number, field.scalar);
    } else if (known->repeated || field.number == core_field::kBlobTxData) {
        out.always_bytes(field.number, field.bytes);
    } else {
        out.put_bytes(field.number, field.bytes);
    }
}

Status read_core_field(ActionParts& parts, const Field& field) {
    switch (field.number) {
        case core_field::kNonce:
            parts.nonce = field.scalar;
            break;
        case core_field::kGasLimit:
            parts.gas_limit = field.scalar;
            break;
        case core_field::kGasPrice:
            parts.gas_price = field.bytes;
            break;
        case core_field::kGasTipCap:
            parts.gas_tip_cap = field.bytes;
            break;
        case core_field::kGasFeeCap:
            parts.gas_fee_cap = field.bytes;
            break;
        case core_field::kBlobTxData:
            parts.blob_tx_data = field.bytes;
            break;
        case core_field::kAccessList:
            parts.access_list.push_back(field.bytes);
            break;
        case core_field::kTxType:
            parts.tx_type = field.scalar;
            break;
        case core_field::kSetCodeAuthList:
            parts.authorizations.push_back(field.bytes);
            break;
        default:
            if (find(kCoreFields, field.number) != nullptr) break;
            if (kind_name(static_cast<ActionKind>(field.number)) == "unknown") {
                parts.has_unknown_core_field = true;
                if (is_kind_number(field.number) && parts.kind == ActionKind::none)
                    parts.kind = static_cast<ActionKind>(field.number);
                break;
            }
            if (field.type != WireType::length_delimited)
                return refuse_parts("core.action", "has another type");
            if (kind_name(parts.kind) != "unknown") return refuse_parts("core.action", "is given twice");
            parts.kind = static_cast<ActionKind>(field.number);
            parts.message = field.bytes;
    }
    return {};
}

/// Sort key: 0 for plain fields, 1 for the one-of field with the kind, 2 for unknown fields.
int order_group(const Field& field, std::span<const FieldName> names) noexcept {
    if (find(names, field.number) != nullptr) return 0;
    return is_kind_number(field.number) ? 1 : 2;
}

void sort_as_node(std::vector<Field>& fields, std::span<const FieldName> names) {
    std::stable_sort(fields.begin(), fields.end(), [&](const Field& a, const Field& b) {
        const int group_a = order_group(a, names);
        const int group_b = order_group(b, names);
        return group_a != group_b ? group_a < group_b : group_a == 0 && a.number < b.number;
    });
}

/// Returns blobTxData as it is hashed: without the sidecar.
Result<Bytes> without_sidecar(BytesView blob_tx_data) {
    constexpr std::uint32_t kBlobTxSidecar = 3;
    Bytes out;
    wire::Reader reader(blob_tx_data);
    while (const auto field = reader.next()) {
        if (field->number != kBlobTxSidecar) out.insert(out.end(), field->raw.begin(), field->raw.end());
    }
    if (!reader.ok()) return refuse_parts("core.blobTxData", "is not a protobuf message");
    return out;
}

/// Fills in the parts of the core and returns its canonical bytes.
Result<Bytes> read_core(ActionParts& parts, BytesView core) {
    IOSWARM_TRY(auto fields, read_fields(core, kCoreFields, "core"));
    for (const Field& field : fields) {
        IOSWARM_DO(read_core_field(parts, field));
    }
    IOSWARM_TRY(const auto blob, without_sidecar(parts.blob_tx_data));
    sort_as_node(fields, kCoreFields);
    Bytes out;
    wire::Writer writer(out);
    for (Field field : fields) {
        if (field.number == core_field::kBlobTxData) field.bytes = blob;
        put(writer, field, find(kCoreFields, field.number));
    }
    return out;
}

}  // namespace

std::string_view kind_name(ActionKind kind) noexcept {
    for (const KindName& entry : kKindNames) {
        if (entry.kind == kind) return entry.name;
    }
    return "unknown";
}

Result<ActionParts> take_apart(BytesView raw) {
    IOSWARM_TRY(auto fields, read_fields(raw, kActionFields, "action"));
    ActionParts parts;
    std::optional<Bytes> core;
    for (const Field& field : fields) {
        switch (field.number) {
            case action_field::kCore: {
                IOSWARM_TRY(auto canonical, read_core(parts, field.bytes));
                core = std::move(canonical);
                break;
            }
            case action_field::kSenderPubKey:
                parts.sender_key = field.bytes;
                break;
            case action_field::kSignature:
                parts.signature = field.bytes;
                break;
            case action_field::kEncoding:
                parts.encoding = field.scalar;
                break;
            default:
                parts.has_unknown_field = true;
                break;
        }
    }
    if (!core) return refuse_parts("core", "is missing");

    std::stable_sort(fields.begin(), fields.end(), [](const Field& a, const Field& b) {
        return find(kActionFields, a.number) != nullptr &&
               (find(kActionFields, b.number) == nullptr || a.number < b.number);
    });
    parts.canonical.reserve(raw.size());
    wire::Writer writer(parts.canonical);
    for (const Field& field : fields) {
        if (field.number == action_field::kCore) {
            writer.always_bytes(field.number, *core);
        } else {
            put(writer, field, find(kActionFields, field.number));
        }
    }
    return parts;
}

}  // namespace ioswarm
