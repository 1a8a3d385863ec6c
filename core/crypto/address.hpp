// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// "io1…": Bech32 (BIP-173) with prefix "io".
[[nodiscard]] std::string to_io(const Address& address);
/// "0x" and 40 hex digits in EIP-55 case.
[[nodiscard]] std::string to_checksum_hex(const Address& address);

/// Reads io1… (it1… too) or 0x…. Mixed-case hex must carry the right EIP-55 case; all lower and all upper pass.
/// Error invalid_argument says which of the forms failed and why.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

}  // namespace ioswarm
