// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/ports/agent_link.hpp"
#include "proto/agent_port/agent_news.hpp"
#include "proto/agent_port/connection.hpp"

namespace ioswarm::proto {

/// Knows which agents are connected, tells the coordinator when the last connection of an agent has closed, and
/// tells AgentNews who joins and leaves. An agent is connected while it has a task stream or an open connection
/// on which it called. A proxy's connections carry many agents and stay open, or are opened again for each
/// call. So behind a proxy, and from loopback, only the task stream counts. Thread-safe; calls the coordinator
/// and the news without its lock.
class AgentPresence {
  public:
    /// Everything must outlive this object.
    AgentPresence(AgentLink& link, AgentNews& news, const ConnectionTable& table)
        : link_(link), news_(news), table_(table) {}

    /// The coordinator accepted a call of this agent. `address`: where the agent is, for the log.
    void heard(const std::string& id, const Connection& connection, const std::string& address, SteadyTime now);
    /// A task stream of the agent has begun. stream_closed() must follow.
    void stream_opened(const std::string& id, const std::string& address, SteadyTime now);
    /// The stream has ended. `removed` is set if the coordinator ended it because the agent must go, and says
    /// why; empty if the stream ended for another reason.
    void stream_closed(const std::string& id, const Connection& connection,
                       const std::optional<std::string>& removed, SteadyTime now);
    /// The connection was removed from the table.
    void connection_closed(const Connection& connection, SteadyTime now);

  private:
    /// Maximum number of pairs of an agent and a connection. Above this, an agent that only calls counts as
    /// live while its heartbeats are recent.
    static constexpr std::size_t kMaxPairs = 100'000;

    struct Agent {
        std::uint32_t streams = 0;
        std::vector<const Connection*> connections;
        std::string address;  ///< that of its newest call
    };
    using Agents = std::unordered_map<std::string, Agent>;

    /// Returns the agent's entry, and sets `is_new` if there was none. Call it with the lock, as the next two.
    Agent& entry(const std::string& id, const std::string& address, bool& is_new);
    /// Remembers that the agent called on the connection. Returns false if there is no room for that.
    bool note_connection(const std::string& id, Agent& agent, const Connection& connection);
    void forget(Agents::iterator agent);
    void tell_joined(const std::string& id, const std::string& address, SteadyTime now);
    void tell_left(const std::string& id, std::string address, std::string why, SteadyTime now);

    AgentLink& link_;
    AgentNews& news_;
    const ConnectionTable& table_;
    std::mutex mutex_;
    Agents agents_;  ///< guarded by mutex_, as are the members below
    std::unordered_map<const Connection*, std::vector<std::string>> by_connection_;
    std::size_t pairs_ = 0;  ///< entries of by_connection_
};

}  // namespace ioswarm::proto
