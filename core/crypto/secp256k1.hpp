// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// An uncompressed public key: 0x04, x, y.
using PublicKey = FixedBytes<65, struct PublicKeyTag>;
/// r ‖ s ‖ v, where v is the recovery id, 0 or 1. Formats that add 27 or more to v do so in their own code.
using Signature = FixedBytes<65, struct SignatureTag>;

/// A secret scalar. It is wiped on destruction and never printed.
class PrivateKey {
  public:
    /// Error invalid_argument: not 32 bytes, zero, or not below the group order.
    [[nodiscard]] static Result<PrivateKey> from(BytesView bytes);
    ~PrivateKey();
    PrivateKey(const PrivateKey&) = default;
    PrivateKey& operator=(const PrivateKey&) = default;

    [[nodiscard]] PublicKey public_key() const;
    [[nodiscard]] Address address() const;
    /// A deterministic signature (RFC 6979) with low s.
    [[nodiscard]] Signature sign(const Hash256& digest) const;
    [[nodiscard]] BytesView bytes() const noexcept { return scalar_; }

  private:
    PrivateKey() = default;
    std::array<std::uint8_t, 32> scalar_{};
};

/// The public key that made `signature` over `digest`; empty if there is none. Accepts high s.
[[nodiscard]] std::optional<PublicKey> recover(const Hash256& digest, const Signature& signature);

/// Last 20 bytes of keccak256(key without its first byte).
[[nodiscard]] Address address_of(const PublicKey& key);

}  // namespace ioswarm
