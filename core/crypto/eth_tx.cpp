// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/eth_tx.hpp"

#include "core/crypto/keccak.hpp"
#include "core/crypto/rlp.hpp"

// The order of the fields is from EIP-155 (legacy), EIP-2930 (1), EIP-1559 (2), EIP-4844 (3) and EIP-7702 (4).

namespace ioswarm {
namespace {

/// Appends gas limit, recipient, value and data, which every type has in this order.
void append_call(Bytes& out, const EthTx& tx) {
    rlp::append_uint(out, tx.gas_limit);
    rlp::append_bytes(out, tx.to ? tx.to->view() : BytesView{});
    rlp::append_uint(out, tx.value);
    rlp::append_bytes(out, tx.data);
}

void append_access_list(Bytes& out, const EthTx& tx) {
    Bytes entries;
    for (const AccessListEntry& entry : tx.access_list) {
        Bytes keys;
        for (const Hash256& key : entry.storage_keys)
            rlp::append_bytes(keys, key.view());
        Bytes fields;
        rlp::append_bytes(fields, entry.address.view());
        rlp::append_list(fields, keys);
        rlp::append_list(entries, fields);
    }
    rlp::append_list(out, entries);
}

void append_authorizations(Bytes& out, const EthTx& tx) {
    Bytes entries;
    for (const SetCodeAuthorization& one : tx.authorizations) {
        Bytes fields;
        rlp::append_uint(fields, one.chain_id);
        rlp::append_bytes(fields, one.address.view());
        rlp::append_uint(fields, one.nonce);
        rlp::append_uint(fields, one.y_parity);
        rlp::append_uint(fields, one.r);
        rlp::append_uint(fields, one.s);
        rlp::append_list(entries, fields);
    }
    rlp::append_list(out, entries);
}

/// All fields that come before the signature.
Bytes unsigned_fields(const EthTx& tx) {
    Bytes out;
    if (tx.type == EthTxType::legacy) {
        rlp::append_uint(out, tx.nonce);
        rlp::append_uint(out, tx.gas_price);
        append_call(out, tx);
        return out;
    }
    rlp::append_uint(out, tx.chain_id);
    rlp::append_uint(out, tx.nonce);
    if (tx.type == EthTxType::access_list) {
        rlp::append_uint(out, tx.gas_price);
    } else {
        rlp::append_uint(out, tx.gas_tip_cap);
        rlp::append_uint(out, tx.gas_fee_cap);
    }
    append_call(out, tx);
    append_access_list(out, tx);
    if (tx.type == EthTxType::blob) {
        rlp::append_uint(out, tx.blob_fee_cap);
        Bytes hashes;
        for (const Hash256& hash : tx.blob_hashes)
            rlp::append_bytes(hashes, hash.view());
        rlp::append_list(out, hashes);
    }
    if (tx.type == EthTxType::set_code) append_authorizations(out, tx);
    return out;
}

/// The fields as a list, after the type byte if the type has one.
Bytes envelope(EthTxType type, BytesView fields) {
    Bytes out;
    if (type != EthTxType::legacy) out.push_back(static_cast<std::uint8_t>(type));
    rlp::append_list(out, fields);
    return out;
}

/// The v of EIP-155, or 27 or 28 without a chain id. For the largest chain ids it needs more than 64 bits.
U256 legacy_v(const EthTx& tx, std::uint8_t recovery_id) {
    return tx.chain_id == 0 ? U256(27U + recovery_id) : U256(tx.chain_id) * 2 + 35U + recovery_id;
}

tl::unexpected<Error> refuse_transaction(std::string which, std::string why) {
    return fail(ErrorCode::bad_data, "cannot read the Ethereum transaction", std::move(which), std::move(why));
}

/// Takes fields off the front of a list. It keeps the first fault; every field taken after that is empty, so
/// the caller checks error() once at the end.
class Fields {
  public:
    explicit Fields(BytesView payload) : rest_(payload) {}

    [[nodiscard]] bool more() const noexcept { return !error_ && !rest_.empty(); }
    [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }

    void fault(const char* which, std::string why) {
        if (!error_) error_ = refuse_transaction(which, std::move(why)).value();
    }

    BytesView string(const char* which) {
        const auto item = take(which);
        if (item && item->is_list) fault(which, "a list where a string belongs");
        return item && !item->is_list ? item->payload : BytesView{};
    }

    BytesView list(const char* which) {
        const auto item = take(which);
        if (item && !item->is_list) fault(which, "a string where a list belongs");
        return item && item->is_list ? item->payload : BytesView{};
    }

    U256 number(const char* which) {
        const auto item = take(which);
        if (!item) return 0;
        const auto value = rlp::to_uint(*item);
        if (!value) fault(which, value.error().why);
        return value ? *value : U256(0);
    }

    std::uint64_t number64(const char* which, std::uint64_t max = ~std::uint64_t{0}) {
        const U256 value = number(which);
        if (value <= max) return static_cast<std::uint64_t>(value);
        fault(which, "larger than " + std::to_string(max));
        return 0;
    }

    template <typename Fixed>
    Fixed fixed(const char* which) {
        const BytesView bytes = string(which);
        const auto value = Fixed::from(bytes);
        if (!value) fault(which, std::to_string(bytes.size()) + " bytes, not " + std::to_string(Fixed::kSize));
        return value.value_or(Fixed{});
    }

    void end(const char* which) {
        if (!rest_.empty()) fault(which, "more fields than it has");
    }

    /// Takes over a fault that was found in a list inside this one.
    void adopt(const Fields& inner) {
        if (inner.error_ && !error_) error_ = inner.error_;
    }

  private:
    std::optional<rlp::Item> take(const char* which) {
        if (error_) return std::nullopt;
        auto item = rlp::take(rest_);
        if (item) return *item;
        fault(which, item.error().why);
        return std::nullopt;
    }

    BytesView rest_;
    std::optional<Error> error_;
};

void read_call(Fields& fields, EthTx& tx) {
    tx.gas_limit = fields.number64("gas limit");
    const BytesView to = fields.string("to");
    if (!to.empty()) {
        tx.to = Address::from(to);
        if (!tx.to) fields.fault("to", std::to_string(to.size()) + " bytes, not 20");
    }
    tx.value = fields.number("value");
    tx.data = to_bytes(fields.string("data"));
}

void read_access_list(Fields& fields, EthTx& tx) {
    Fields entries(fields.list("access list"));
    while (entries.more()) {
        Fields entry(entries.list("access list entry"));
        AccessListEntry out;
        out.address = entry.fixed<Address>("access list address");
        Fields keys(entry.list("storage keys"));
        while (keys.more())
            out.storage_keys.push_back(keys.fixed<Hash256>("storage key"));
        entry.adopt(keys);
        entry.end("access list entry");
        entries.adopt(entry);
        tx.access_list.push_back(std::move(out));
    }
    fields.adopt(entries);
}

void read_blob_fields(Fields& fields, EthTx& tx) {
    tx.blob_fee_cap = fields.number("blob fee cap");
    Fields hashes(fields.list("blob hashes"));
    while (hashes.more())
        tx.blob_hashes.push_back(hashes.fixed<Hash256>("blob hash"));
    fields.adopt(hashes);
}

void read_authorizations(Fields& fields, EthTx& tx) {
    Fields entries(fields.list("authorization list"));
    while (entries.more()) {
        Fields entry(entries.list("authorization"));
        SetCodeAuthorization out;
        out.chain_id = entry.number("authorization chain id");
        out.address = entry.fixed<Address>("authorization address");
        out.nonce = entry.number64("authorization nonce");
        out.y_parity = static_cast<std::uint8_t>(entry.number64("authorization parity", 0xff));
        out.r = entry.number("authorization r");
        out.s = entry.number("authorization s");
        entry.end("authorization");
        entries.adopt(entry);
        tx.authorizations.push_back(out);
    }
    fields.adopt(entries);
}

void read_legacy(Fields& fields, SignedEthTx& out) {
    out.tx.nonce = fields.number64("nonce");
    out.tx.gas_price = fields.number("gas price");
    read_call(fields, out.tx);
    const U256 v = fields.number("v");
    if (const U256 parity = v - 27; parity <= 1) {  // v - 27 wraps around if v is below 27
        out.signature.bytes[64] = static_cast<std::uint8_t>(parity);
        return;
    }
    // A v of 35 or 36 would mean chain id 0, but chain id 0 marks an unprotected transaction in EthTx, so both
    // are refused.
    const U256 chain_id = v < 37 ? U256(0) : U256((v - 35) / 2);
    if (chain_id == 0 || chain_id > ~std::uint64_t{0}) return fields.fault("v", "names no chain id of 64 bits");
    out.tx.chain_id = static_cast<std::uint64_t>(chain_id);
    out.signature.bytes[64] = (v & 1) != 0 ? 0 : 1;
}

void read_typed(Fields& fields, SignedEthTx& out) {
    EthTx& tx = out.tx;
    tx.chain_id = fields.number64("chain id");
    tx.nonce = fields.number64("nonce");
    if (tx.type == EthTxType::access_list) {
        tx.gas_price = fields.number("gas price");
    } else {
        tx.gas_tip_cap = fields.number("gas tip cap");
        tx.gas_fee_cap = fields.number("gas fee cap");
    }
    read_call(fields, tx);
    if (!tx.to && (tx.type == EthTxType::blob || tx.type == EthTxType::set_code)) {
        fields.fault("to", "this type cannot create a contract");
    }
    read_access_list(fields, tx);
    if (tx.type == EthTxType::blob) read_blob_fields(fields, tx);
    if (tx.type == EthTxType::set_code) read_authorizations(fields, tx);
    out.signature.bytes[64] = static_cast<std::uint8_t>(fields.number64("parity", 1));
}

/// Returns the transaction's own fields. In the form for sending over the network, a blob transaction is a list
/// [transaction, blobs, commitments, proofs], since EIP-7594 with a version number after the transaction.
/// Elsewhere the payload is the transaction's fields themselves.
Result<BytesView> without_sidecar(BytesView payload) {
    BytesView rest = payload;
    const auto first = rlp::take(rest);
    if (!first) return refuse_transaction("blob transaction", first.error().why);
    if (!first->is_list) return payload;
    const auto parts = rlp::items(payload, 5);
    if (!parts) return refuse_transaction("blob sidecar", parts.error().why);
    if (parts->size() < 4) return refuse_transaction("blob sidecar", "a part is missing");
    for (std::size_t i = parts->size() - 3; i < parts->size(); ++i) {
        if (!(*parts)[i].is_list) return refuse_transaction("blob sidecar", "a string where a list belongs");
    }
    return first->payload;
}

}  // namespace

Hash256 signing_hash(const EthTx& tx) {
    Bytes fields = unsigned_fields(tx);
    if (tx.type == EthTxType::legacy && tx.chain_id != 0) {
        rlp::append_uint(fields, tx.chain_id);
        rlp::append_uint(fields, 0);
        rlp::append_uint(fields, 0);
    }
    return keccak256(envelope(tx.type, fields));
}

Bytes encode_signed(const EthTx& tx, const Signature& signature) {
    Bytes fields = unsigned_fields(tx);
    const std::uint8_t recovery_id = signature.bytes[64];
    rlp::append_uint(fields, tx.type == EthTxType::legacy ? legacy_v(tx, recovery_id) : U256(recovery_id));
    rlp::append_uint(fields, *u256_from_big_endian(signature.view().first(32)));
    rlp::append_uint(fields, *u256_from_big_endian(signature.view().subspan(32, 32)));
    return envelope(tx.type, fields);
}

Hash256 transaction_hash(const EthTx& tx, const Signature& signature) {
    return keccak256(encode_signed(tx, signature));
}

RawEthTx sign_transaction(const EthTx& tx, const PrivateKey& key) {
    RawEthTx out;
    out.raw = encode_signed(tx, key.sign(signing_hash(tx)));
    out.hash = keccak256(out.raw);
    return out;
}

Address contract_address(const Address& sender, std::uint64_t nonce) {
    Bytes fields;
    rlp::append_bytes(fields, sender.view());
    rlp::append_uint(fields, nonce);
    Bytes list;
    rlp::append_list(list, fields);
    return *Address::from(keccak256(list).view().last(Address::kSize));
}

Result<SignedEthTx> decode_signed(BytesView raw) {
    if (raw.empty()) return refuse_transaction({}, "it is empty");
    SignedEthTx out;
    if (raw[0] < 0x80) {
        if (raw[0] < 1 || raw[0] > 4)
            return refuse_transaction({}, "type " + std::to_string(raw[0]) + " is not known");
        out.tx.type = static_cast<EthTxType>(raw[0]);
        raw = raw.subspan(1);
    }
    const auto whole = rlp::take(raw);
    if (!whole) return refuse_transaction({}, whole.error().why);
    if (!whole->is_list || !raw.empty()) return refuse_transaction({}, "it is not one list");
    Result<BytesView> payload = whole->payload;
    if (out.tx.type == EthTxType::blob) payload = without_sidecar(whole->payload);
    if (!payload) return fail(payload.error());

    Fields fields(*payload);
    if (out.tx.type == EthTxType::legacy) {
        read_legacy(fields, out);
    } else {
        read_typed(fields, out);
    }
    const Hash256 r = to_word(fields.number("r"));
    const Hash256 s = to_word(fields.number("s"));
    fields.end("transaction");
    if (fields.error()) return fail(*fields.error());
    std::memcpy(out.signature.bytes.data(), r.bytes.data(), 32);
    std::memcpy(out.signature.bytes.data() + 32, s.bytes.data(), 32);
    return out;
}

}  // namespace ioswarm
