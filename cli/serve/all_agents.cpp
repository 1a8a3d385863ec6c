// SPDX-License-Identifier: Apache-2.0
// /swarm/agents?all=1: the agents of the last 24 hours, also those that have left, with what is not paid yet.
#include <chrono>
#include <set>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "cli/serve/json_reply.hpp"
#include "cli/serve/monitor_api.hpp"
#include "core/base/decimal.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace every_agent {
namespace {

using Json = nlohmann::ordered_json;

/// The ledger is read once per agent that has left.
constexpr std::size_t kMaxLedgerReads = 1'000;

Json agent_document(const AgentView& agent, bool online) {
    return {{"id", agent.id},
            {"online", online},
            {"region", agent.region},
            {"version", agent.version},
            {"level", to_string(agent.level)},
            {"tasks_processed", agent.tasks_processed},
            {"tasks_pending", online ? agent.tasks_pending : 0},
            {"last_heartbeat", rfc3339(agent.last_heartbeat)}};
}

}  // namespace
}  // namespace every_agent

/// Rewards of closed epochs that wait for settlement. 0 when the ledger cannot be read now.
U256 MonitorApi::unpaid_rau(const std::string& agent_id) const {
    U256 sum = 0;
    const Result<RewardsView> view = monitor_.rewards(agent_id);
    if (!view) return sum;
    for (const RewardHistoryEntry& entry : view->history) {
        if (entry.waits) sum += entry.amount_rau;
    }
    return sum;
}

HttpReply MonitorApi::all_agents() const {
    using namespace every_agent;
    std::unordered_map<std::string, std::uint64_t> epoch_tasks;
    for (const LeaderboardEntry& entry : monitor_.leaderboard())
        epoch_tasks.emplace(entry.agent_id, entry.tasks);
    const Clock::Wall oldest = clock_.wall() - kOnlineFor;
    Json list = Json::array();
    std::set<std::string> listed;
    std::size_t ledger_reads = 0;
    const auto add = [&](Json document) {
        const std::string id = document["id"];
        if (!listed.insert(id).second) return;
        const auto work = epoch_tasks.find(id);
        document["unpaid_tasks"] = work == epoch_tasks.end() ? 0 : work->second;
        if (!document["online"] && ledger_reads++ < kMaxLedgerReads) {
            const U256 unpaid = unpaid_rau(id);
            document["unpaid_iotx"] = rau_to_iotx(unpaid);
            document["unpaid_rau"] = to_decimal(unpaid);
        }
        list.push_back(std::move(document));
    };
    for (const AgentView& agent : monitor_.agents())
        add(agent_document(agent, !agent.is_gone && agent.last_heartbeat >= oldest));
    for (const AgentView& agent : seen_ ? seen_() : std::vector<AgentView>{})
        add(agent_document(agent, false));
    // Agents with work in the running epoch that have not come back since serve started.
    for (const LeaderboardEntry& entry : monitor_.leaderboard())
        add({{"id", entry.agent_id}, {"online", false}, {"last_heartbeat", nullptr}});
    const std::size_t count = list.size();
    return json_reply(Json{{"count", count}, {"agents", std::move(list)}});
}

}  // namespace ioswarm::cli
