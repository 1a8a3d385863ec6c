// SPDX-License-Identifier: Apache-2.0
#include "cli/config/urls.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "cli/config/value.hpp"
#include "core/base/ascii.hpp"

namespace ioswarm::cli {
namespace {

/// Calls `each` with every part of a comma-separated text, without the blanks around the part.
template <typename Each>
void for_each_part(std::string_view text, Each each) {
    constexpr std::string_view kBlanks = " \t";
    for (bool more = true; more;) {
        const std::size_t comma = text.find(',');
        more = comma != std::string_view::npos;
        std::string_view part = text.substr(0, comma);
        part.remove_prefix(std::min(part.find_first_not_of(kBlanks), part.size()));
        part = part.substr(0, part.find_last_not_of(kBlanks) + 1);
        each(part);
        if (more) text.remove_prefix(comma + 1);
    }
}

/// The authority of a URL: "user:password@host:port".
struct Authority {
    std::size_t begin = 0;  ///< behind "://", or 0 without a scheme
    std::size_t host = 0;   ///< behind the last '@', or `begin`
    std::size_t end = 0;    ///< where path, query or fragment begin
};

Authority authority_of(std::string_view url) {
    Authority out;
    const std::size_t scheme = url.find("://");
    out.begin = scheme == std::string_view::npos ? 0 : scheme + 3;
    out.end = std::min(url.find_first_of("/?#", out.begin), url.size());
    const std::size_t at = url.substr(out.begin, out.end - out.begin).rfind('@');
    out.host = at == std::string_view::npos ? out.begin : out.begin + at + 1;
    return out;
}

/// The host, and the text behind its ':'. An IPv6 address is in brackets.
std::pair<std::string_view, std::optional<std::string_view>> host_and_port(std::string_view text) {
    const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
    const std::size_t colon = bracket == std::string_view::npos ? bracket : text.find(':', bracket);
    if (colon == std::string_view::npos) return {text, std::nullopt};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

/// An empty port is the scheme's own.
std::optional<std::uint16_t> port_number(std::string_view text, std::uint16_t own) {
    if (text.empty()) return own;
    std::uint16_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

/// Where a URL's user and password end: at the '@' before the host. A password with a raw '/', '?' or '#' looks
/// like a host with a wrong port, or like a path with an '@', so everything up to the last '@' counts then.
/// Without any '@' such a text counts as a password up to the end of the authority. Equals `begin` when there
/// are none.
std::size_t credentials_end(std::string_view url, const Authority& where) {
    if (where.host != where.begin) return where.host - 1;
    const auto [host, port] = host_and_port(url.substr(where.begin, where.end - where.begin));
    if (!port) return where.begin;
    const std::size_t at = url.rfind('@');
    if (at != std::string_view::npos && at >= where.end) return at;
    return port_number(*port, 0) ? where.begin : where.end;
}

/// Hides the user and password, and any path or query, because providers of endpoints put keys there. A text
/// without a scheme may be a URL with a mistake, so its secrets are hidden, too.
std::string masked_url(std::string_view text) {
    const Authority where = authority_of(text);
    const std::size_t secret_end = credentials_end(text, where);
    std::string out(text.substr(0, where.begin));
    if (secret_end != where.begin) out += kMask;
    const std::size_t end = std::min(text.find_first_of("/?#", secret_end), text.size());
    out += text.substr(secret_end, end - secret_end);
    if (end + 1 < text.size()) return out + fmt::format("/{}", kMask);
    return out.append(text.substr(end));
}

}  // namespace

bool is_http_url(std::string_view text) {
    if (!text.starts_with("http://") && !text.starts_with("https://")) return false;
    if (!std::ranges::all_of(text, is_visible_ascii)) return false;
    const Authority where = authority_of(text);
    const auto [host, port] = host_and_port(text.substr(where.host, where.end - where.host));
    return !host.empty() && (!port || port_number(*port, 0));
}

std::optional<std::vector<std::string>> parse_http_urls(std::string_view text) {
    std::vector<std::string> out;
    bool good = true;
    for_each_part(text, [&](std::string_view part) {
        good = good && out.size() < kMaxUrls && is_http_url(part);
        if (good) out.emplace_back(part);
    });
    if (!good) return std::nullopt;
    return out;
}

std::string comparable_url(std::string_view url) {
    const Authority where = authority_of(url);
    const std::string_view scheme = url.substr(0, where.begin);
    const auto [host, port] = host_and_port(url.substr(where.host, where.end - where.host));
    std::string out = std::string(scheme) + std::string(host);
    std::ranges::transform(out, out.begin(), to_lower_ascii);
    const std::uint16_t own = out.starts_with("https") ? 443 : 80;
    const std::uint16_t number = port_number(port.value_or(""), own).value_or(0);
    if (number != own) out += fmt::format(":{}", number);
    const std::size_t path_end = std::min(url.find_first_of("?#", where.end), url.size());
    std::string_view path = url.substr(where.end, path_end - where.end);
    while (path.ends_with('/'))
        path.remove_suffix(1);
    return out.append(path).append(url.substr(path_end));
}

bool has_same_url_twice(const std::vector<std::string>& urls) {
    std::set<std::string> seen;
    return !std::ranges::all_of(
        urls, [&](const std::string& url) { return seen.insert(comparable_url(url)).second; });
}

std::string mask_credentials_of_urls(std::string_view text) {
    std::string out;
    for_each_part(text, [&](std::string_view part) {
        if (!out.empty()) out += ", ";
        out += mask_credentials(part);
    });
    return out;
}

std::string masked_urls(std::string_view text) {
    std::string out;
    for_each_part(text, [&](std::string_view part) {
        if (!out.empty()) out += ", ";
        out += masked_url(part);
    });
    return out;
}

std::string mask_credentials(std::string_view url) {
    const Authority where = authority_of(url);
    if (where.begin == 0) return std::string(url);
    // In the text of an error the ':' behind a host begins an explanation, not a password.
    const bool is_whole_url = std::ranges::all_of(url, is_visible_ascii);
    if (where.host == where.begin && !is_whole_url) return std::string(url);
    const std::size_t secret_end = credentials_end(url, where);
    if (secret_end == where.begin) return std::string(url);
    return fmt::format("{}{}{}", url.substr(0, where.begin), kMask, url.substr(secret_end));
}

}  // namespace ioswarm::cli
