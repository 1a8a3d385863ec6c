// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ioswarm::cli {

/// Whether the text is "http://…" or "https://…" with a host, in visible ASCII only. A port must be a number.
[[nodiscard]] bool is_http_url(std::string_view text);
inline constexpr std::size_t kMaxUrls = 16;
/// Parses comma-separated URLs, ignoring blanks around each. Returns nothing when a part is not a URL, or when
/// there are more than kMaxUrls.
[[nodiscard]] std::optional<std::vector<std::string>> parse_http_urls(std::string_view text);
/// The URL in the one form that all ways to write it share: without credentials, upper case in scheme and host,
/// the scheme's own port, and slashes at the end of the path. `url` must pass is_http_url(). Not for
/// connecting.
[[nodiscard]] std::string comparable_url(std::string_view url);
/// Whether two of these URLs have the same comparable_url().
[[nodiscard]] bool has_same_url_twice(const std::vector<std::string>& urls);
/// The URL with ******** in place of "user:password", for display. A text without a scheme stays as it is. Also
/// for the text of an error that begins with a URL.
[[nodiscard]] std::string mask_credentials(std::string_view url);
/// The same for comma-separated URLs.
[[nodiscard]] std::string mask_credentials_of_urls(std::string_view text);
/// Comma-separated URLs for `config show`: passwords, paths and queries are masked, since providers of
/// endpoints put keys there. A path without content ("/") stays.
[[nodiscard]] std::string masked_urls(std::string_view text);

}  // namespace ioswarm::cli
