// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace ioswarm::cli {

/// The JSON text of /swarm/agents as a table of at most 80 columns; with `all`, that of /swarm/agents?all=1.
/// Long ids are cut.
[[nodiscard]] std::string agents_table(std::string_view document, bool all,
                                       std::chrono::system_clock::time_point now);

/// The answers of serve about one agent, as JSON texts: those of /swarm/agents?all=1, /control/access?agent=ID
/// and /api/rewards?agent=ID.
struct AgentAnswers {
    std::string agents;
    std::string access;
    std::string rewards;
};
/// Writes the answers as lines of text for people.
[[nodiscard]] std::string agent_report(const std::string& id, const AgentAnswers& answers,
                                       std::chrono::system_clock::time_point now);
/// The same as one JSON document on one line.
[[nodiscard]] std::string agent_json(const std::string& id, const AgentAnswers& answers);

}  // namespace ioswarm::cli
