// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/ip_network.hpp"

namespace ioswarm {

/// The address of the client that made a request, for limits per address. `peer` is the other end of the
/// connection. If that end is a proxy (a loopback address, or one in `proxies`), the client is the last address
/// in the header X-Forwarded-For (`forwarded_for`) that is not a proxy. The header of any other peer is
/// ignored, so a client that connects directly cannot pretend to have another address. The result is empty when
/// a proxy or a program on this machine sent the request and the header names no client. Then no limit per
/// address applies.
[[nodiscard]] std::optional<IpBytes> client_behind(const IpBytes& peer, std::string_view forwarded_for,
                                                   std::span<const IpNetwork> proxies);

/// The addresses of a header Forwarded (RFC 7239) in the form of X-Forwarded-For: `for=192.0.2.1;proto=http,
/// for="[2001:db8::1]:4711"` gives "192.0.2.1,[2001:db8::1]:4711". A proxy that names no address gives an empty
/// entry.
[[nodiscard]] std::string forwarded_addresses(std::string_view forwarded);

}  // namespace ioswarm
