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
/// Whether the text is "http://…" or "https://…" with a host, in visible ASCII only.
[[nodiscard]] bool is_http_url(std::string_view text);
inline constexpr std::size_t kMaxUrls = 16;
/// Parses comma-separated URLs, ignoring blanks around each. Returns nothing when a part is not a URL, or when
/// there are more than kMaxUrls.
[[nodiscard]] std::optional<std::vector<std::string>> parse_http_urls(std::string_view text);
/// Whether two of these URLs lead to the same server and path, however they are written. Credentials, upper
/// case in scheme and host, the scheme's own port and a '/' at the end make no difference.
[[nodiscard]] bool has_same_url_twice(const std::vector<std::string>& urls);
/// The URL without "user:password@", for display.
[[nodiscard]] std::string without_credentials(std::string_view url);
/// The same for comma-separated URLs.
[[nodiscard]] std::string urls_without_credentials(std::string_view text);
/// The text that replaces a secret in output.
inline constexpr std::string_view kMask = "********";
/// Comma-separated URLs for `config show`: passwords, paths and queries are masked, since providers of
/// endpoints put keys there. A path without content ("/") stays.
[[nodiscard]] std::string masked_urls(std::string_view text);
/// Whether the text looks like an API key from keygen: "iosw_" and 64 lower-case hex digits.
[[nodiscard]] bool is_agent_key(std::string_view text);

}  // namespace ioswarm::cli
