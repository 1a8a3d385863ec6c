// SPDX-License-Identifier: Apache-2.0
#include "cli/config/urls.hpp"

#include <algorithm>
#include <set>

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

/// Masks one URL. A text without a scheme may be a URL with a mistake, so its secrets are masked, too.
std::string masked_url(std::string_view text) {
    const std::size_t scheme = text.find("://");
    const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
    const std::size_t end = std::min(text.find_first_of("/?#", host), text.size());
    std::string_view authority = text.substr(host, end - host);
    std::string out(text.substr(0, host));
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        out += kMask;
        authority.remove_prefix(at);
    }
    out += authority;
    if (end + 1 < text.size()) return out + fmt::format("/{}", kMask);
    return out.append(text.substr(end));
}

}  // namespace

bool is_http_url(std::string_view text) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!text.starts_with(scheme)) continue;
        const std::string_view rest = text.substr(scheme.size());
        return !rest.empty() && rest.front() != '/' && std::all_of(rest.begin(), rest.end(), is_visible_ascii);
    }
    return false;
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
    std::string out(url);
    const std::size_t host = out.find("://") + 3;
    const std::size_t at = out.rfind('@', out.find('/', host));
    if (at != std::string::npos && at > host) out.erase(host, at + 1 - host);
    const std::size_t path = std::min(out.find('/', host), out.size());
    std::transform(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(path), out.begin(), to_lower_ascii);
    const std::string_view port = out.starts_with("https") ? ":443" : ":80";
    if (std::string_view(out).substr(host, path - host).ends_with(port))
        out.erase(path - port.size(), port.size());
    while (out.ends_with('/'))
        out.pop_back();
    return out;
}

bool has_same_url_twice(const std::vector<std::string>& urls) {
    std::set<std::string> seen;
    return !std::ranges::all_of(
        urls, [&](const std::string& url) { return seen.insert(comparable_url(url)).second; });
}

std::string urls_without_credentials(std::string_view text) {
    std::string out;
    for_each_part(text, [&](std::string_view part) {
        if (!out.empty()) out += ", ";
        out += without_credentials(part);
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

std::string without_credentials(std::string_view url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) return std::string(url);
    const std::size_t host = scheme + 3;
    const std::size_t authority_end = std::min(url.find_first_of("/?#", host), url.size());
    const std::size_t at = url.substr(0, authority_end).rfind('@');
    if (at == std::string_view::npos || at < host) return std::string(url);
    return fmt::format("{}********{}", url.substr(0, host), url.substr(at));
}

}  // namespace ioswarm::cli
