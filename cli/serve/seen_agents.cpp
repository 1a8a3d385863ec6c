// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/seen_agents.hpp"

#include <algorithm>

namespace ioswarm::cli {
namespace {

bool heard_later(const AgentView& a, const AgentView& b) {
    return a.last_heartbeat != b.last_heartbeat ? a.last_heartbeat > b.last_heartbeat : a.id < b.id;
}

}  // namespace

void SeenAgents::note(const std::vector<AgentView>& agents, Time now) {
    const auto held = agents_.lock();
    for (const AgentView& agent : agents)
        (*held)[agent.id] = agent;
    std::erase_if(*held, [&](const auto& one) { return one.second.last_heartbeat < now - kRemembered; });
    if (held->size() <= most_) return;
    std::vector<AgentView> newest;
    newest.reserve(held->size());
    for (auto& [id, agent] : *held)
        newest.push_back(std::move(agent));
    std::nth_element(newest.begin(), newest.begin() + static_cast<std::ptrdiff_t>(most_), newest.end(),
                     heard_later);
    newest.resize(most_);
    held->clear();
    for (AgentView& agent : newest) {
        std::string id = agent.id;
        held->emplace(std::move(id), std::move(agent));
    }
}

std::vector<AgentView> SeenAgents::all(Time now) const {
    std::vector<AgentView> out;
    {
        const auto held = agents_.lock();
        for (const auto& [id, agent] : *held) {
            if (agent.last_heartbeat >= now - kRemembered) out.push_back(agent);
        }
    }
    std::sort(out.begin(), out.end(), heard_later);
    return out;
}

}  // namespace ioswarm::cli
