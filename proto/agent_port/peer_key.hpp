// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/socket.h>

#include "core/base/ip_network.hpp"

namespace ioswarm::proto {

/// Address and port of the other end of a connection. An IPv4 address is held as IPv4-mapped IPv6.
struct PeerKey {
    IpBytes address{};
    std::uint16_t port = 0;

    bool operator==(const PeerKey&) const = default;
    [[nodiscard]] bool is_loopback() const noexcept;
    /// The part of the address that identifies one customer: see network_of().
    [[nodiscard]] IpBytes network() const noexcept;
    /// "1.2.3.4:80" or "[::1]:80".
    [[nodiscard]] std::string text() const;

    /// Returns nothing when the address is neither IPv4 nor IPv6.
    [[nodiscard]] static std::optional<PeerKey> from(const sockaddr_storage& address);
    /// Reads the text of grpc::ServerContext::peer(): "ipv4:1.2.3.4:80", "ipv6:%5B::1%5D:80".
    [[nodiscard]] static std::optional<PeerKey> from_grpc_peer(std::string_view peer);
};

struct PeerKeyHash {
    std::size_t operator()(const PeerKey& key) const noexcept;
};

}  // namespace ioswarm::proto
