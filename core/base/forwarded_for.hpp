// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/base/ip_network.hpp"

namespace ioswarm {

/// The address of the client that made a request, for limits per address. `peer` is the other end of the
/// connection. If that is a proxy (loopback, or in `proxies`), the client is the last address in the header
/// X-Forwarded-For that is no proxy. Clients that connect directly cannot name another address. Empty: a proxy
/// or a program on this machine made the request and names no client, so there is nobody to limit.
[[nodiscard]] std::optional<IpBytes> client_behind(const IpBytes& peer, std::string_view forwarded_for,
                                                   std::span<const IpNetwork> proxies);

}  // namespace ioswarm
