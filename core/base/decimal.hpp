// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/u256.hpp"

namespace ioswarm {

/// An exact decimal as it stands in a configuration: unscaled / 10^scale. 0.1 is {1, 1}; never a double.
struct Decimal {
    U256 unscaled = 0;
    unsigned scale = 0;  ///< digits after the point, 0..18, trailing zeros removed

    bool operator==(const Decimal&) const = default;
};

/// "12", "0.5", "99.50"; no sign, no exponent, at most 18 digits after the point and 59 before it.
[[nodiscard]] std::optional<Decimal> parse_decimal(std::string_view text);
[[nodiscard]] std::string to_string(const Decimal& value);

inline constexpr unsigned kRauDigits = 18;  ///< 1 IOTX = 10^18 rau

/// The amount in rau of a decimal amount in IOTX; exact, since scale ≤ 18.
[[nodiscard]] U256 iotx_to_rau(const Decimal& iotx);
/// "0.45" for 450000000000000000: shortest exact form.
[[nodiscard]] std::string rau_to_iotx(const U256& rau);
/// Nearest double, for display only.
[[nodiscard]] double rau_to_iotx_double(const U256& rau);

}  // namespace ioswarm
