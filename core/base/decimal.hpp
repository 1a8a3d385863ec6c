// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/u256.hpp"

namespace ioswarm {

/// An exact decimal number from a configuration file: unscaled / 10^scale. For example, 0.1 is {1, 1}. A double
/// could not hold it exactly.
struct Decimal {
    U256 unscaled = 0;
    unsigned scale = 0;  ///< digits after the point, 0..18, trailing zeros removed

    bool operator==(const Decimal&) const = default;
};

/// Reads "12", "0.5", "99.50". Allows no sign, no exponent, at most 59 digits before the point and 18 after it.
[[nodiscard]] std::optional<Decimal> parse_decimal(std::string_view text);
[[nodiscard]] std::string to_string(const Decimal& value);

inline constexpr unsigned kRauDigits = 18;  ///< 1 IOTX = 10^18 rau

/// Converts an amount in IOTX to rau. It is exact because scale ≤ 18.
[[nodiscard]] U256 iotx_to_rau(const Decimal& iotx);
/// The shortest exact form in IOTX: "0.45" for 450000000000000000.
[[nodiscard]] std::string rau_to_iotx(const U256& rau);
/// The nearest double, for display only.
[[nodiscard]] double rau_to_iotx_double(const U256& rau);

}  // namespace ioswarm
