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

/// True if the text looks like a keystore (a JSON object) rather than a hex key.
[[nodiscard]] bool looks_like_keystore(std::string_view text) noexcept;

/// Opens a keystore of Web3 Secret Storage version 3: scrypt or PBKDF2 with HMAC-SHA256, AES-128-CTR. The
/// password's bytes are used unchanged. (Other programs first convert it to Unicode form NFKC, which changes
/// few passwords.) If the keystore names an address, the key must belong to it, because only that reveals a
/// changed IV.
/// Errors: config (the text is not such a keystore, or asks for more than kdf.hpp allows; the reason says
/// which), unauthenticated (wrong password or damaged file), resource_exhausted (no memory for scrypt).
[[nodiscard]] Result<PrivateKey> open_keystore(std::string_view json, BytesView password);

/// What a keystore says about itself without the password. Nothing in it is proven before the keystore is
/// opened.
struct KeystoreInfo {
    std::optional<Address> address;
    std::string kdf;         ///< "scrypt" or "pbkdf2"
    std::string parameters;  ///< such as "n 262144, r 8, p 1" or "c 262144"
};
/// Error config: open_keystore() would reject this keystore at once.
[[nodiscard]] Result<KeystoreInfo> inspect_keystore(std::string_view json);

/// The default of Ethereum's own programs: 256 MiB and about a second.
inline constexpr ScryptCost kStandardScrypt{262'144, 8, 1};

/// Writes the key as a keystore (JSON text), encrypted under `password` with scrypt. Errors: unavailable (no
/// random numbers), and those of scrypt().
[[nodiscard]] Result<std::string> make_keystore(const PrivateKey& key, BytesView password,
                                                const ScryptCost& cost = kStandardScrypt);

/// Reads a key from 64 hex digits, with or without 0x. Error config: the text has another form, or is not a
/// valid key of secp256k1. The error never contains any part of the text.
[[nodiscard]] Result<PrivateKey> key_from_hex(std::string_view text);

/// Makes a new random key. Error unavailable: no random numbers.
[[nodiscard]] Result<PrivateKey> make_key();

}  // namespace ioswarm::contracts
