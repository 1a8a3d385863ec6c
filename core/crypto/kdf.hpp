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

/// The most memory that scrypt gets: what n = 262,144 and r = 8 take, the standard of Ethereum's keystores.
inline constexpr std::uint64_t kMaxScryptBytes = std::uint64_t{256} << 20U;
/// The most work, n · r · p: eight times the standard, some seconds.
inline constexpr std::uint64_t kMaxScryptWork = std::uint64_t{1} << 24U;
/// The most iterations of PBKDF2, some seconds; keystores in use have 262,144.
inline constexpr std::uint64_t kMaxPbkdf2Iterations = 10'000'000;

/// Error invalid_argument: the cost is not allowed by RFC 7914 (n a power of two and below 2^(128·r/8), r and p
/// at least 1) or passes the limits above. Checked before any memory is taken. Error resource_exhausted: the
/// memory is not there.
[[nodiscard]] Result<SecretBytes> scrypt(BytesView password, BytesView salt, const ScryptCost& cost,
                                         std::size_t size);
/// PBKDF2 with HMAC-SHA256 (RFC 8018). Error invalid_argument: `iterations` is 0 or above the limit.
[[nodiscard]] Result<SecretBytes> pbkdf2_sha256(BytesView password, BytesView salt, std::uint64_t iterations,
                                                std::size_t size);

/// AES-128 in counter mode with a big-endian counter of 128 bits that starts at `iv`; the same call encrypts
/// and decrypts. `key` and `iv` have 16 bytes each (else the result is empty).
[[nodiscard]] SecretBytes aes128_ctr(BytesView key, BytesView iv, BytesView data);

}  // namespace ioswarm
