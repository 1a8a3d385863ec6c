// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "core/auth/failed_logins.hpp"
#include "core/base/address_table.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/proxy_list.hpp"
#include "core/base/rate_limiter.hpp"
#include "core/net/http_server.hpp"
#include "core/ports/clock.hpp"

namespace ioswarm::cli {

struct HttpGuardSettings {
    std::uint32_t per_second = 50;  ///< requests per second and address; 0 = no limit
    ProxyList proxies;              ///< besides loopback
    metrics::Registry metrics;      ///< see HttpGuardCounters
};

/// What an HttpGuard counts.
struct HttpGuardCounters {
    explicit HttpGuardCounters(const metrics::Registry& registry);

    metrics::Counter refused_rate, refused_auth;  ///< requests that got 429
    metrics::Counter unauthorized;                ///< requests with a wrong key
    // Addresses that were replaced in a full table: that of the requests, and that of the wrong keys.
    metrics::Counter addresses_dropped, failed_auth_addresses_dropped;
};

/// Limits the requests to the monitoring API per client address. An address may make four times `per_second`
/// requests at once, and `per_second` per second from then on. Above that it gets 429 with Retry-After. Wrong
/// credentials are logged and limited by FailedLogins; above its limit they get 429 instead of 401. Correct
/// credentials always work. The health checks (/livez, /readyz, /healthz) are not limited, and neither are
/// programs on this machine and proxies that name no client in X-Forwarded-For. The table holds 4,096
/// addresses; a new one replaces the one whose last request is the longest ago. Thread-safe.
class HttpGuard {
  public:
    /// `clock` must outlive this object. `next` answers the requests that are within the limits.
    HttpGuard(HttpGuardSettings settings, const Clock& clock, Log log, HttpServer::Handler next);

    [[nodiscard]] HttpReply handle(const HttpRequest& request);
    /// Takes another HttpGuardSettings::per_second. Every address then starts with a full allowance.
    void change_rate(std::uint32_t per_second);
    /// Adds the names of the request headers that handle() reads to those that `next` reads.
    [[nodiscard]] static std::vector<std::string> headers(std::vector<std::string> of_next);

  private:
    void count_dropped() const;

    const HttpGuardSettings settings_;
    const Clock& clock_;
    const HttpServer::Handler next_;
    std::atomic<std::uint32_t> per_second_;
    Guarded<AddressTable<RateLimiter>> requests_;
    std::atomic<std::uint64_t> dropped_before_{0};  ///< addresses dropped from the tables of earlier rates
    FailedLogins failures_;
    const HttpGuardCounters counters_;
    metrics::ReadHook dropped_hook_;  // declared last: its function uses this object
};

}  // namespace ioswarm::cli
