// SPDX-License-Identifier: Apache-2.0
#include "core/auth/failed_logins.hpp"

#include <utility>

#include "core/auth/access.hpp"
#include "core/crypto/hmac.hpp"

namespace ioswarm {
namespace {

constexpr std::chrono::minutes kLogEvery{1};

/// Returns the claimed id if the log may show it, otherwise nothing. A client may send anything as its id, for
/// example its key by mistake.
std::string_view claimed(std::string_view agent_id) {
    const bool has_key = agent_id.find(kAgentTokenPrefix) != std::string_view::npos ||
                         agent_id.find(kViewerTokenPrefix) != std::string_view::npos;
    return is_valid_agent_id(agent_id) && !has_key ? agent_id : std::string_view();
}

}  // namespace

FailedLogins::FailedLogins(std::string where, Log log) : where_(std::move(where)), log_(std::move(log)) {}

std::chrono::nanoseconds FailedLogins::wait(const IpBytes& address, Time now) const {
    const auto state = state_.lock();
    const Entry* entry = std::as_const(state->addresses).find(address);
    return entry == nullptr ? std::chrono::nanoseconds::zero() : entry->tries.wait(now);
}

void FailedLogins::failed(const IpBytes& address, std::string_view agent_id, std::string_view why, Time now) {
    std::uint64_t before = 0;
    std::uint64_t elsewhere = 0;
    bool is_limited = false;
    {
        const auto state = state_.lock();
        Entry& entry = state->addresses.of(address);
        (void)entry.tries.allow(now);
        is_limited = entry.tries.wait(now).count() > 0;
        if (entry.logged && now - *entry.logged < kLogEvery) {
            ++entry.unlogged;
            return;
        }
        if (!state->lines.allow(now)) {
            ++state->unlogged;
            return;
        }
        entry.logged = now;
        before = std::exchange(entry.unlogged, 0);
        elsewhere = std::exchange(state->unlogged, 0);
    }
    std::string more;
    if (before > 0) more += fmt::format("; {} more failures since the last line about this address", before);
    if (elsewhere > 0) more += fmt::format("; {} failures of other addresses were not logged", elsewhere);
    if (is_limited) more += "; too many failures, so for now only keys that worked before are taken from there";
    const std::string id(claimed(agent_id));
    const std::string from = ip_text(address);
    LogFields fields{{"event", "refused"}, {"address", from}, {"reason", std::string(why)}};
    if (!id.empty()) fields.push_back({"id", id});
    log_.warn(fields, "{}: {}{} did not authenticate: {}{} (hint: ioswarm keygen makes the key of an agent)",
              where_, from, id.empty() ? "" : " as agent " + id, why, more);
}

std::uint64_t FailedLogins::addresses_dropped() const {
    return state_.lock()->addresses.dropped();
}

}  // namespace ioswarm
