// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/http_guard.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/auth/counters.hpp"
#include "core/base/forwarded_for.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::size_t kAddresses = 4'096;
constexpr std::uint32_t kBurstSeconds = 4;
constexpr metrics::Family kRefused{"ioswarm_http_refused_total",
                                   "Requests to the monitoring API that got 429, by reason.", "reason"};
constexpr const char* kForwardedFor = "X-Forwarded-For";
constexpr const char* kAgentId = "X-Ioswarm-Agent-Id";
constexpr std::array<const char*, 2> kKeyHeaders{"X-Ioswarm-Token", "Authorization"};
constexpr std::array<std::string_view, 3> kHealthPaths{"/livez", "/readyz", "/healthz"};

HttpReply too_many(const HttpRequest& request, std::string_view what, std::chrono::nanoseconds wait) {
    const auto seconds = std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(wait).count(), 1);
    HttpReply reply;
    reply.status = 429;
    reply.body =
        fmt::format("{{\"error\":\"too many {} from your address; try again in {} s\"}}\n", what, seconds);
    reply.headers.emplace_back("Retry-After", std::to_string(seconds));
    if (request.path.starts_with("/api/")) reply.headers.emplace_back("Access-Control-Allow-Origin", "*");
    return reply;
}

AddressTable<RateLimiter> table_for(std::uint32_t per_second) {
    const std::uint32_t rate = std::max<std::uint32_t>(per_second, 1);
    return {kAddresses, RateLimiter(rate, rate * kBurstSeconds)};
}

bool shows_key(const HttpRequest& request) {
    return std::any_of(kKeyHeaders.begin(), kKeyHeaders.end(),
                       [&](const char* name) { return request.header(name) != nullptr; });
}

}  // namespace

HttpGuardCounters::HttpGuardCounters(const metrics::Registry& registry)
    : refused_rate(registry.counter("http_refused_rate", kRefused, "rate")),
      refused_auth(registry.counter("http_refused_auth", kRefused, "failed_auth")),
      unauthorized(registry.counter("http_unauthorized", {"ioswarm_http_unauthorized_total",
                                                          "Requests to the monitoring API with a wrong key."})),
      addresses_dropped(registry.counter("http_addresses_dropped", kLimitAddressesDropped, "http_requests")),
      failed_auth_addresses_dropped(
          registry.counter("http_failed_auth_addresses_dropped", kLimitAddressesDropped, "http_failed_auth")) {}

HttpGuard::HttpGuard(HttpGuardSettings settings, const Clock& clock, Log log, HttpServer::Handler next)
    : settings_(std::move(settings)),
      clock_(clock),
      next_(std::move(next)),
      per_second_(settings_.per_second),
      requests_(std::in_place, table_for(settings_.per_second)),
      failures_("monitoring API", std::move(log)),
      counters_(settings_.metrics),
      dropped_hook_(settings_.metrics.on_read([this] { count_dropped(); })) {}

HttpReply HttpGuard::handle(const HttpRequest& request) {
    const bool is_health =
        std::find(kHealthPaths.begin(), kHealthPaths.end(), request.path) != kHealthPaths.end();
    if (is_health) return next_(request);
    const auto now = clock_.steady();
    const auto client =
        client_behind(request.peer, request.header_list(kForwardedFor), *settings_.proxies.networks());
    if (client && per_second_ > 0) {
        auto requests = requests_.lock();
        RateLimiter& limiter = requests->of(*client);
        if (!limiter.allow(now)) {
            counters_.refused_rate.add();
            return too_many(request, "requests", limiter.wait(now));
        }
    }
    HttpReply reply = next_(request);
    // A request without a key only learns that it needs one. Only a wrong key counts as a failure.
    if (reply.status != 401 || !shows_key(request)) return reply;
    counters_.unauthorized.add();
    const auto wait = client ? failures_.wait(*client, now) : std::chrono::nanoseconds::zero();
    const std::string* id = request.header(kAgentId);
    failures_.failed(client.value_or(request.peer), id == nullptr ? std::string_view() : *id, "wrong key", now);
    if (wait.count() == 0) return reply;
    counters_.refused_auth.add();
    return too_many(request, "failed authentications", wait);
}

void HttpGuard::change_rate(std::uint32_t per_second) {
    const auto requests = requests_.lock();
    if (per_second_.exchange(per_second) == per_second) return;
    dropped_before_ += requests->dropped();
    *requests = table_for(per_second);
}

std::vector<std::string> HttpGuard::headers(std::vector<std::string> of_next) {
    of_next.insert(of_next.end(), {kForwardedFor, kAgentId});
    of_next.insert(of_next.end(), kKeyHeaders.begin(), kKeyHeaders.end());
    return of_next;
}

void HttpGuard::count_dropped() const {
    {
        const auto requests = requests_.lock();
        counters_.addresses_dropped.raise_to(dropped_before_ + requests->dropped());
    }
    counters_.failed_auth_addresses_dropped.raise_to(failures_.addresses_dropped());
}

}  // namespace ioswarm::cli
