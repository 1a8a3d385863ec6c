// SPDX-License-Identifier: Apache-2.0
#include "core/base/decimal.hpp"

#include <cstdlib>

namespace ioswarm {
namespace {

constexpr std::size_t kMaxWholeDigits = 59;  // 10^59 · 10^18 < 2^256

U256 power_of_ten(unsigned exponent) {
    U256 out = 1;
    for (unsigned i = 0; i < exponent; ++i)
        out *= 10;
    return out;
}

}  // namespace

std::optional<Decimal> parse_decimal(std::string_view text) {
    const std::size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    std::string_view fraction = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
    if (whole.empty() || whole.size() > kMaxWholeDigits) return std::nullopt;
    if (point != std::string_view::npos && fraction.empty()) return std::nullopt;
    while (fraction.ends_with('0'))
        fraction.remove_suffix(1);
    if (fraction.size() > kRauDigits) return std::nullopt;
    const auto unscaled = u256_from_decimal(std::string(whole) + std::string(fraction));
    if (!unscaled) return std::nullopt;
    return Decimal{*unscaled, static_cast<unsigned>(fraction.size())};
}

std::string to_string(const Decimal& value) {
    std::string digits = to_decimal(value.unscaled);
    if (value.scale == 0) return digits;
    if (digits.size() <= value.scale) digits.insert(0, value.scale + 1 - digits.size(), '0');
    digits.insert(digits.size() - value.scale, 1, '.');
    return digits;
}

U256 iotx_to_rau(const Decimal& iotx) {
    return iotx.unscaled * power_of_ten(kRauDigits - iotx.scale);
}

std::string rau_to_iotx(const U256& rau) {
    Decimal value{rau, kRauDigits};
    while (value.scale > 0 && value.unscaled % 10 == 0) {
        value.unscaled /= 10;
        --value.scale;
    }
    return to_string(value);
}

double rau_to_iotx_double(const U256& rau) {
    return std::strtod(rau_to_iotx(rau).c_str(), nullptr);
}

}  // namespace ioswarm
