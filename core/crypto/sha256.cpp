// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/sha256.hpp"

#include <openssl/evp.h>

#include <new>

namespace ioswarm {

struct Sha256::Context {
    // OpenSSL fails here only when memory runs out.
    Context() : md(EVP_MD_CTX_new()) {
        if (md == nullptr || EVP_DigestInit_ex(md, EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
    }
    ~Context() { EVP_MD_CTX_free(md); }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    EVP_MD_CTX* md;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

Sha256& Sha256::update(BytesView data) {
    EVP_DigestUpdate(context_->md, data.data(), data.size());
    return *this;
}

Hash256 Sha256::finish() {
    Hash256 out;
    EVP_DigestFinal_ex(context_->md, out.bytes.data(), nullptr);
    return out;
}

void Sha256::reset() {
    if (EVP_DigestInit_ex(context_->md, nullptr, nullptr) != 1) throw std::bad_alloc();
}

}  // namespace ioswarm
