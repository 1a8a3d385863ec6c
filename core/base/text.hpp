// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ioswarm {

/// Makes text from outside safe for a log line or a terminal. Control bytes, DEL, bidirectional controls and
/// invalid UTF-8 become \xNN, and a backslash is doubled. Other printable Unicode is unchanged.
[[nodiscard]] std::string escape_for_display(std::string_view text);

[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

/// Formats a duration as Go's time.Duration does: "0s", "1.5s", "24h12m30s", "350ms", "2µs".
[[nodiscard]] std::string go_duration(std::chrono::nanoseconds value);

/// Formats a time in UTC with whole seconds: "2026-11-22T16:58:44Z".
[[nodiscard]] std::string rfc3339(std::chrono::system_clock::time_point time);
/// The inverse of rfc3339(). Returns nothing for any other form of text.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text);

/// Number of single-character edits (insert, delete, replace, swap of neighbours) from one word to the other,
/// at most `limit`. It is used for "did you mean".
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit = 4);

}  // namespace ioswarm
