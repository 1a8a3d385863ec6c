// SPDX-License-Identifier: Apache-2.0
#include "core/auth/failed_logins.hpp"

#include <algorithm>
#include <utility>

#include <fmt/ranges.h>

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

/// `agent_id` is empty, or may be shown.
void FailedLogins::note_agent(Entry& entry, std::string_view agent_id) {
    if (agent_id.empty()) return;
    if (std::find(entry.agents.begin(), entry.agents.end(), agent_id) != entry.agents.end()) return;
    if (entry.agents.size() < kNamed) {
        entry.agents.emplace_back(agent_id);
    } else {
        entry.has_more_agents = true;
    }
}

void FailedLogins::failed(const IpBytes& address, std::string_view agent_id, std::string_view why, Time now) {
    std::uint64_t before = 0;
    std::uint64_t elsewhere = 0;
    bool is_limited = false;
    std::vector<std::string> agents;
    bool has_more_agents = false;
    const std::string id(claimed(agent_id));
    {
        const auto state = state_.lock();
        Entry& entry = state->addresses.of(address);
        (void)entry.tries.allow(now);
        is_limited = entry.tries.wait(now).count() > 0;
        if (entry.logged && now - *entry.logged < kLogEvery) {
            ++entry.unlogged;
            note_agent(entry, id);
            return;
        }
        if (!state->lines.allow(now)) {
            ++state->unlogged;
            note_agent(entry, id);
            return;
        }
        entry.logged = now;
        before = std::exchange(entry.unlogged, 0);
        agents = std::exchange(entry.agents, {});
        has_more_agents = std::exchange(entry.has_more_agents, false);
        elsewhere = std::exchange(state->unlogged, 0);
    }
    std::string more;
    if (before > 0) more += fmt::format("; {} more failures since the last line about this address", before);
    if (!agents.empty())
        more +=
            fmt::format("{} {}{} {}: {}", before > 0 ? ", of" : "; before, of",
                        has_more_agents ? "more than " : "", agents.size(),
                        agents.size() == 1 && !has_more_agents ? "agent" : "agents", fmt::join(agents, ", "));
    if (elsewhere > 0) more += fmt::format("; {} failures of other addresses were not logged", elsewhere);
    if (is_limited) more += "; too many failures, so for now only keys that worked before are taken from there";
    const std::string from = ip_text(address);
    LogFields fields{{"event", "refused"}, {"address", from}, {"reason", std::string(why)}};
    if (!id.empty()) fields.push_back({"id", id});
    if (!agents.empty()) fields.push_back({"others", fmt::format("{}", fmt::join(agents, ","))});
    log_.warn(fields, "{}: {}{} did not authenticate: {}{} (hint: ioswarm keygen makes the key of an agent)",
              where_, from, id.empty() ? "" : " as agent " + id, why, more);
}

std::uint64_t FailedLogins::addresses_dropped() const {
    return state_.lock()->addresses.dropped();
}

}  // namespace ioswarm
