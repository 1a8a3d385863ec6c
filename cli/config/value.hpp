// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ioswarm::cli {

/// Decimal digits only, up to 2^64-1.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);
/// YAML 1.1's words: true, yes, on and their opposites, in lower case, upper case or with a capital.
[[nodiscard]] std::optional<bool> parse_bool(std::string_view text);
/// As Go writes durations: "5s", "1m30s", "200ms", "1.5h"; a bare number is seconds. Below a millisecond
/// nothing.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

struct HostPort {
    std::string host;  ///< without the brackets of an IPv6 address
    std::uint16_t port = 0;
};
/// "host:port" or "[v6]:port", port 1..65535.
[[nodiscard]] std::optional<HostPort> parse_host_port(std::string_view text);
/// An IPv4 or IPv6 address, no name.
[[nodiscard]] bool is_ip(std::string_view text);
/// 127.0.0.0/8 or ::1.
[[nodiscard]] bool is_loopback(std::string_view ip);
/// "http://…" or "https://…" with a host and nothing that is not visible ASCII.
[[nodiscard]] bool is_http_url(std::string_view text);
inline constexpr std::size_t kMaxUrls = 16;
/// The URLs of a text that has them with commas between, blanks around each left out; nothing when one is no
/// URL, or when there are more than kMaxUrls.
[[nodiscard]] std::optional<std::vector<std::string>> parse_http_urls(std::string_view text);
/// The same URL without "user:password@", for showing.
[[nodiscard]] std::string without_credentials(std::string_view url);
/// The same for a text of URLs with commas between.
[[nodiscard]] std::string urls_without_credentials(std::string_view text);
/// What the server takes as an agent id: 1 to 128 characters of visible ASCII.
[[nodiscard]] bool is_agent_id(std::string_view text);
/// What keygen prints as an API key: "iosw_" and 64 lower-case hex digits.
[[nodiscard]] bool is_agent_key(std::string_view text);

}  // namespace ioswarm::cli
