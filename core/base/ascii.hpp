// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ioswarm {

// These do not depend on the locale, unlike those of <cctype>, and leave all bytes that are not ASCII alone.

[[nodiscard]] constexpr bool is_upper_ascii(char c) noexcept {
    return c >= 'A' && c <= 'Z';
}
[[nodiscard]] constexpr bool is_lower_ascii(char c) noexcept {
    return c >= 'a' && c <= 'z';
}
[[nodiscard]] constexpr char to_lower_ascii(char c) noexcept {
    return is_upper_ascii(c) ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] constexpr char to_upper_ascii(char c) noexcept {
    return is_lower_ascii(c) ? static_cast<char>(c - 'a' + 'A') : c;
}

/// 0x21 to 0x7e: no blank and no control character.
[[nodiscard]] constexpr bool is_visible_ascii(char c) noexcept {
    return c >= 0x21 && c <= 0x7e;
}

/// The value of a hex digit, or -1.
[[nodiscard]] constexpr int hex_digit_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = to_lower_ascii(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace ioswarm
