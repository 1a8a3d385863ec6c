// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/multiprecision/cpp_int.hpp>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// A 256-bit unsigned integer that wraps as the EVM's does. Amounts of money (rau) are U256. Sums of money are
/// either computed in U512 or proven to fit.
using U256 = boost::multiprecision::number<
    boost::multiprecision::cpp_int_backend<256, 256, boost::multiprecision::unsigned_magnitude,
                                           boost::multiprecision::unchecked, void>,
    boost::multiprecision::et_off>;
/// Large enough for any product of two U256.
using U512 = boost::multiprecision::number<
    boost::multiprecision::cpp_int_backend<512, 512, boost::multiprecision::unsigned_magnitude,
                                           boost::multiprecision::unchecked, void>,
    boost::multiprecision::et_off>;

/// Accepts 1 to 78 digits and no sign. Empty if the number is larger than 2^256-1.
[[nodiscard]] std::optional<U256> u256_from_decimal(std::string_view text);
[[nodiscard]] std::string to_decimal(const U256& value);
/// Reads big-endian bytes, at most 32 of them.
[[nodiscard]] std::optional<U256> u256_from_big_endian(BytesView bytes);
/// Big-endian without leading zeros; empty for 0. RLP encodes numbers this way.
[[nodiscard]] Bytes to_big_endian(const U256& value);
/// Big-endian, always 32 bytes.
[[nodiscard]] Hash256 to_word(const U256& value);
/// Reads a JSON-RPC quantity: "0x" and hex digits. Leading zeros are accepted.
[[nodiscard]] std::optional<U256> u256_from_quantity(std::string_view text);
[[nodiscard]] std::string to_quantity(const U256& value);

}  // namespace ioswarm
