// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace ioswarm {

/// Text from outside made safe for a log line or a terminal: control bytes, DEL, and whatever is not valid
/// UTF-8 become \xNN; a backslash is doubled. Printable Unicode passes.
[[nodiscard]] std::string escape_for_display(std::string_view text);

[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

/// As Go's time.Duration prints: "0s", "1.5s", "24h12m30s", "350ms", "2µs".
[[nodiscard]] std::string go_duration(std::chrono::nanoseconds value);

/// "2026-11-22T16:58:44Z", UTC, whole seconds.
[[nodiscard]] std::string rfc3339(std::chrono::system_clock::time_point time);

/// Number of single-character edits (insert, delete, replace, swap of neighbours) from one word to the other;
/// used for "did you mean". Stops counting at `limit`.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit = 4);

}  // namespace ioswarm
