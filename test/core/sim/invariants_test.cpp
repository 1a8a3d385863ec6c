// SPDX-License-Identifier: Apache-2.0
// Each invariant is checked on a small run that is made up here: first a correct run, then the same with one
// thing wrong.
#include "core/sim/invariants.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

#include "core/sim/prediction.hpp"

using namespace ioswarm;
using namespace ioswarm::sim;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kAgents = 3;

/// A made-up run of three agents that take turns. All of their work is in one epoch.
class Told {
  public:
    /// `other_answer` gives a different answer to the last transaction, which is a forged one.
    explicit Told(bool other_answer = false) {
        const auto last = static_cast<std::uint32_t>(scenario_->transactions().size() - 1);
        for (std::uint32_t tx = 0; tx <= last; ++tx)
            answer(tx % kAgents, tx, other_answer && tx == last);
        says.status.tasks_received = scenario_->transactions().size();
        says.status.tasks_dispatched = scenario_->transactions().size();
        says.shadow.compared = scenario_->figures().compared;
        says.shadow.matched = scenario_->figures().matched;
        says.shadow.mismatched = says.shadow.false_negatives = says.shadow.compared - says.shadow.matched;
        rewards.epoch_reward_rau = 1'000'000;
        leftovers = {{"agents", 0}, {"tasks", 0}};
        heap = HeapUse{1000, 1000, 100};
        pay();
    }

    void answer(std::uint32_t agent, std::uint32_t tx, bool turned_round = false) {
        const RunRecord::Answered answered{tx, scenario_->transactions()[tx].answered_valid != turned_round};
        record.delivered(agent, 1);
        record.submitted(agent, std::span(&answered, 1), Outcome::accepted, {}, Clock::Steady(1ms));
    }

    /// The first entry of the agent's history.
    RewardHistoryEntry& entry(std::size_t agent) { return says.rewards[agent].history.front(); }

    [[nodiscard]] std::vector<Finding> findings() const {
        return check_run({*scenario_, record, faults_, rewards, says, leftovers, heap});
    }
    [[nodiscard]] bool holds(const std::string& name) const {
        const auto all = findings();
        const auto at = std::find_if(all.begin(), all.end(), [&](const Finding& f) { return f.name == name; });
        REQUIRE(at != all.end());
        return at->holds;
    }
    /// Checks that the invariant with this name is broken and no other; for an empty name, that none is.
    void check_only_breaks(const std::string& name) const {
        for (const Finding& finding : findings()) {
            INFO(finding.name << ": " << finding.detail);
            CHECK(finding.holds == (finding.name != name));
        }
        if (!name.empty()) CHECK_FALSE(holds(name));
    }

  private:
    static std::unique_ptr<const Scenario> make(const FaultPlan& faults) {
        ScenarioSettings settings;
        settings.chain.block_time = 1s;
        settings.chain.tps = 30;
        settings.chain.accounts = 50;
        settings.duration = 1s;
        return *Scenario::create(settings, faults, {});
    }

    /// Pays all of it in epoch 0. Some answers are wrong, so nobody gets the bonus.
    void pay() {
        U256 weights = 0;
        for (const AgentTally& tally : record.agents())
            weights += U256(tally.answers) * 1000;
        const U256 pool = *agent_pool_rau(rewards.epoch_reward_rau, rewards.delegate_cut_pct);
        U256 left = pool;
        for (std::uint32_t agent = 0; agent < kAgents; ++agent) {
            const AgentTally& tally = record.agents()[agent];
            RewardsView view;
            view.agent_id = "agent-" + std::to_string(agent);
            RewardHistoryEntry entry;
            entry.tasks = view.total_tasks = tally.answers;
            entry.compared = view.total_compared = tally.compared;
            entry.correct = view.total_correct = tally.correct;
            entry.amount_rau = pool * (U256(tally.answers) * 1000) / weights;
            left -= entry.amount_rau;
            view.history.push_back(entry);
            says.rewards.push_back(view);
        }
        for (std::size_t agent = 0; left > 0; ++agent, --left)
            says.rewards[agent].history.front().amount_rau += 1;
        for (RewardsView& view : says.rewards)
            view.earned_rau = view.history.front().amount_rau;
    }

    const FaultPlan faults_{[] {
                                FaultShares shares;
                                shares.wrong = 500;
                                shares.forged = 200;
                                return shares;
                            }(),
                            1, kAgents, 1};
    const std::unique_ptr<const Scenario> scenario_ = make(faults_);

  public:
    RunRecord record{scenario_.get(), kAgents};
    CoordinatorSays says;
    RewardSettings rewards;
    Leftovers leftovers;
    std::optional<HeapUse> heap;
};

constexpr auto kTasks = "every task was answered once or is accounted for";
constexpr auto kOnce = "no answer taken twice, and none for others";
constexpr auto kRules = "agents were given what the chain holds";
constexpr auto kAccuracy = "accuracy exactly as the seed predicts";
constexpr auto kWork = "the ledger has each agent's work as the agent did it";
constexpr auto kShares = "wrong answers paid nothing more than the rules say";
constexpr auto kPayouts = "payouts add up to the rau";
constexpr auto kLeft = "nothing is left of agents that have gone";
constexpr auto kMemory = "memory is back at its start";

}  // namespace

TEST_CASE("a correct run breaks no invariant", "[sim]") {
    Told().check_only_breaks("");
}

TEST_CASE("tasks that the coordinator counts and no agent answered are noticed", "[sim]") {
    Told told;
    ++told.says.status.tasks_received;
    told.check_only_breaks(kTasks);
}

TEST_CASE("a task with bytes that the chain does not know is noticed", "[sim]") {
    Told told;
    CHECK_FALSE(told.record.identify(as_bytes("no transaction")));
    told.check_only_breaks(kTasks);
}

TEST_CASE("a batch that cannot be read is noticed", "[sim]") {
    Told told;
    told.record.unreadable();
    told.check_only_breaks(kTasks);
}

TEST_CASE("an answer that is accepted twice is noticed", "[sim]") {
    Told told;
    told.record.second_submission(Outcome::refused);
    told.check_only_breaks("");
    told.record.second_submission(Outcome::accepted);
    told.check_only_breaks(kOnce);
}

TEST_CASE("an answer that is accepted for another agent is noticed", "[sim]") {
    Told told;
    told.record.foreign_submission(Outcome::accepted);
    told.check_only_breaks(kOnce);
}

TEST_CASE("an answer beyond the redundancy is noticed", "[sim]") {
    Told told;
    told.answer(1, 0);  // agent 0 has already answered it
    CHECK_FALSE(told.holds(kOnce));
    CHECK(told.holds(kPayouts));
}

TEST_CASE("an accepted answer that the agent had given before is noticed", "[sim]") {
    Told told;
    told.answer(0, 0);
    CHECK(told.record.totals().accepted_twice == 1);
    CHECK_FALSE(told.holds(kOnce));
}

TEST_CASE("an accepted answer that is wrong for its transaction is noticed", "[sim]") {
    const Told told(true);
    told.check_only_breaks(kRules);
}

TEST_CASE("an extra comparison or a missing match is noticed", "[sim]") {
    const auto breaks = [](auto change) {
        Told told;
        change(told.says.shadow);
        told.check_only_breaks(kAccuracy);
    };
    breaks([](ShadowTotals& shadow) { ++shadow.compared; });
    breaks([](ShadowTotals& shadow) { --shadow.matched; });
    breaks([](ShadowTotals& shadow) { ++shadow.false_positives; });
    breaks([](ShadowTotals& shadow) { ++shadow.nonce_race_excluded; });
}

TEST_CASE("work that an agent did not do is noticed", "[sim]") {
    Told told;
    ++told.says.rewards[1].total_tasks;
    told.check_only_breaks(kWork);
    --told.says.rewards[1].total_tasks;
    ++told.says.rewards[2].total_correct;
    told.check_only_breaks(kWork);
}

TEST_CASE("a bonus for wrong answers is noticed", "[sim]") {
    Told told;
    told.entry(0).bonus_applied = true;
    told.check_only_breaks(kShares);
}

TEST_CASE("a share moved from one agent to another is noticed", "[sim]") {
    Told told;
    told.entry(0).amount_rau += 5;
    told.entry(1).amount_rau -= 5;
    told.check_only_breaks(kShares);
}

TEST_CASE("an extra rau is noticed", "[sim]") {
    Told told;
    told.says.rewards[2].earned_rau += 1;
    told.check_only_breaks(kPayouts);
}

TEST_CASE("an epoch that paid nothing although it had work is noticed", "[sim]") {
    Told told;
    for (RewardsView& view : told.says.rewards) {
        view.history.clear();
        view.earned_rau = 0;
    }
    told.check_only_breaks(kPayouts);
}

TEST_CASE("tasks left from agents that are gone are noticed", "[sim]") {
    Told told;
    told.leftovers["tasks"] = 1;
    told.check_only_breaks(kLeft);
}

TEST_CASE("memory that is not freed after a run is noticed", "[sim]") {
    Told told;
    told.heap->after = 1100;
    told.check_only_breaks("");
    told.heap->after = 1101;
    told.check_only_breaks(kMemory);
}

TEST_CASE("a transaction without an answer is noticed unless there is a known reason", "[sim]") {
    // Like the other runs, but nobody answers.
    ScenarioSettings settings;
    settings.chain.block_time = 1s;
    settings.chain.tps = 5;
    settings.duration = 1s;
    const FaultPlan faults({}, 1, 1, 1);
    const auto scenario = *Scenario::create(settings, faults, {});
    RunRecord record(scenario.get(), 1);
    CoordinatorSays says;
    says.rewards.emplace_back();
    const auto first_finding = [&] {
        return check_run({*scenario, record, faults, {}, says, {}, std::nullopt}).front();
    };
    const auto& all = scenario->transactions();
    const auto last = std::find_if(all.rbegin(), all.rend(), [](const PlannedTx& tx) {
                          return tx.fate == sim::Fate::mined;
                      })->action->raw_id;
    CHECK_FALSE(first_finding().holds);
    for (const PlannedTx& tx : all) {
        if (tx.action->raw_id != last) record.given_up(tx.action->raw_id);
    }
    // At least as many as are missing, but these were given up for transactions that had left the pool.
    says.counters["tasks_given_up"] = scenario->figures().transactions + 1;
    CHECK_FALSE(first_finding().holds);
    CHECK(first_finding().detail.find(to_hex(last.view())) != std::string::npos);
    record.given_up(last);
    CHECK(first_finding().holds);
}
