// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ioswarm::cli {

/// Parses decimal digits only, up to 2^64-1.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);
/// Parses YAML 1.1's words: true, yes, on and their opposites, in lower case, upper case or capitalised.
[[nodiscard]] std::optional<bool> parse_bool(std::string_view text);
/// Parses durations as Go writes them: "5s", "1m30s", "200ms", "1.5h". A bare number is in seconds. Returns
/// nothing for durations with a part below a millisecond.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// Parses a time as in RFC 3339: "2026-12-31T23:00:00Z", "2027-01-01T00:00:00.5+01:00". Fractions are dropped.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text);

/// The parts of "host:port".
struct HostPort {
    std::string host;  ///< without the brackets of an IPv6 address
    std::uint16_t port = 0;
};
/// Parses "host:port" or "[v6]:port". The port is 1..65535.
[[nodiscard]] std::optional<HostPort> parse_host_port(std::string_view text);
/// Whether the text is an IPv4 or IPv6 address, not a name.
[[nodiscard]] bool is_ip(std::string_view text);
/// The text that replaces a secret in output.
inline constexpr std::string_view kMask = "********";
/// Whether the text looks like an API key from keygen: "iosw_" and 64 lower-case hex digits.
[[nodiscard]] bool is_agent_key(std::string_view text);

}  // namespace ioswarm::cli
