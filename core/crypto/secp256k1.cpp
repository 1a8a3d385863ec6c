// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/secp256k1.hpp"

#include <cstdlib>
#include <memory>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include "core/crypto/keccak.hpp"

namespace ioswarm {
namespace {

struct SignContextDeleter {
    void operator()(secp256k1_context* context) const noexcept { secp256k1_context_destroy(context); }
};
using ContextPtr = std::unique_ptr<secp256k1_context, SignContextDeleter>;

/// The context is blinded once with a random seed, against side channels. Without a seed it computes the same
/// results, so a failing random generator is no error here.
ContextPtr make_context() {
    ContextPtr context(secp256k1_context_create(SECP256K1_CONTEXT_NONE));
    std::array<std::uint8_t, 32> seed{};
    if (RAND_bytes(seed.data(), static_cast<int>(seed.size())) == 1 &&
        secp256k1_context_randomize(context.get(), seed.data()) != 1) {
        std::abort();
    }
    OPENSSL_cleanse(seed.data(), seed.size());
    return context;
}

/// Any number of threads may use the context: it does not change after its creation, and all calls take it as
/// const.
const secp256k1_context* context() {
    static const ContextPtr made = make_context();
    return made.get();
}

PublicKey serialize(const secp256k1_pubkey& key) {
    PublicKey out;
    std::size_t size = out.bytes.size();
    secp256k1_ec_pubkey_serialize(context(), out.bytes.data(), &size, &key, SECP256K1_EC_UNCOMPRESSED);
    return out;
}

}  // namespace

Result<PrivateKey> PrivateKey::from(BytesView bytes) {
    constexpr const char* kCannotUse = "cannot use the private key";
    PrivateKey out;
    if (bytes.size() != out.scalar_.size()) {
        return fail(ErrorCode::invalid_argument, kCannotUse, {},
                    "it must be 32 bytes long, not " + std::to_string(bytes.size()));
    }
    if (secp256k1_ec_seckey_verify(context(), bytes.data()) != 1) {
        return fail(ErrorCode::invalid_argument, kCannotUse, {},
                    "it is zero or not below the order of secp256k1");
    }
    std::memcpy(out.scalar_.data(), bytes.data(), bytes.size());
    return out;
}

PrivateKey::~PrivateKey() {
    OPENSSL_cleanse(scalar_.data(), scalar_.size());
}

PublicKey PrivateKey::public_key() const {
    secp256k1_pubkey key;
    // Cannot fail, because from() checked the scalar.
    if (secp256k1_ec_pubkey_create(context(), &key, scalar_.data()) != 1) std::abort();
    return serialize(key);
}

Address PrivateKey::address() const {
    return address_of(public_key());
}

Signature PrivateKey::sign(const Hash256& digest) const {
    secp256k1_ecdsa_recoverable_signature made;
    if (secp256k1_ecdsa_sign_recoverable(context(), &made, digest.bytes.data(), scalar_.data(), nullptr,
                                         nullptr) != 1) {
        std::abort();  // cannot fail, because from() checked the scalar
    }
    Signature out;
    int recovery_id = 0;
    secp256k1_ecdsa_recoverable_signature_serialize_compact(context(), out.bytes.data(), &recovery_id, &made);
    out.bytes[64] = static_cast<std::uint8_t>(recovery_id);
    return out;
}

std::optional<PublicKey> recover(const Hash256& digest, const Signature& signature) {
    // Recovery ids 2 and 3 (r above the group order) exist, but no format of this project can represent them.
    if (signature.bytes[64] > 1) return std::nullopt;
    secp256k1_ecdsa_recoverable_signature parsed;
    if (secp256k1_ecdsa_recoverable_signature_parse_compact(context(), &parsed, signature.bytes.data(),
                                                            signature.bytes[64]) != 1) {
        return std::nullopt;
    }
    secp256k1_pubkey key;
    if (secp256k1_ecdsa_recover(context(), &key, &parsed, digest.bytes.data()) != 1) return std::nullopt;
    return serialize(key);
}

Address address_of(const PublicKey& key) {
    const Hash256 hash = keccak256(key.view().subspan(1));
    return *Address::from(hash.view().last(Address::kSize));
}

}  // namespace ioswarm
