// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/crypto/kdf.hpp"
#include "core/crypto/secp256k1.hpp"

namespace ioswarm::contracts {

inline constexpr std::size_t kMaxKeystoreBytes = std::size_t{64} << 10U;

/// True when the text looks like a keystore (a JSON object) and not like a hex key.
[[nodiscard]] bool looks_like_keystore(std::string_view text) noexcept;

/// Opens a keystore of Web3 Secret Storage version 3: scrypt or PBKDF2 with HMAC-SHA256, AES-128-CTR. The
/// password's bytes are used as they are (other programs bring it into Unicode's form NFKC first, which changes
/// few). Errors: config (the text is not such a keystore, or asks for more than kdf.hpp allows: the reason says
/// what), unauthenticated (wrong password or damaged file), resource_exhausted (no memory for scrypt). Where
/// the keystore names an address, the key must be that address's: a changed IV shows only there.
[[nodiscard]] Result<PrivateKey> open_keystore(std::string_view json, BytesView password);

/// What a keystore says of itself without its password. Nothing of it is proven before the keystore is opened.
struct KeystoreInfo {
    std::optional<Address> address;
    std::string kdf;         ///< "scrypt" or "pbkdf2"
    std::string parameters;  ///< "n 262144, r 8, p 1", "c 262144"
};
/// Error config: no keystore that open_keystore() would try.
[[nodiscard]] Result<KeystoreInfo> inspect_keystore(std::string_view json);

/// What Ethereum's own programs use by default: 256 MiB and about a second.
inline constexpr ScryptCost kStandardScrypt{262'144, 8, 1};

/// The key as a keystore (JSON text), encrypted under `password` with scrypt. Errors: unavailable (no random
/// numbers), those of scrypt().
[[nodiscard]] Result<std::string> make_keystore(const PrivateKey& key, BytesView password,
                                                const ScryptCost& cost = kStandardScrypt);

/// A key from 64 hex digits, with or without 0x. Error config: not such a text, or no key of secp256k1. The
/// error never holds any part of the text.
[[nodiscard]] Result<PrivateKey> key_from_hex(std::string_view text);

/// A new random key. Error unavailable: no random numbers.
[[nodiscard]] Result<PrivateKey> make_key();

}  // namespace ioswarm::contracts
