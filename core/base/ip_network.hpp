// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm {

/// An IP address: 16 bytes in network order. An IPv4 address is held as IPv4-mapped IPv6.
using IpBytes = std::array<std::uint8_t, 16>;

/// A range of addresses: "192.0.2.0/24", "2001:db8::/32", or one address without a slash.
class IpNetwork {
  public:
    /// Does not accept host names, so it never asks a name server. Error: invalid_argument.
    [[nodiscard]] static Result<IpNetwork> parse(std::string_view text);
    /// Reads several networks, separated by commas or spaces. A text without any gives an empty list. Error:
    /// invalid_argument.
    [[nodiscard]] static Result<std::vector<IpNetwork>> parse_list(std::string_view text);

    [[nodiscard]] bool contains(const IpBytes& address) const noexcept;

  private:
    IpBytes address_{};
    unsigned bits_ = 0;  ///< number of leading bits, of 128, that must be equal
};

/// Reads "192.0.2.1" or "2001:db8::1", without brackets. Error: invalid_argument.
[[nodiscard]] Result<IpBytes> parse_ip(const std::string& text);

/// "192.0.2.1" or "2001:db8::1", without brackets.
[[nodiscard]] std::string ip_text(const IpBytes& address);

/// The part of the address that identifies one customer: a whole IPv4 address, or the /64 of an IPv6 address.
[[nodiscard]] IpBytes network_of(const IpBytes& address) noexcept;

/// 127.0.0.0/8, also as IPv4-mapped IPv6, and ::1.
[[nodiscard]] bool is_loopback(const IpBytes& address) noexcept;
/// The same for the text of an address. False for a host name: it may mean any machine.
[[nodiscard]] bool is_loopback(std::string_view address);

/// True if at least one of the networks contains the address.
[[nodiscard]] bool contains(std::span<const IpNetwork> networks, const IpBytes& address) noexcept;

}  // namespace ioswarm
