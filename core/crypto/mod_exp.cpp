// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/mod_exp.hpp"

#include <memory>
#include <new>

#include <openssl/bn.h>

namespace ioswarm {
namespace {

struct NumberDeleter {
    void operator()(BIGNUM* number) const noexcept { BN_free(number); }
};
using Number = std::unique_ptr<BIGNUM, NumberDeleter>;

struct NumberContextDeleter {
    void operator()(BN_CTX* context) const noexcept { BN_CTX_free(context); }
};

/// OpenSSL fails here only when memory runs out.
Number number_of(BytesView bytes) {
    Number out(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
    if (!out) throw std::bad_alloc();
    return out;
}

}  // namespace

Bytes mod_exp(BytesView base, BytesView exponent, BytesView modulus) {
    Bytes out(modulus.size());
    const Number m = number_of(modulus);
    if (BN_is_zero(m.get())) return out;
    const Number b = number_of(base);
    const Number e = number_of(exponent);
    const Number result = number_of({});
    const std::unique_ptr<BN_CTX, NumberContextDeleter> context(BN_CTX_new());
    if (!context || BN_mod_exp(result.get(), b.get(), e.get(), m.get(), context.get()) != 1 ||
        BN_bn2binpad(result.get(), out.data(), static_cast<int>(out.size())) < 0) {
        throw std::bad_alloc();
    }
    return out;
}

}  // namespace ioswarm
