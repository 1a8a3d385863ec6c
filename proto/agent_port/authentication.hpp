// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <grpcpp/support/string_ref.h>

#include "core/auth/access.hpp"
#include "core/auth/failed_logins.hpp"
#include "core/base/ip_network.hpp"
#include "core/base/log.hpp"
#include "core/base/proxy_list.hpp"
#include "core/base/result.hpp"
#include "proto/agent_port/peer_key.hpp"

namespace ioswarm::proto {

using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

/// Checks the credentials of calls, limits failures per client address, and logs them. An address that failed
/// too often gets an answer only for keys that worked before, so that working agents behind the same address
/// are not harmed. Calls from a proxy count for the client that the proxy names in x-forwarded-for, or without
/// that in forwarded; a proxy that names none, and programs on this machine, are not limited. Thread-safe.
class Authentication {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// `access` must outlive this object. `proxies`: those besides loopback.
    Authentication(const AccessControl& access, ProxyList proxies, Log log);

    /// The verified agent id; empty without a master secret. `peer` is the other end of the connection. Errors:
    /// unauthenticated and permission_denied as in AccessControl::check; resource_exhausted (too many
    /// failures).
    [[nodiscard]] Result<std::string> check(const Metadata& headers, const IpBytes& peer, Time now);

    /// The address of the client that calls, for the log: behind a proxy what the proxy names, else the other
    /// end of the connection with its port.
    [[nodiscard]] std::string client_text(const Metadata& headers, const PeerKey& peer) const;

    /// The agent id that the caller claims; empty if it claims none, or several.
    [[nodiscard]] static std::string claimed_id(const Metadata& headers);

    /// The number of addresses that were replaced in the full table of failures.
    [[nodiscard]] std::uint64_t addresses_dropped() const { return failures_.addresses_dropped(); }

  private:
    [[nodiscard]] std::optional<IpBytes> client_of(const Metadata& headers, const IpBytes& peer) const;

    const AccessControl& access_;
    const ProxyList proxies_;
    FailedLogins failures_;
};

}  // namespace ioswarm::proto
