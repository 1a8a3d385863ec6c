// SPDX-License-Identifier: Apache-2.0
#include "core/base/try.hpp"
#include "core/base/wire.hpp"
#include "core/crypto/eth_tx.hpp"
#include "core/crypto/keccak.hpp"
#include "core/crypto/secp256k1.hpp"
#include "core/model/action.hpp"
#include "core/model/action_eth_form.hpp"
#include "core/model/action_parts.hpp"

namespace ioswarm {
namespace {

tl::unexpected<Error> refuse_signer(ErrorCode code, std::string which, std::string why) {
    return fail(code, "cannot find out who signed the action", std::move(which), std::move(why));
}

/// The value of a bytes field. When the field occurs several times, its last value counts, as in protobuf.
/// Empty when the field is absent.
BytesView last_field(BytesView message, std::uint32_t number) {
    BytesView out;
    wire::Reader reader(message);
    while (const auto field = reader.next()) {
        if (field->number == number) out = field->bytes;
    }
    return out;
}

Result<Address> recovered(const Hash256& digest, const Signature& signature) {
    const auto key = recover(digest, signature);
    if (!key) return refuse_signer(ErrorCode::bad_data, "signature", "no key can have made it");
    return address_of(*key);
}

Result<Address> container_signer(const ActionParts& parts) {
    const BytesView raw = last_field(parts.message, 1);
    // The first byte of an RLP list; transaction types are smaller (EIP-2718).
    constexpr std::uint8_t kFirstLegacyByte = 0xc0;
    if (!raw.empty() && raw[0] < kFirstLegacyByte && raw[0] > static_cast<std::uint8_t>(EthTxType::set_code)) {
        return refuse_signer(ErrorCode::failed_precondition, "core.txContainer.raw",
                             "a transaction type that is not known");
    }
    const auto decoded = decode_signed(raw);
    if (!decoded) return refuse_signer(ErrorCode::bad_data, "core.txContainer.raw", decoded.error().text());
    return recovered(signing_hash(decoded->tx), decoded->signature);
}

}  // namespace

Result<Address> signer_of(BytesView raw, const ChainIds& ids) {
    IOSWARM_TRY(const auto parts, take_apart(raw));
    if (parts.encoding == static_cast<std::uint64_t>(ActionEncoding::container)) return container_signer(parts);

    auto signature = Signature::from(parts.signature);
    if (!signature) return refuse_signer(ErrorCode::bad_data, "signature", "not 65 bytes");
    std::uint8_t& v = signature->bytes[64];
    if (v >= 27) v = static_cast<std::uint8_t>(v - 27);
    if (v > 1) return refuse_signer(ErrorCode::bad_data, "signature", "its last byte is not a recovery id");
    if (parts.encoding == static_cast<std::uint64_t>(ActionEncoding::native)) {
        return recovered(keccak256(last_field(parts.canonical, action_field::kCore)), *signature);
    }
    const auto tx = eth_transaction(parts, ids.evm);
    if (!tx) {
        return refuse_signer(ErrorCode::failed_precondition, std::string(kind_name(parts.kind)),
                             "it has no known form as an Ethereum transaction");
    }
    return recovered(signing_hash(*tx), *signature);
}

}  // namespace ioswarm
