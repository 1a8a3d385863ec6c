// SPDX-License-Identifier: Apache-2.0
#include "core/model/action.hpp"

#include <algorithm>

#include "core/base/try.hpp"
#include "core/base/wire.hpp"
#include "core/crypto/eth_tx.hpp"
#include "core/crypto/keccak.hpp"
#include "core/crypto/secp256k1.hpp"
#include "core/model/action_eth_form.hpp"
#include "core/model/action_parts.hpp"

namespace ioswarm {
namespace {

tl::unexpected<Error> refuse(std::string which, std::string why) {
    return fail(ErrorCode::bad_data, "cannot read the action", std::move(which), std::move(why));
}

Result<Address> sender_of(BytesView sender_key) {
    const auto key = PublicKey::from(sender_key);
    if (!key) return refuse("senderPubKey", std::to_string(sender_key.size()) + " bytes, not 65");
    if (key->bytes[0] != 4) return refuse("senderPubKey", "is no uncompressed secp256k1 key");
    return address_of(*key);
}

/// Reads an action's signature. Its last byte is 27 or 28 in Ethereum encodings and 0 or 1 in native ones;
/// Signature always has 0 or 1. Returns nothing when it is anything else.
std::optional<Signature> signature_of(BytesView bytes) {
    auto out = Signature::from(bytes);
    if (!out) return std::nullopt;
    std::uint8_t& v = out->bytes[64];
    if (v >= 27) v = static_cast<std::uint8_t>(v - 27);
    if (v > 1) return std::nullopt;
    return out;
}

/// Everything an EVM needs to run the action. `gas_price` is the most that the sender pays per unit of gas.
EvmTx evm_tx(const std::optional<Address>& to, const U256& value, BytesView data, std::uint64_t gas_limit,
             const U256& gas_price) {
    EvmTx out;
    if (to) out.to = to_hex0x(to->view());
    out.value = to_decimal(value);
    out.data = to_bytes(data);
    out.gas_limit = gas_limit;
    out.gas_price = to_decimal(gas_price);
    return out;
}

bool has_fee_cap(EthTxType type) noexcept {
    return type != EthTxType::legacy && type != EthTxType::access_list;
}

/// Reads a TX_CONTAINER action: {raw 1}, a signed Ethereum transaction.
Status read_container(const ActionParts& parts, PoolAction& out) {
    if (parts.kind != ActionKind::tx_container) return refuse("core.txContainer", "is missing");
    BytesView raw;
    wire::Reader reader(parts.message);
    while (const auto field = reader.next()) {
        if (field->number == 1) raw = field->bytes;
    }
    if (!reader.ok() || raw.empty()) return refuse("core.txContainer.raw", "is missing");
    if (raw[0] < 0x80 && raw[0] > static_cast<std::uint8_t>(EthTxType::set_code)) {
        out.hash = keccak256(raw);  // a newer transaction type: we can hash it but not read it
        return {};
    }
    const auto decoded = decode_signed(raw);
    if (!decoded) return refuse("core.txContainer.raw", decoded.error().text());
    const EthTx& tx = decoded->tx;
    out.nonce = tx.nonce;
    // Do not hash `raw`: a blob transaction in a container may carry its sidecar, which is not part of the
    // hash.
    out.hash = transaction_hash(tx, decoded->signature);
    if (const auto protocol = protocol_call(tx.to, tx.data)) {
        out.kind = kind_name(*protocol);
        return {};
    }
    // iotex-core calls it a transfer when the target has no code. The transaction does not say whether it has.
    out.kind = kind_name(tx.to && tx.data.empty() ? ActionKind::transfer : ActionKind::execution);
    out.receiver = tx.to;
    out.evm_tx =
        evm_tx(tx.to, tx.value, tx.data, tx.gas_limit, has_fee_cap(tx.type) ? tx.gas_fee_cap : tx.gas_price);
    return {};
}

/// We do not know where the node would place an unknown field. So an action that has one in its core is hashed
/// only if its bytes are already in the node's order.
std::optional<Hash256> native_hash(const ActionParts& parts, BytesView raw) {
    if (parts.has_unknown_field) return std::nullopt;
    if (parts.has_unknown_core_field && !std::ranges::equal(parts.canonical, raw)) return std::nullopt;
    return keccak256(parts.canonical);
}

/// Reads every encoding but TX_CONTAINER: the core describes the action.
void read_plain(const ActionParts& parts, BytesView raw, const ChainIds& ids, PoolAction& out) {
    out.nonce = parts.nonce;
    out.kind = kind_name(parts.kind);
    if (parts.kind == ActionKind::transfer || parts.kind == ActionKind::execution) {
        const bool capped = parts.tx_type >= static_cast<std::uint64_t>(EthTxType::dynamic_fee);
        const auto price = amount_or_zero(capped ? parts.gas_fee_cap : parts.gas_price);
        if (const auto form = eth_form(parts.kind, parts.message)) {
            out.receiver = form->to;
            if (price) out.evm_tx = evm_tx(form->to, form->value, form->data, parts.gas_limit, *price);
        }
    }
    if (parts.encoding == static_cast<std::uint64_t>(ActionEncoding::native)) {
        out.hash = native_hash(parts, raw);
        return;
    }
    const auto signature = signature_of(parts.signature);
    const auto tx = eth_transaction(parts, ids.evm);
    if (tx && signature) out.hash = transaction_hash(*tx, *signature);
}

}  // namespace

Result<PoolAction> read_action(Bytes raw, const ChainIds& ids) {
    IOSWARM_TRY(const auto parts, take_apart(raw));
    PoolAction out;
    out.kind = kind_name(ActionKind::none);
    IOSWARM_TRY(const auto sender, sender_of(parts.sender_key));
    out.sender = sender;
    switch (static_cast<ActionEncoding>(parts.encoding)) {
        case ActionEncoding::native:
        case ActionEncoding::ethereum:
        case ActionEncoding::ethereum_unprotected:
            read_plain(parts, raw, ids, out);
            break;
        case ActionEncoding::container:
            IOSWARM_DO(read_container(parts, out));
            break;
        default:
            return refuse("encoding", std::to_string(parts.encoding) + " is not known");
    }
    out.raw_id = keccak256(raw);
    out.raw = std::move(raw);
    return out;
}

}  // namespace ioswarm
