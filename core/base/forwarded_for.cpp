// SPDX-License-Identifier: Apache-2.0
#include "core/base/forwarded_for.hpp"

#include <algorithm>
#include <string>

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

}  // namespace

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
