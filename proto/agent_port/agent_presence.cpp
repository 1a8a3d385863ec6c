// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/agent_presence.hpp"

#include <algorithm>
#include <utility>

namespace ioswarm::proto {

AgentPresence::Agent& AgentPresence::entry(const std::string& id, const std::string& address, bool& is_new) {
    const auto [at, inserted] = agents_.try_emplace(id);
    is_new = inserted;
    at->second.address = address;
    return at->second;
}

bool AgentPresence::note_connection(const std::string& id, Agent& agent, const Connection& connection) {
    auto& held = agent.connections;
    if (std::find(held.begin(), held.end(), &connection) != held.end()) return true;
    if (pairs_ >= kMaxPairs) return false;
    held.push_back(&connection);
    by_connection_[&connection].push_back(id);
    ++pairs_;
    return true;
}

void AgentPresence::forget(Agents::iterator agent) {
    for (const Connection* connection : agent->second.connections) {
        const auto at = by_connection_.find(connection);
        pairs_ -= std::erase(at->second, agent->first);
        if (at->second.empty()) by_connection_.erase(at);
    }
    agents_.erase(agent);
}

void AgentPresence::heard(const std::string& id, const Connection& connection, const std::string& address,
                          SteadyTime now) {
    if (connection.is_from_proxy()) return;
    bool is_new = false;
    bool is_closed = false;
    {
        const std::lock_guard lock(mutex_);
        // connection_closed() comes after the removal from the table. So a connection that is in the table now
        // will be reported.
        is_closed = table_.find(connection.peer()).get() != &connection;
        if (!is_closed) {
            Agent& agent = entry(id, address, is_new);
            if (!note_connection(id, agent, connection) && is_new) {
                agents_.erase(id);
                is_new = false;
            }
        } else {
            is_closed = !agents_.contains(id);
        }
    }
    if (is_new) tell_joined(id, address, now);
    if (is_closed) link_.agent_gone(id);
}

void AgentPresence::stream_opened(const std::string& id, const std::string& address, SteadyTime now) {
    bool is_new = false;
    {
        const std::lock_guard lock(mutex_);
        ++entry(id, address, is_new).streams;
    }
    if (is_new) tell_joined(id, address, now);
}

void AgentPresence::stream_closed(const std::string& id, const Connection& connection,
                                  const std::optional<std::string>& removed, SteadyTime now) {
    std::string address;
    {
        const std::lock_guard lock(mutex_);
        const auto agent = agents_.find(id);
        if (agent == agents_.end()) return;
        if (agent->second.streams > 0) --agent->second.streams;
        if (agent->second.streams > 0 || (!removed && !agent->second.connections.empty())) return;
        address = std::exchange(agent->second.address, {});
        forget(agent);
    }
    const char* hung_up =
        connection.is_from_proxy() ? "its task stream was closed" : "its connection was closed";
    tell_left(id, std::move(address), removed.value_or(hung_up), now);
}

void AgentPresence::connection_closed(const Connection& connection, SteadyTime now) {
    std::vector<std::pair<std::string, std::string>> gone;  // ids and addresses
    {
        const std::lock_guard lock(mutex_);
        const auto at = by_connection_.find(&connection);
        if (at == by_connection_.end()) return;
        const std::vector<std::string> ids = std::move(at->second);
        by_connection_.erase(at);
        pairs_ -= ids.size();
        for (const std::string& id : ids) {
            const auto agent = agents_.find(id);
            std::erase(agent->second.connections, &connection);
            if (agent->second.streams > 0 || !agent->second.connections.empty()) continue;
            gone.emplace_back(id, agent->second.address);
            agents_.erase(agent);
        }
    }
    for (auto& [id, address] : gone)
        tell_left(id, std::move(address), "its connection was closed", now);
}

void AgentPresence::tell_joined(const std::string& id, const std::string& address, SteadyTime now) {
    news_.tell({AgentEvent::Kind::joined, id, address, {}}, now);
}

void AgentPresence::tell_left(const std::string& id, std::string address, std::string why, SteadyTime now) {
    link_.agent_gone(id);
    news_.tell({AgentEvent::Kind::left, id, std::move(address), std::move(why)}, now);
}

}  // namespace ioswarm::proto
