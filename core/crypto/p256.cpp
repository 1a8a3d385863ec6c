// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/p256.hpp"

#include <memory>
#include <new>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

namespace ioswarm {
namespace {

struct KeyDeleter {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(EVP_PKEY_CTX* context) const noexcept { EVP_PKEY_CTX_free(context); }
    void operator()(ECDSA_SIG* signature) const noexcept { ECDSA_SIG_free(signature); }
};
template <typename T>
using KeyOwned = std::unique_ptr<T, KeyDeleter>;

template <typename T>
KeyOwned<T> own(T* made) {
    if (made == nullptr) throw std::bad_alloc();
    return KeyOwned<T>(made);
}

KeyOwned<EVP_PKEY> import_key(BytesView key) {
    const auto context = own(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    if (EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
    // OpenSSL takes pointers to non-const data here, although it only reads it.
    std::string group = "prime256v1";
    Bytes bytes = to_bytes(key);
    std::array<OSSL_PARAM, 3> parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, bytes.data(), bytes.size()),
        OSSL_PARAM_construct_end()};
    EVP_PKEY* made = nullptr;
    if (EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.data()) != 1) return nullptr;
    return KeyOwned<EVP_PKEY>(made);
}

Bytes encode_signature(BytesView r, BytesView s) {
    const auto signature = own(ECDSA_SIG_new());
    BIGNUM* r_number = BN_bin2bn(r.data(), static_cast<int>(r.size()), nullptr);
    BIGNUM* s_number = BN_bin2bn(s.data(), static_cast<int>(s.size()), nullptr);
    // On success the signature owns both numbers.
    if (ECDSA_SIG_set0(signature.get(), r_number, s_number) != 1) {
        BN_free(r_number);
        BN_free(s_number);
        throw std::bad_alloc();
    }
    Bytes out(static_cast<std::size_t>(i2d_ECDSA_SIG(signature.get(), nullptr)));
    std::uint8_t* at = out.data();
    i2d_ECDSA_SIG(signature.get(), &at);
    return out;
}

}  // namespace

std::optional<bool> verify_p256(const Hash256& digest, BytesView r, BytesView s, BytesView key) {
    if (key.size() != 65 || key.front() != 4) return std::nullopt;
    const KeyOwned<EVP_PKEY> imported = import_key(key);
    if (!imported) return std::nullopt;
    const auto context = own(EVP_PKEY_CTX_new(imported.get(), nullptr));
    if (EVP_PKEY_verify_init(context.get()) != 1) throw std::bad_alloc();
    const Bytes signature = encode_signature(r, s);
    return EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.bytes.data(),
                           digest.bytes.size()) == 1;
}

}  // namespace ioswarm
