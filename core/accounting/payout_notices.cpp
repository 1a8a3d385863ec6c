// SPDX-License-Identifier: Apache-2.0
#include "core/accounting/payout_notices.hpp"

#include <algorithm>
#include <iterator>

#include "core/base/decimal.hpp"

namespace ioswarm {

PayoutNotices::Due PayoutNotices::due_of(const PayoutRow& payout) {
    return {payout.epoch,
            {payout.epoch, rau_to_iotx_double(payout.amount_rau), static_cast<std::int32_t>(payout.rank),
             static_cast<std::int32_t>(payout.paid_agents)}};
}

PayoutNotices::OfAgent& PayoutNotices::agent_of(State& state, const std::string& agent_id) {
    const auto found = state.agents.find(agent_id);
    if (found != state.agents.end()) return found->second;
    if (state.agents.size() >= kMaxAgents)
        std::erase_if(state.agents, [](const auto& entry) { return !entry.second.is_loading; });
    return state.agents[agent_id];
}

PayoutNotices::Taken PayoutNotices::take(const std::string& agent_id) {
    auto state = state_.lock();
    OfAgent& agent = agent_of(*state, agent_id);
    if (agent.due.empty()) {
        if (!agent.has_more || agent.is_loading) return {};
        agent.is_loading = true;
        return {std::nullopt, true};
    }
    if (state->unmarked.size() >= kMaxUnmarked) return {};
    const Due due = agent.due.front();
    agent.due.pop_front();
    state->unmarked.emplace(agent_id, due.epoch);
    return {due.info, false};
}

void PayoutNotices::loading(const std::string& agent_id) {
    auto state = state_.lock();
    agent_of(*state, agent_id).is_loading = true;
}

void PayoutNotices::loaded(const std::string& agent_id, const std::vector<PayoutRow>& due, bool is_all) {
    auto state = state_.lock();
    const auto found = state->agents.find(agent_id);
    if (found == state->agents.end()) return;  // forgotten meanwhile; read again when the agent asks
    OfAgent& agent = found->second;
    // Notices that add() brought during the read are newer than the rows that were read, unless they are among
    // those rows.
    std::deque<Due> added;
    added.swap(agent.due);
    for (const PayoutRow& row : due) {
        const bool is_handed_out =
            state->unmarked.contains({agent_id, row.epoch}) ||
            std::find(agent.marked.begin(), agent.marked.end(), row.epoch) != agent.marked.end();
        if (!is_handed_out) agent.due.push_back(due_of(row));
    }
    if (!due.empty()) agent.next_epoch = std::max(agent.next_epoch, due.back().epoch + 1);
    agent.is_loading = false;
    agent.has_more = !is_all || agent.missed_some;
    agent.missed_some = false;
    agent.marked.clear();
    if (!is_all) return;
    const std::uint64_t after = due.empty() ? 0 : due.back().epoch + 1;
    std::copy_if(added.begin(), added.end(), std::back_inserter(agent.due),
                 [&](const Due& one) { return one.epoch >= after; });
}

void PayoutNotices::not_loaded(const std::string& agent_id) {
    auto state = state_.lock();
    const auto found = state->agents.find(agent_id);
    if (found == state->agents.end()) return;
    found->second.is_loading = false;
    found->second.has_more = true;
    found->second.missed_some = false;
    found->second.marked.clear();
}

void PayoutNotices::add(const std::vector<PayoutRow>& payouts) {
    auto state = state_.lock();
    for (const PayoutRow& payout : payouts) {
        if (payout.notice != PayoutNotice::due) continue;
        const auto found = state->agents.find(payout.agent_id);
        if (found == state->agents.end()) continue;  // read from the ledger when the agent asks
        OfAgent& agent = found->second;
        if (agent.has_more && !agent.is_loading)
            continue;  // older notices come first, and the ledger also has this one
        // The payout was read from the ledger between its commit and this call, and may have been handed out
        // already.
        if (payout.epoch < agent.next_epoch) continue;
        if (agent.due.size() >= kMaxHeld) {
            (agent.is_loading ? agent.missed_some : agent.has_more) = true;
        } else {
            agent.due.push_back(due_of(payout));
            agent.next_epoch = payout.epoch + 1;
        }
    }
}

void PayoutNotices::became_due(const std::vector<std::string>& agent_ids) {
    auto state = state_.lock();
    for (const std::string& agent_id : agent_ids) {
        const auto found = state->agents.find(agent_id);
        if (found == state->agents.end()) continue;  // read from the ledger when the agent asks
        OfAgent& agent = found->second;
        (agent.is_loading ? agent.missed_some : agent.has_more) = true;
    }
}

std::vector<PayoutNotices::Key> PayoutNotices::unmarked(std::size_t limit) const {
    const auto state = state_.lock();
    std::vector<Key> out;
    out.reserve(std::min(limit, state->unmarked.size()));
    for (const Key& key : state->unmarked) {
        if (out.size() >= limit) break;
        out.push_back(key);
    }
    return out;
}

void PayoutNotices::marked(const std::vector<Key>& keys) {
    auto state = state_.lock();
    for (const Key& key : keys) {
        state->unmarked.erase(key);
        const auto found = state->agents.find(key.first);
        if (found != state->agents.end() && found->second.is_loading)
            found->second.marked.push_back(key.second);
    }
}

std::size_t PayoutNotices::unmarked_count() const {
    return state_.lock()->unmarked.size();
}

}  // namespace ioswarm
