// SPDX-License-Identifier: Apache-2.0
#include "core/model/action_eth_form.hpp"

#include "core/base/wire.hpp"
#include "core/crypto/address.hpp"
#include "core/model/action_abi.hpp"

namespace ioswarm {
namespace {

std::optional<Address> address_of_text(BytesView text) {
    const auto address = parse_address(as_text(text));
    return address ? std::optional<Address>(*address) : std::nullopt;
}

/// transfer {amount 1, recipient 2, payload 3} and execution {amount 1, contract 2, data 3} are laid out alike.
std::optional<EthForm> transfer_form(BytesView message, bool may_create) {
    const auto fields = read_message(message, "bbb");
    if (!fields) return std::nullopt;
    const auto amount = amount_or_zero((*fields)[1].bytes);
    if (!amount) return std::nullopt;
    EthForm out;
    out.value = *amount;
    out.data = to_bytes((*fields)[3].bytes);
    const BytesView to = (*fields)[2].bytes;
    if (to.empty() && may_create) return out;
    out.to = address_of_text(to);
    if (!out.to) return std::nullopt;
    return out;
}

/// accessList: {address 1, storageKeys 2 repeated}, both in hex without 0x.
bool read_access_list(const ActionParts& parts, EthTx& tx) {
    for (const BytesView tuple : parts.access_list) {
        AccessListEntry entry;
        bool has_address = false;
        wire::Reader reader(tuple);
        while (const auto field = reader.next()) {
            if (field->type != wire::WireType::length_delimited) return false;
            if (field->number == 1) {
                const auto address = fixed_from_hex<Address>(as_text(field->bytes));
                if (!address || has_address) return false;
                entry.address = *address;
                has_address = true;
            } else if (field->number == 2) {
                const auto key = fixed_from_hex<Hash256>(as_text(field->bytes));
                if (!key) return false;
                entry.storage_keys.push_back(*key);
            } else {
                return false;  // an unknown field
            }
        }
        if (!reader.ok() || !has_address) return false;
        tx.access_list.push_back(std::move(entry));
    }
    return true;
}

/// blobTxData: {blobFeeCap 1, blobHashes 2 repeated bytes, sidecar 3}.
bool read_blob(const ActionParts& parts, EthTx& tx) {
    constexpr std::uint32_t kSidecar = 3;  // not part of the signed transaction
    wire::Reader reader(parts.blob_tx_data);
    while (const auto field = reader.next()) {
        if (field->type != wire::WireType::length_delimited) return false;
        if (field->number == 1) {
            const auto cap = amount_or_zero(field->bytes);
            if (!cap) return false;
            tx.blob_fee_cap = *cap;
        } else if (field->number == 2) {
            const auto hash = Hash256::from(field->bytes);
            if (!hash) return false;
            tx.blob_hashes.push_back(*hash);
        } else if (field->number != kSidecar) {
            return false;  // an unknown field
        }
    }
    return reader.ok();
}

/// setCodeAuthList: {chainID 1, address 2 bytes, nonce 3, v 4, r 5 bytes, s 6 bytes}.
bool read_authorizations(const ActionParts& parts, EthTx& tx) {
    for (const BytesView message : parts.authorizations) {
        const auto fields = read_message(message, "nbnnbb");
        if (!fields) return false;
        const auto address = Address::from((*fields)[2].bytes);
        const auto r = u256_from_big_endian((*fields)[5].bytes);
        const auto s = u256_from_big_endian((*fields)[6].bytes);
        const std::uint64_t v = (*fields)[4].scalar;
        if (!address || !r || !s || v > 0xff) return false;
        tx.authorizations.push_back(
            {(*fields)[1].scalar, *address, (*fields)[3].scalar, static_cast<std::uint8_t>(v), *r, *s});
    }
    return true;
}

bool read_prices(const ActionParts& parts, EthTx& tx) {
    const auto price = amount_or_zero(parts.gas_price);
    const auto tip = amount_or_zero(parts.gas_tip_cap);
    const auto cap = amount_or_zero(parts.gas_fee_cap);
    if (!price || !tip || !cap) return false;
    tx.gas_price = *price;
    tx.gas_tip_cap = *tip;
    tx.gas_fee_cap = *cap;
    return true;
}

}  // namespace

std::optional<U256> amount_or_zero(BytesView text) {
    return text.empty() ? U256(0) : u256_from_decimal(as_text(text));
}

std::optional<EthForm> eth_form(ActionKind kind, BytesView message) {
    if (kind == ActionKind::transfer) return transfer_form(message, false);
    if (kind == ActionKind::execution) return transfer_form(message, true);
    return protocol_form(kind, message);
}

std::optional<EthTx> eth_transaction(const ActionParts& parts, std::uint64_t evm_chain_id) {
    if (parts.has_unknown_field || parts.has_unknown_core_field) return std::nullopt;
    if (parts.tx_type > static_cast<std::uint64_t>(EthTxType::set_code)) return std::nullopt;
    auto form = eth_form(parts.kind, parts.message);
    if (!form) return std::nullopt;
    EthTx tx;
    tx.type = static_cast<EthTxType>(parts.tx_type);
    const bool unprotected = parts.encoding == static_cast<std::uint64_t>(ActionEncoding::ethereum_unprotected);
    if (unprotected && tx.type != EthTxType::legacy) return std::nullopt;
    tx.chain_id = unprotected ? 0 : evm_chain_id;
    tx.nonce = parts.nonce;
    tx.gas_limit = parts.gas_limit;
    tx.to = form->to;
    tx.value = form->value;
    tx.data = std::move(form->data);
    if (!read_prices(parts, tx)) return std::nullopt;
    if (tx.type != EthTxType::legacy && !read_access_list(parts, tx)) return std::nullopt;
    if (tx.type == EthTxType::blob && !read_blob(parts, tx)) return std::nullopt;
    if (tx.type == EthTxType::set_code && !read_authorizations(parts, tx)) return std::nullopt;
    const bool needs_target = tx.type == EthTxType::blob || tx.type == EthTxType::set_code;
    if (needs_target && !tx.to) return std::nullopt;
    return tx;
}

}  // namespace ioswarm
