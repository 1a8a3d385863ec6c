// SPDX-License-Identifier: Apache-2.0
#include "core/base/ip_network.hpp"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

#include "core/base/try.hpp"

namespace ioswarm {
namespace {

constexpr unsigned kBits = 128;
constexpr unsigned kMappedBits = 96;  ///< bits before the 32 bits of an IPv4 address

bool is_ipv4(const IpBytes& address) {
    constexpr std::array<std::uint8_t, kMappedBits / 8> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin());
}

tl::unexpected<Error> no_network(std::string_view text) {
    return fail(ErrorCode::invalid_argument, "cannot read the address", std::string(text),
                "it is not an IP address or a network such as 192.0.2.0/24");
}

}  // namespace

Result<IpBytes> parse_ip(const std::string& text) {
    IpBytes out{};
    if (::inet_pton(AF_INET6, text.c_str(), out.data()) == 1) return out;
    out = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (::inet_pton(AF_INET, text.c_str(), out.data() + 12) == 1) return out;
    return no_network(text);
}

Result<IpNetwork> IpNetwork::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string host(text.substr(0, slash));
    const auto address = parse_ip(host);
    if (!address) return no_network(text);
    IpNetwork out;
    out.address_ = *address;
    out.bits_ = kBits;
    if (slash == std::string_view::npos) return out;
    const std::string_view digits = text.substr(slash + 1);
    const unsigned most = host.find(':') == std::string::npos ? kBits - kMappedBits : kBits;
    unsigned bits = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size() || bits > most)
        return no_network(text);
    out.bits_ = kBits - most + bits;
    return out;
}

Result<std::vector<IpNetwork>> IpNetwork::parse_list(std::string_view text) {
    constexpr std::string_view kBetween = ", \t";
    std::vector<IpNetwork> out;
    for (;;) {
        text.remove_prefix(std::min(text.find_first_not_of(kBetween), text.size()));
        if (text.empty()) return out;
        const std::string_view one = text.substr(0, text.find_first_of(kBetween));
        IOSWARM_TRY(auto network, parse(one));
        out.push_back(network);
        text.remove_prefix(one.size());
    }
}

bool IpNetwork::contains(const IpBytes& address) const noexcept {
    const unsigned whole = bits_ / 8;
    if (!std::equal(address.begin(), address.begin() + whole, address_.begin())) return false;
    const unsigned rest = bits_ % 8;
    return rest == 0 || (address[whole] ^ address_[whole]) >> (8 - rest) == 0;
}

std::string ip_text(const IpBytes& address) {
    const bool is_mapped = is_ipv4(address);
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    ::inet_ntop(is_mapped ? AF_INET : AF_INET6, address.data() + (is_mapped ? kMappedBits / 8 : 0),
                buffer.data(), buffer.size());
    return buffer.data();
}

IpBytes network_of(const IpBytes& address) noexcept {
    IpBytes out = address;
    if (!is_ipv4(address)) std::fill(out.begin() + 8, out.end(), std::uint8_t{0});
    return out;
}

bool is_loopback(const IpBytes& address) noexcept {
    constexpr std::array<std::uint8_t, 13> kMapped127{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    constexpr IpBytes kOne{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return std::equal(kMapped127.begin(), kMapped127.end(), address.begin()) || address == kOne;
}

bool is_loopback(std::string_view address) {
    const auto parsed = parse_ip(std::string(address));
    return parsed && is_loopback(*parsed);
}

bool contains(std::span<const IpNetwork> networks, const IpBytes& address) noexcept {
    return std::any_of(networks.begin(), networks.end(),
                       [&](const IpNetwork& network) { return network.contains(address); });
}

}  // namespace ioswarm
