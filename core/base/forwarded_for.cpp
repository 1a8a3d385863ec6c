// SPDX-License-Identifier: Apache-2.0
#include "core/base/forwarded_for.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace ioswarm {
namespace {

/// Reads "192.0.2.1", "2001:db8::1" and, as some balancers write them, "192.0.2.1:4711" and
/// "[2001:db8::1]:4711".
std::optional<IpBytes> parse_hop(std::string_view hop) {
    const auto first = hop.find_first_not_of(" \t");
    if (first == std::string_view::npos) return std::nullopt;
    hop = hop.substr(first, hop.find_last_not_of(" \t") - first + 1);
    if (hop.front() == '[') {
        hop.remove_prefix(1);
        hop = hop.substr(0, hop.find(']'));
    } else if (std::count(hop.begin(), hop.end(), ':') == 1) {
        hop = hop.substr(0, hop.find(':'));
    }
    const auto address = parse_ip(std::string(hop));
    return address ? std::optional(*address) : std::nullopt;
}

/// Returns what stands before the next `end` outside of quotes, and removes it and `end` from `text`.
std::string_view cut_unquoted(std::string_view& text, char end) {
    bool quoted = false;
    std::size_t at = 0;
    for (; at < text.size() && (quoted || text[at] != end); ++at) {
        if (text[at] == '"') quoted = !quoted;
        if (quoted && text[at] == '\\') ++at;
    }
    const std::string_view out = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return out;
}

/// The value of "for" in one element of the header, without its quotes; empty if there is none.
std::string_view for_value(std::string_view element) {
    constexpr std::string_view kName = "for=";
    while (!element.empty()) {
        std::string_view pair = cut_unquoted(element, ';');
        pair.remove_prefix(std::min(pair.find_first_not_of(" \t"), pair.size()));
        const bool is_for = pair.size() > kName.size() && pair[3] == '=' && (pair[0] | 0x20) == 'f' &&
                            (pair[1] | 0x20) == 'o' && (pair[2] | 0x20) == 'r';
        if (!is_for) continue;
        std::string_view value = pair.substr(kName.size());
        if (value.front() != '"') return value;
        value.remove_prefix(1);
        return value.substr(0, value.find('"'));
    }
    return {};
}

}  // namespace

std::string forwarded_addresses(std::string_view forwarded) {
    std::string out;
    bool is_first = true;
    while (!forwarded.empty()) {
        if (!std::exchange(is_first, false)) out += ',';
        out += for_value(cut_unquoted(forwarded, ','));
    }
    return out;
}

std::optional<IpBytes> client_behind(const IpBytes& peer, std::string_view forwarded_for,
                                     std::span<const IpNetwork> proxies) {
    const auto is_proxy = [&](const IpBytes& address) {
        return is_loopback(address) || contains(proxies, address);
    };
    if (!is_proxy(peer)) return peer;
    // Each proxy appends the address that called it. Everything before that may be forged, so start at the end.
    while (!forwarded_for.empty()) {
        const auto comma = forwarded_for.rfind(',');
        const bool is_first = comma == std::string_view::npos;
        const auto hop = parse_hop(is_first ? forwarded_for : forwarded_for.substr(comma + 1));
        if (!hop) return std::nullopt;
        if (!is_proxy(*hop)) return hop;
        forwarded_for = is_first ? std::string_view() : forwarded_for.substr(0, comma);
    }
    return std::nullopt;
}

}  // namespace ioswarm
