// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/hmac.hpp"

#include <cstdlib>
#include <limits>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace ioswarm {
namespace {

/// OpenSSL's one-shot digests fail only when memory runs out. A wrong digest must never be taken for a right
/// one, so the program ends.
void require(bool worked) {
    if (!worked) std::abort();
}

}  // namespace

Hash256 sha256(BytesView data) {
    Hash256 out;
    unsigned int size = 0;
    require(EVP_Digest(data.data(), data.size(), out.bytes.data(), &size, EVP_sha256(), nullptr) == 1 &&
            size == out.bytes.size());
    return out;
}

Hash256 hmac_sha256(BytesView key, BytesView message) {
    // HMAC() takes the key's length as an int, and takes a null key as "use the previous key".
    static constexpr std::uint8_t kNothing = 0;
    require(key.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
    Hash256 out;
    unsigned int size = 0;
    require(HMAC(EVP_sha256(), key.empty() ? &kNothing : key.data(), static_cast<int>(key.size()),
                 message.data(), message.size(), out.bytes.data(), &size) != nullptr &&
            size == out.bytes.size());
    return out;
}

bool equal_in_constant_time(BytesView a, BytesView b) noexcept {
    if (a.size() != b.size()) return false;
    return a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Result<Bytes> random_bytes(std::size_t count) {
    if (count > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
        return fail(ErrorCode::invalid_argument, "cannot make random bytes", std::to_string(count),
                    "too many at once");
    }
    Bytes out(count);
    if (RAND_bytes(out.data(), static_cast<int>(count)) != 1) {
        return fail(ErrorCode::unavailable, "cannot make random bytes", {},
                    "the system's generator gives none");
    }
    return out;
}

void wipe(std::string& secret) noexcept {
    if (!secret.empty()) OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
}

void wipe(Bytes& secret) noexcept {
    if (!secret.empty()) OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
}

std::string agent_token(std::string_view master_secret, std::string_view agent_id) {
    return std::string(kAgentTokenPrefix) +
           to_hex(hmac_sha256(as_bytes(master_secret), as_bytes(agent_id)).view());
}

std::string viewer_token(std::string_view master_secret, std::string_view name) {
    const std::string message = "viewer\n" + std::string(name);
    return std::string(kViewerTokenPrefix) +
           to_hex(hmac_sha256(as_bytes(master_secret), as_bytes(message)).view());
}

}  // namespace ioswarm
