// SPDX-License-Identifier: Apache-2.0
#include "core/model/action_builder.hpp"

#include "core/base/try.hpp"
#include "core/base/wire.hpp"
#include "core/crypto/address.hpp"
#include "core/crypto/keccak.hpp"
#include "core/model/action_eth_form.hpp"

// A draft is serialized first. Its Ethereum form is then read back from those bytes by the same code that reads
// any action. Only the signature is computed here.

namespace ioswarm {
namespace {

using wire::Writer;

struct KindMessage {
    ActionKind kind;
    Bytes message;
};

/// Writes the message of each kind. The numbers are the protobuf field numbers of iotextypes' action.proto. As
/// the node does, it writes an amount of 0 as "0".
struct WriteBody {
    KindMessage operator()(const TransferBody& b) const {
        return make(ActionKind::transfer, [&](Writer& w) {
            w.put_text(1, to_decimal(b.amount));
            w.put_text(2, to_io(b.recipient));
            w.put_bytes(3, b.payload);
        });
    }
    KindMessage operator()(const ExecutionBody& b) const {
        return make(ActionKind::execution, [&](Writer& w) {
            w.put_text(1, to_decimal(b.amount));
            if (b.contract) w.put_text(2, to_io(*b.contract));
            w.put_bytes(3, b.data);
        });
    }
    KindMessage operator()(const StakeCreateBody& b) const {
        return make(ActionKind::stake_create, [&](Writer& w) {
            w.put_text(1, b.candidate);
            w.put_text(2, to_decimal(b.amount));
            w.put_uint(3, b.duration_days);
            w.put_uint(4, b.auto_stake ? 1 : 0);
            w.put_bytes(5, b.payload);
        });
    }
    KindMessage operator()(const StakeUnstakeBody& b) const {
        return bucket_message(ActionKind::stake_unstake, b.bucket, b.payload);
    }
    KindMessage operator()(const StakeWithdrawBody& b) const {
        return bucket_message(ActionKind::stake_withdraw, b.bucket, b.payload);
    }
    KindMessage operator()(const StakeAddDepositBody& b) const {
        return make(ActionKind::stake_add_deposit, [&](Writer& w) {
            w.put_uint(1, b.bucket);
            w.put_text(2, to_decimal(b.amount));
            w.put_bytes(3, b.payload);
        });
    }
    KindMessage operator()(const StakeRestakeBody& b) const {
        return make(ActionKind::stake_restake, [&](Writer& w) {
            w.put_uint(1, b.bucket);
            w.put_uint(2, b.duration_days);
            w.put_uint(3, b.auto_stake ? 1 : 0);
            w.put_bytes(4, b.payload);
        });
    }
    KindMessage operator()(const StakeChangeCandidateBody& b) const {
        return make(ActionKind::stake_change_candidate, [&](Writer& w) {
            w.put_uint(1, b.bucket);
            w.put_text(2, b.candidate);
            w.put_bytes(3, b.payload);
        });
    }
    KindMessage operator()(const StakeTransferOwnershipBody& b) const {
        return make(ActionKind::stake_transfer_ownership, [&](Writer& w) {
            w.put_uint(1, b.bucket);
            w.put_text(2, to_io(b.new_owner));
            w.put_bytes(3, b.payload);
        });
    }
    KindMessage operator()(const CandidateRegisterBody& b) const {
        Bytes candidate;
        Writer inner(candidate);
        inner.put_text(1, b.name);
        inner.put_text(2, to_io(b.operator_address));
        inner.put_text(3, to_io(b.reward_address));
        return make(ActionKind::candidate_register, [&](Writer& w) {
            w.always_bytes(1, candidate);
            w.put_text(2, to_decimal(b.amount));
            w.put_uint(3, b.duration_days);
            w.put_uint(4, b.auto_stake ? 1 : 0);
            w.put_text(5, to_io(b.owner_address));
            w.put_bytes(6, b.payload);
        });
    }
    KindMessage operator()(const ClaimRewardBody& b) const {
        return make(ActionKind::claim_from_rewarding_fund, [&](Writer& w) {
            w.put_text(1, to_decimal(b.amount));
            w.put_bytes(2, b.data);
        });
    }
    KindMessage operator()(const GrantRewardBody& b) const {
        return make(ActionKind::grant_reward, [&](Writer& w) {
            w.put_uint(1, b.epoch ? 1 : 0);
            w.put_uint(2, b.height);
        });
    }

  private:
    template <typename Fill>
    static KindMessage make(ActionKind kind, Fill fill) {
        KindMessage out{kind, {}};
        Writer writer(out.message);
        fill(writer);
        return out;
    }
    static KindMessage bucket_message(ActionKind kind, std::uint64_t bucket, BytesView payload) {
        return make(kind, [&](Writer& w) {
            w.put_uint(1, bucket);
            w.put_bytes(2, payload);
        });
    }
};

void write_access_list(Writer& core, const ActionDraft& draft) {
    for (const AccessListEntry& entry : draft.access_list) {
        Bytes tuple;
        Writer writer(tuple);
        writer.put_text(1, to_hex(entry.address.view()));
        for (const Hash256& key : entry.storage_keys)
            writer.put_text(2, to_hex(key.view()));
        core.always_bytes(core_field::kAccessList, tuple);
    }
}

void write_blob(Writer& core, const ActionDraft& draft) {
    Bytes blob;
    Writer writer(blob);
    writer.put_text(1, to_decimal(draft.blob_fee_cap));
    for (const Hash256& hash : draft.blob_hashes)
        writer.always_bytes(2, hash.view());
    core.always_bytes(core_field::kBlobTxData, blob);
}

void write_authorizations(Writer& core, const ActionDraft& draft) {
    for (const SetCodeAuthorization& one : draft.authorizations) {
        Bytes message;
        Writer writer(message);
        writer.put_uint(1, static_cast<std::uint64_t>(one.chain_id));
        writer.put_bytes(2, one.address.view());
        writer.put_uint(3, one.nonce);
        writer.put_uint(4, one.y_parity);
        writer.put_bytes(5, to_big_endian(one.r));
        writer.put_bytes(6, to_big_endian(one.s));
        core.always_bytes(core_field::kSetCodeAuthList, message);
    }
}

/// Writes the common fields in the order of their numbers, then the body, as the node does. Only legacy
/// transactions have version 1.
Bytes write_core(const ActionDraft& draft) {
    const bool legacy = draft.tx_type == EthTxType::legacy;
    const bool capped = !legacy && draft.tx_type != EthTxType::access_list;
    Bytes out;
    Writer core(out);
    core.put_uint(core_field::kVersion, legacy ? 1 : 0);
    core.put_uint(core_field::kNonce, draft.nonce);
    core.put_uint(core_field::kGasLimit, draft.gas_limit);
    if (!capped) core.put_text(core_field::kGasPrice, to_decimal(draft.gas_price));
    core.put_uint(core_field::kChainId, draft.chain_id);
    if (capped) {
        core.put_text(core_field::kGasTipCap, to_decimal(draft.gas_tip_cap));
        core.put_text(core_field::kGasFeeCap, to_decimal(draft.gas_fee_cap));
    }
    if (draft.tx_type == EthTxType::blob) write_blob(core, draft);
    if (!legacy) write_access_list(core, draft);
    core.put_uint(core_field::kTxType, static_cast<std::uint64_t>(draft.tx_type));
    if (draft.tx_type == EthTxType::set_code) write_authorizations(core, draft);
    const KindMessage body = std::visit(WriteBody{}, draft.body);
    core.always_bytes(static_cast<std::uint32_t>(body.kind), body.message);
    return out;
}

Bytes write_action(BytesView core, const PublicKey& key, const Signature& signature, ActionEncoding encoding) {
    constexpr std::uint8_t kFirstV = 27;  // Ethereum encodings store v = 27 + recovery id
    constexpr std::size_t kRoomForTheRest =
        160;  // public key and signature of 65 bytes each, encoding, field tags
    Signature written = signature;
    if (encoding != ActionEncoding::native)
        written.bytes[64] = static_cast<std::uint8_t>(written.bytes[64] + kFirstV);
    Bytes out;
    out.reserve(core.size() + kRoomForTheRest);
    Writer action(out);
    action.always_bytes(action_field::kCore, core);
    action.put_bytes(action_field::kSenderPubKey, key.view());
    action.put_bytes(action_field::kSignature, written.view());
    action.put_uint(action_field::kEncoding, static_cast<std::uint64_t>(encoding));
    return out;
}

Bytes container_core(BytesView signed_eth_tx, std::uint32_t chain_id) {
    Bytes message;
    Writer(message).put_bytes(1, signed_eth_tx);
    Bytes out;
    Writer core(out);
    core.put_uint(core_field::kChainId, chain_id);
    core.always_bytes(static_cast<std::uint32_t>(ActionKind::tx_container), message);
    return out;
}

tl::unexpected<Error> cannot_build(std::string which, std::string why) {
    return fail(ErrorCode::invalid_argument, "cannot build the action", std::move(which), std::move(why));
}

}  // namespace

Result<Bytes> build_action(const ActionDraft& draft, ActionEncoding encoding, const PrivateKey& key,
                           const ChainIds& ids) {
    const Bytes core = write_core(draft);
    const PublicKey public_key = key.public_key();
    if (encoding == ActionEncoding::native) {
        return write_action(core, public_key, key.sign(keccak256(core)), encoding);
    }
    // First build the action that a block would carry. A container is then made from the transaction in it.
    const bool container = encoding == ActionEncoding::container;
    const ActionEncoding form = container ? ActionEncoding::ethereum : encoding;
    const Bytes unsigned_action = write_action(core, public_key, Signature{}, form);
    IOSWARM_TRY(const auto parts, take_apart(unsigned_action));
    const auto tx = eth_transaction(parts, ids.evm);
    if (!tx)
        return cannot_build(std::string(kind_name(parts.kind)),
                            "it has no form as an Ethereum transaction of this type");
    const Signature signature = key.sign(signing_hash(*tx));
    if (!container) return write_action(core, public_key, signature, encoding);
    return write_action(container_core(encode_signed(*tx, signature), draft.chain_id), public_key, signature,
                        encoding);
}

Result<Bytes> wrap_in_container(BytesView signed_eth_tx, std::uint32_t chain_id) {
    IOSWARM_TRY(const auto decoded, decode_signed(signed_eth_tx));
    const auto key = recover(signing_hash(decoded.tx), decoded.signature);
    if (!key) return cannot_build("transaction", "no public key fits its signature");
    return write_action(container_core(signed_eth_tx, chain_id), *key, decoded.signature,
                        ActionEncoding::container);
}

}  // namespace ioswarm
