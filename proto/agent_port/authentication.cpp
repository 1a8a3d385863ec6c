// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/authentication.hpp"

#include <string_view>
#include <utility>

#include "core/base/forwarded_for.hpp"

namespace ioswarm::proto {
namespace {

std::string_view view_of(const grpc::string_ref& text) {
    return {text.data(), text.size()};
}

/// The value of a header that must not occur twice. Empty text if it is absent; empty optional if it occurs
/// several times.
std::optional<std::string_view> only(const Metadata& headers, const grpc::string_ref& name) {
    const auto [first, last] = headers.equal_range(name);
    if (first == last) return std::string_view();
    if (std::next(first) != last) return std::nullopt;
    return view_of(first->second);
}

/// All values of a header, in the order in which they were sent, as one list.
std::string joined(const Metadata& headers, const grpc::string_ref& name) {
    std::string out;
    const auto [first, last] = headers.equal_range(name);
    for (auto at = first; at != last; ++at) {
        if (!out.empty()) out += ',';
        out += view_of(at->second);
    }
    return out;
}

}  // namespace

Authentication::Authentication(const AccessControl& access, ProxyList proxies, Log log)
    : access_(access), proxies_(std::move(proxies)), failures_("port for agents", std::move(log)) {}

std::string Authentication::claimed_id(const Metadata& headers) {
    return std::string(only(headers, "x-ioswarm-agent-id").value_or(""));
}

std::optional<IpBytes> Authentication::client_of(const Metadata& headers, const IpBytes& peer) const {
    std::string hops = joined(headers, "x-forwarded-for");
    // A proxy that writes one of the two headers may pass on the other as its client wrote it. Most write this
    // one.
    if (hops.empty()) hops = forwarded_addresses(joined(headers, "forwarded"));
    return client_behind(peer, hops, *proxies_.networks());
}

std::string Authentication::client_text(const Metadata& headers, const PeerKey& peer) const {
    const auto client = client_of(headers, peer.address);
    return client && *client != peer.address ? ip_text(*client) : peer.text();
}

Result<std::string> Authentication::check(const Metadata& headers, const IpBytes& peer, Time now) {
    if (!access_.has_secret()) return std::string();
    const auto id = only(headers, "x-ioswarm-agent-id");
    const auto token = only(headers, "x-ioswarm-token");
    const auto client = client_of(headers, peer);
    const auto wait = client ? failures_.wait(*client, now) : std::chrono::nanoseconds::zero();
    if (wait.count() > 0 && !(id && token && access_.knows(*id, *token))) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait);
        return fail(ErrorCode::resource_exhausted, "cannot authenticate", ip_text(*client),
                    fmt::format("too many failed authentications from this address; try again in {} s",
                                seconds.count()));
    }
    const Status status = id && token ? access_.check(*id, *token)
                                      : Status(fail(ErrorCode::unauthenticated, "invalid auth token"));
    if (status) return std::string(*id);
    if (status.error().code == ErrorCode::unauthenticated)
        failures_.failed(client.value_or(peer), id.value_or(""), status.error().text(), now);
    return fail(status.error());
}

}  // namespace ioswarm::proto
