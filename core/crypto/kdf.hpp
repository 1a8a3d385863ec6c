// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/crypto/secret_bytes.hpp"

namespace ioswarm {

/// The cost parameters of scrypt (RFC 7914). Memory used: 128 · n · r bytes.
struct ScryptCost {
    std::uint64_t n = 0;  ///< a power of two, at least 2
    std::uint64_t r = 0;
    std::uint64_t p = 0;
};

/// The most memory that scrypt may use. Ethereum keystores normally have n = 262,144 and r = 8, which need
/// exactly this.
inline constexpr std::uint64_t kMaxScryptBytes = std::uint64_t{256} << 20U;
/// The largest n · r · p, which takes some seconds. It is eight times that of a normal Ethereum keystore.
inline constexpr std::uint64_t kMaxScryptWork = std::uint64_t{1} << 24U;
/// The largest iteration count of PBKDF2, which takes some seconds. Keystores in use have 262,144.
inline constexpr std::uint64_t kMaxPbkdf2Iterations = 10'000'000;

/// Error invalid_argument: RFC 7914 does not allow the cost (n must be a power of two and below 2^(128·r/8), r
/// and p at least 1), or the cost exceeds the limits above. This is checked before any memory is allocated.
/// Error resource_exhausted: there is not enough memory.
[[nodiscard]] Result<SecretBytes> scrypt(BytesView password, BytesView salt, const ScryptCost& cost,
                                         std::size_t size);
/// PBKDF2 with HMAC-SHA256 (RFC 8018). Error invalid_argument: `iterations` is 0 or above the limit.
[[nodiscard]] Result<SecretBytes> pbkdf2_sha256(BytesView password, BytesView salt, std::uint64_t iterations,
                                                std::size_t size);

/// AES-128 in counter mode. The 128-bit big-endian counter starts at `iv`. The same call encrypts and decrypts.
/// `key` and `iv` must have 16 bytes each, otherwise the result is empty.
[[nodiscard]] SecretBytes aes128_ctr(BytesView key, BytesView iv, BytesView data);

}  // namespace ioswarm
