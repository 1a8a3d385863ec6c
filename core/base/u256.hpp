// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/multiprecision/cpp_int.hpp>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// 256-bit unsigned, wraps like the EVM's. Money (rau) is U256; sums of money are made in U512 or proven to
/// fit.
using U256 = boost::multiprecision::number<
    boost::multiprecision::cpp_int_backend<256, 256, boost::multiprecision::unsigned_magnitude,
                                           boost::multiprecision::unchecked, void>,
    boost::multiprecision::et_off>;
/// Holds any product of two U256.
using U512 = boost::multiprecision::number<
    boost::multiprecision::cpp_int_backend<512, 512, boost::multiprecision::unsigned_magnitude,
                                           boost::multiprecision::unchecked, void>,
    boost::multiprecision::et_off>;

/// Digits only, no sign, at most 78 of them; nothing when the number passes 2^256-1.
[[nodiscard]] std::optional<U256> u256_from_decimal(std::string_view text);
[[nodiscard]] std::string to_decimal(const U256& value);
/// Big-endian, at most 32 bytes.
[[nodiscard]] std::optional<U256> u256_from_big_endian(BytesView bytes);
/// Big-endian without leading zeros; empty for 0 (the form RLP wants).
[[nodiscard]] Bytes to_big_endian(const U256& value);
/// Big-endian, 32 bytes.
[[nodiscard]] Hash256 to_word(const U256& value);
/// "0x"-prefixed quantity without leading zeros, as JSON-RPC writes it ("0x0" for 0); accepts leading zeros.
[[nodiscard]] std::optional<U256> u256_from_quantity(std::string_view text);
[[nodiscard]] std::string to_quantity(const U256& value);

}  // namespace ioswarm
