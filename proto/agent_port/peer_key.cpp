// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/peer_key.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace ioswarm::proto {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

bool PeerKey::is_loopback() const noexcept {
    return ioswarm::is_loopback(address);
}

IpBytes PeerKey::network() const noexcept {
    return network_of(address);
}

std::string PeerKey::text() const {
    const std::string host = ip_text(address);
    const bool is_v6 = host.find(':') != std::string::npos;
    return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<PeerKey> PeerKey::from(const sockaddr_storage& address) {
    PeerKey key;
    if (address.ss_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address, sizeof in);
        std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), key.address.begin());
        std::memcpy(key.address.data() + 12, &in.sin_addr, 4);
        key.port = ntohs(in.sin_port);
        return key;
    }
    if (address.ss_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &address, sizeof in);
        std::memcpy(key.address.data(), &in.sin6_addr, 16);
        key.port = ntohs(in.sin6_port);
        return key;
    }
    return std::nullopt;
}

std::optional<PeerKey> PeerKey::from_grpc_peer(std::string_view peer) {
    const auto colon = peer.rfind(':');
    if (peer.size() < 5 || colon == std::string_view::npos || colon < 5) return std::nullopt;
    PeerKey key;
    const auto port = peer.substr(colon + 1);
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), key.port);
    if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) return std::nullopt;

    std::string host(peer.substr(5, colon - 5));
    if (peer.starts_with("ipv4:")) {
        std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), key.address.begin());
        if (inet_pton(AF_INET, host.c_str(), key.address.data() + 12) != 1) return std::nullopt;
        return key;
    }
    if (!peer.starts_with("ipv6:")) return std::nullopt;
    if (host.starts_with("%5B")) host.erase(0, 3);
    if (host.starts_with("[")) host.erase(0, 1);
    // For a link-local address, the interface's name follows after an escaped '%'.
    host.erase(std::min(host.find_first_of("%]"), host.size()));
    if (inet_pton(AF_INET6, host.c_str(), key.address.data()) != 1) return std::nullopt;
    return key;
}

std::size_t PeerKeyHash::operator()(const PeerKey& key) const noexcept {
    return std::hash<std::string_view>{}(
               std::string_view(reinterpret_cast<const char*>(key.address.data()), key.address.size())) *
               31 +
           key.port;
}

}  // namespace ioswarm::proto
