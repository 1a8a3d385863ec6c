// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/kdf.hpp"

#include <bit>
#include <cstdlib>
#include <limits>
#include <memory>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "core/base/try.hpp"

namespace ioswarm {
namespace {

constexpr const char* kCannotDerive = "cannot derive a key from the password";
/// OpenSSL also counts some small blocks of its own against the memory limit. So the limit that it gets is
/// larger by this much.
constexpr std::uint64_t kScryptSlack = std::uint64_t{1} << 20U;

tl::unexpected<Error> refuse_cost(std::string why) {
    return fail(ErrorCode::invalid_argument, kCannotDerive, {}, std::move(why));
}

Status check_cost(const ScryptCost& cost) {
    if (cost.n < 2 || !std::has_single_bit(cost.n)) return refuse_cost("scrypt's n is not a power of two");
    if (cost.r == 0 || cost.p == 0) return refuse_cost("scrypt's r or p is 0");
    // Divides instead of multiplying, so that nothing overflows.
    if (cost.n > kMaxScryptBytes / 128 || cost.r > kMaxScryptBytes / 128 / cost.n) {
        return refuse_cost("scrypt would need more than 256 MiB");
    }
    if (cost.p > kMaxScryptWork / (cost.n * cost.r)) return refuse_cost("scrypt would take too long");
    if (16 * cost.r < 64 && cost.n >= std::uint64_t{1} << (16 * cost.r)) {
        return refuse_cost("RFC 7914 does not allow scrypt's n with this r");
    }
    return {};
}

struct CipherFree {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};

}  // namespace

Result<SecretBytes> scrypt(BytesView password, BytesView salt, const ScryptCost& cost, std::size_t size) {
    IOSWARM_DO(check_cost(cost));
    SecretBytes out(size);
    ERR_clear_error();
    // OpenSSL takes a null password as "no password".
    const std::string_view text = password.empty() ? std::string_view("") : as_text(password);
    if (EVP_PBE_scrypt(text.data(), text.size(), salt.data(), salt.size(), cost.n, cost.r, cost.p,
                       kMaxScryptBytes + kScryptSlack, out.data(), out.size()) != 1) {
        ERR_clear_error();
        return fail(ErrorCode::resource_exhausted, kCannotDerive, {}, "there is not enough memory for scrypt",
                    "256 MiB must be free");
    }
    return out;
}

Result<SecretBytes> pbkdf2_sha256(BytesView password, BytesView salt, std::uint64_t iterations,
                                  std::size_t size) {
    if (iterations == 0 || iterations > kMaxPbkdf2Iterations) {
        return refuse_cost("PBKDF2's number of iterations is 0 or above 10,000,000");
    }
    constexpr auto kMaxInt = static_cast<std::size_t>(std::numeric_limits<int>::max());
    if (password.size() > kMaxInt || salt.size() > kMaxInt || size > kMaxInt) return refuse_cost("too long");
    SecretBytes out(size);
    const std::string_view text = password.empty() ? std::string_view("") : as_text(password);
    if (PKCS5_PBKDF2_HMAC(text.data(), static_cast<int>(text.size()), salt.data(),
                          static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                          static_cast<int>(out.size()), out.data()) != 1) {
        std::abort();  // fails only when there is no memory for a few hundred bytes
    }
    return out;
}

SecretBytes aes128_ctr(BytesView key, BytesView iv, BytesView data) {
    constexpr std::size_t kBlock = 16;
    if (key.size() != kBlock || iv.size() != kBlock) return {};
    const std::unique_ptr<EVP_CIPHER_CTX, CipherFree> context(EVP_CIPHER_CTX_new());
    SecretBytes out(data.size());
    int written = 0;
    if (!context || EVP_EncryptInit_ex(context.get(), EVP_aes_128_ctr(), nullptr, key.data(), iv.data()) != 1 ||
        EVP_EncryptUpdate(context.get(), out.data(), &written, data.data(), static_cast<int>(data.size())) !=
            1 ||
        static_cast<std::size_t>(written) != data.size()) {
        std::abort();  // fails only when memory runs out
    }
    return out;
}

}  // namespace ioswarm
