// SPDX-License-Identifier: Apache-2.0
#include "core/accounting/recent_answers.hpp"

namespace ioswarm {

void RecentAnswers::add(const Judged& judged) {
    if (judged.empty()) return;
    auto state = state_.lock();
    for (const auto& [agent_id, answer] : judged) {
        if (const auto found = state->by_id.find(agent_id); found != state->by_id.end()) {
            state->agents.splice(state->agents.begin(), state->agents, found->second);
        } else {
            if (state->agents.size() >= kMaxAgents) {
                state->by_id.erase(state->agents.back().id);
                state->agents.pop_back();
            }
            state->agents.push_front({agent_id, {}});
            state->by_id.emplace(agent_id, state->agents.begin());
        }
        auto& answers = state->agents.front().newest_first;
        answers.push_front(answer);
        if (answers.size() > kPerAgent) answers.pop_back();
    }
}

std::vector<JudgedAnswer> RecentAnswers::of(const std::string& agent_id) const {
    const auto state = state_.lock();
    const auto found = state->by_id.find(agent_id);
    if (found == state->by_id.end()) return {};
    const auto& answers = found->second->newest_first;
    return {answers.begin(), answers.end()};
}

}  // namespace ioswarm
