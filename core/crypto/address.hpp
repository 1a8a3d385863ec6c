// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// "io1…": Bech32 (BIP-173) with prefix "io".
[[nodiscard]] std::string to_io(const Address& address);
/// "0x" and 40 hex digits whose case is the EIP-55 checksum.
[[nodiscard]] std::string to_checksum_hex(const Address& address);

/// Reads io1…, it1… or 0x…. Mixed-case hex must have the right EIP-55 case; all-lower and all-upper hex are
/// accepted too. Error invalid_argument says which form was tried and why it failed.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

}  // namespace ioswarm
