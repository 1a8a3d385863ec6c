// SPDX-License-Identifier: Apache-2.0
#include "core/sim/l4_checks.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/diffs/diff_record.hpp"
#include "core/model/state_digest.hpp"

namespace ioswarm::sim {

namespace {

constexpr std::uint64_t kInStep = 5;  // in heights
constexpr std::size_t kRowsAtOnce = 64;
constexpr std::size_t kBytesAtOnce = std::size_t{4} << 20;
constexpr std::size_t kNamed = 3;  // how many agents a failure names

/// Calls `then` for each row from 1 to `tip`, in order, with the decoded diff.
Status for_each_diff(const DiffStore& store, std::uint64_t tip,
                     const std::function<Status(const DiffRow&, const StateDiff&)>& then) {
    for (std::uint64_t next = 1; next <= tip;) {
        IOSWARM_TRY(const auto rows, store.read(next, kRowsAtOnce, kBytesAtOnce));
        if (rows.empty()) return fail(ErrorCode::data_loss, "cannot read the diff log", std::to_string(next));
        for (const DiffRow& row : rows) {
            if (next > tip) break;
            IOSWARM_TRY(const auto diff, read_diff_record(row.record));
            if (row.height != next || diff.height != next) {
                return fail(ErrorCode::data_loss, "a height is missing from the diff log", std::to_string(next),
                            fmt::format("the record there is that of height {}", diff.height));
            }
            IOSWARM_DO(then(row, diff));
            ++next;
        }
    }
    return {};
}

L4Check check(const char* name, const char* what, std::string wrong, std::string figures) {
    const bool passed = wrong.empty();
    return {name, what, passed, passed ? std::move(figures) : std::move(wrong)};
}

/// Lists the agents that have a reason, such as "agent-01: why; agent-02: why; and 3 more". Empty if none has
/// one.
std::string complaints(const std::vector<L4AgentRecord>& agents,
                       const std::function<std::string(const L4AgentRecord&)>& why) {
    std::string out;
    std::size_t count = 0;
    for (const L4AgentRecord& agent : agents) {
        const std::string reason = why(agent);
        if (reason.empty() || ++count > kNamed) continue;
        out +=
            fmt::format("{}{} ({}): {}", out.empty() ? "" : "; ", agent.id, to_string(agent.behaviour), reason);
    }
    if (count > kNamed) out += fmt::format("; and {} more", count - kNamed);
    return out;
}

bool is_away_type(L4Behaviour behaviour) {
    return behaviour == L4Behaviour::away_10s || behaviour == L4Behaviour::away_20s ||
           behaviour == L4Behaviour::away_twice;
}

std::string cut_off(const L4AgentRecord& agent) {
    if (agent.cut_off == 0) return {};
    return fmt::format("its stream was ended {} times: {}", agent.cut_off, agent.last_cut_off);
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names)
        out += (out.empty() ? "" : ", ") + name;
    return out;
}

L4Check store_complete(const L4Evidence& evidence, const DiffStore& store, const L4Replay& replay) {
    const DiffRange range = store.range();
    std::string wrong;
    if (range.floor != 1 || range.tip != evidence.tip) {
        wrong =
            fmt::format("it has heights {} to {}, the chain is at {}", range.floor, range.tip, evidence.tip);
    } else {
        const Status read =
            for_each_diff(store, range.tip, [&](const DiffRow& row, const StateDiff& diff) -> Status {
                if (!has_true_digest(diff) || row.digest != replay.digests.at(diff.height - 1)) {
                    return fail(ErrorCode::bad_data, "the digest differs from the block's",
                                std::to_string(diff.height));
                }
                return {};
            });
        if (!read) wrong = read.error().text();
    }
    return check("store_complete", "the diff log is complete from 1 to the tip", std::move(wrong),
                 fmt::format("{} diffs, each with its block's digest", range.tip));
}

L4Check snapshot_round_trip(const L4Evidence& evidence) {
    return check("snapshot_round_trip", "a snapshot reads back as the state that it was made of",
                 evidence.snapshot ? "" : evidence.snapshot.error().text(),
                 fmt::format("at height {}", evidence.snapshot_height));
}

L4Check no_gaps(const L4Evidence& evidence) {
    std::uint64_t streams = 0;
    for (const L4AgentRecord& agent : evidence.agents)
        streams += agent.streams;
    return check("no_gaps", "no stream had a gap",
                 complaints(evidence.agents,
                            [](const L4AgentRecord& agent) { return agent.fault ? agent.fault->text() : ""; }),
                 fmt::format("{} streams", streams));
}

L4Check reconnects_caught_up(const L4Evidence& evidence) {
    std::size_t returns = 0;
    const auto why = [&](const L4AgentRecord& agent) -> std::string {
        if (!is_away_type(agent.behaviour)) return {};
        const std::size_t planned = l4_plan(agent.behaviour, kL4FullDuration).absences.size();
        returns += planned;
        if (agent.cut_off != 0) return cut_off(agent);
        if (agent.streams != planned + 1) return fmt::format("it opened {} streams", agent.streams);
        if (agent.height != evidence.tip) return fmt::format("it is at height {}", agent.height);
        return {};
    };
    std::string wrong = complaints(evidence.agents, why);
    return check("reconnects_caught_up", "agents that had been absent caught up", std::move(wrong),
                 fmt::format("{} returns", returns));
}

L4Check always_online_in_step(const L4Evidence& evidence) {
    std::uint64_t worst = 0;
    for (const L4AgentRecord& agent : evidence.agents) {
        if (agent.behaviour == L4Behaviour::always_online) worst = std::max(worst, agent.worst_lag);
    }
    return check("always_online_in_step", "agents that were always there are within 5 of the tip",
                 evidence.online_lag <= kInStep ? "" : fmt::format("{} heights behind", evidence.online_lag),
                 fmt::format("{} behind at the end, {} at worst", evidence.online_lag, worst));
}

L4Check slow_reader_survived(const L4Evidence& evidence) {
    std::uint64_t worst = 0;
    const auto why = [&](const L4AgentRecord& agent) -> std::string {
        if (agent.behaviour != L4Behaviour::slow) return {};
        worst = std::max(worst, agent.worst_lag);
        if (agent.cut_off != 0) return cut_off(agent);
        if (agent.height != evidence.tip) return fmt::format("it is at height {}", agent.height);
        return {};
    };
    std::string wrong = complaints(evidence.agents, why);
    return check("slow_reader_survived", "a slow reader was not dropped", std::move(wrong),
                 fmt::format("{} behind at worst", worst));
}

L4Check quitter_disturbs_no_one(const L4Evidence& evidence) {
    const auto why = [](const L4AgentRecord& agent) -> std::string {
        // Other checks report these two kinds of agents.
        const bool told = is_away_type(agent.behaviour) || agent.behaviour == L4Behaviour::slow;
        return told ? "" : cut_off(agent);
    };
    std::string wrong = complaints(evidence.agents, why);
    if (!evidence.ghosts.empty())
        wrong += (wrong.empty() ? "" : "; ") + fmt::format("still served: {}", joined(evidence.ghosts));
    const auto quitters = std::count_if(evidence.agents.begin(), evidence.agents.end(), [](const auto& agent) {
        return agent.behaviour == L4Behaviour::quits;
    });
    return check("quitter_disturbs_no_one", "an agent that quits disturbs no other agent", std::move(wrong),
                 fmt::format("{} quit, no other stream ended", quitters));
}

L4Check no_subscriber_left(const L4Evidence& evidence) {
    std::string wrong;
    if (!evidence.subscribers.empty()) wrong = joined(evidence.subscribers);
    if (evidence.streams_left != 0)
        wrong += fmt::format("{}{} streams did not end", wrong.empty() ? "" : "; ", evidence.streams_left);
    return check("no_subscriber_left", "no subscriber is left after all agents left", std::move(wrong), "");
}

L4Check no_crash(const L4Evidence& evidence) {
    return check("no_crash", "nothing crashed or raised an alarm",
                 evidence.health ? "" : evidence.health.error().text(), "");
}

/// With `at_tip`, agents that have not quit must also have reached the tip.
L4Check state_hash(const L4Evidence& evidence, const L4Replay& replay, bool at_tip) {
    const auto why = [&](const L4AgentRecord& agent) -> std::string {
        if (at_tip && agent.behaviour != L4Behaviour::quits && agent.height != evidence.tip)
            return fmt::format("it is at height {}", agent.height);
        const auto expected = replay.hashes.find(agent.height);
        if (expected == replay.hashes.end() || expected->second != agent.state_hash)
            return fmt::format("its state at height {} differs", agent.height);
        return {};
    };
    return check("state_hash", "every agent's state equals that of a replay", complaints(evidence.agents, why),
                 fmt::format("{} agents, {} entries at the tip", evidence.agents.size(), replay.entries));
}

}  // namespace

std::vector<L4Check> l4_checks(const L4Evidence& evidence, const DiffStore& store, const L4Replay& replay) {
    return {store_complete(evidence, store, replay),
            snapshot_round_trip(evidence),
            no_gaps(evidence),
            reconnects_caught_up(evidence),
            always_online_in_step(evidence),
            slow_reader_survived(evidence),
            quitter_disturbs_no_one(evidence),
            no_subscriber_left(evidence),
            no_crash(evidence),
            state_hash(evidence, replay, true)};
}

std::vector<L4Check> l4_checks_stopped(const L4Evidence& evidence, const DiffStore& store,
                                       const L4Replay& replay) {
    std::vector<L4Check> out{store_complete(evidence, store, replay)};
    if (evidence.has_snapshot) out.push_back(snapshot_round_trip(evidence));
    out.push_back(no_gaps(evidence));
    out.push_back(no_crash(evidence));
    out.push_back(state_hash(evidence, replay, false));
    return out;
}

Result<L4State> state_of_log(const DiffStore& store, std::uint64_t tip) {
    L4State state;
    IOSWARM_DO(
        for_each_diff(store, tip, [&](const DiffRow&, const StateDiff& diff) { return state.apply(diff); }));
    return state;
}

}  // namespace ioswarm::sim
