// SPDX-License-Identifier: Apache-2.0
#include "core/sim/invariants.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/bytes.hpp"
#include "core/base/u512.hpp"
#include "core/sim/prediction.hpp"

namespace ioswarm::sim {
namespace {

std::uint64_t counter(const CoordinatorSays& says, const std::string& key) {
    const auto at = says.counters.find(key);
    return at == says.counters.end() ? 0 : at->second;
}

/// Collects violations of one invariant. The first is described, the others are only counted.
class Breaks {
  public:
    template <typename... Args>
    void add(fmt::format_string<Args...> format, Args&&... args) {
        if (count_++ == 0) first_ = fmt::format(format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void unless(bool holds, fmt::format_string<Args...> format, Args&&... args) {
        if (!holds) add(format, std::forward<Args>(args)...);
    }
    [[nodiscard]] Finding finding(std::string name, std::string when_it_holds) const {
        if (count_ == 0) return {std::move(name), true, std::move(when_it_holds)};
        return {std::move(name), false,
                count_ == 1 ? first_ : fmt::format("{}; and {} more of the kind", first_, count_ - 1)};
    }

  private:
    std::uint64_t count_ = 0;
    std::string first_;
};

Finding check_tasks(const RunFacts& facts, const RunTotals& totals) {
    const TxTotals txs = facts.record.transactions();
    const StatusView& status = facts.says.status;
    const std::uint64_t dropped = counter(facts.says, "tasks_dropped_queue_full");
    const std::uint64_t given_up = counter(facts.says, "tasks_given_up");
    const std::uint64_t timed_out = counter(facts.says, "tasks_timed_out");
    Breaks breaks;
    // Transactions are checked one by one. Tasks of transactions that had left the pool may be given up too,
    // and must not hide one that was lost. A transaction that left the pool needs no reason, because nobody
    // waits for it.
    if (txs.lost != 0) {
        breaks.add(
            "{} transactions have fewer than {} answers, and their tasks were neither given up nor dropped: "
            "the first is {}",
            txs.lost, facts.scenario.redundancy(),
            to_hex(facts.scenario.transactions()[*txs.first_lost].action->raw_id.view()));
    }
    const std::uint64_t received = status.tasks_received;
    breaks.unless(received >= totals.answers && received <= totals.answers + totals.unknown,
                  "the coordinator counts {} answers, the agents {} accepted and {} of unknown end", received,
                  totals.answers, totals.unknown);
    breaks.unless(status.tasks_dispatched >= totals.answers,
                  "{} tasks were handed out, and {} answers accepted", status.tasks_dispatched, totals.answers);
    breaks.unless(totals.strangers == 0, "{} tasks are none of the chain's transactions", totals.strangers);
    breaks.unless(totals.unreadable == 0, "{} batches could not be read", totals.unreadable);
    return breaks.finding(
        "every task was answered once or is accounted for",
        fmt::format(
            "{} answers; {} dropped, {} given up, {} timed out and tried again, {} left the pool before",
            totals.answers, dropped, given_up, timed_out, txs.left_unanswered));
}

Finding check_once(const RunTotals& totals) {
    Breaks breaks;
    breaks.unless(totals.accepted_twice == 0, "{} answers were taken that their agent had given before",
                  totals.accepted_twice);
    breaks.unless(totals.accepted_beyond == 0, "{} answers were taken beyond the redundancy",
                  totals.accepted_beyond);
    breaks.unless(totals.second_accepted == 0, "{} submissions were taken a second time",
                  totals.second_accepted);
    breaks.unless(totals.foreign_accepted == 0, "{} submissions for other agents were taken",
                  totals.foreign_accepted);
    return breaks.finding("no answer taken twice, and none for others",
                          fmt::format("{} handed in again and {} for others, all refused",
                                      totals.second_refused, totals.foreign_refused));
}

Finding check_answers(const RunTotals& totals) {
    Breaks breaks;
    breaks.unless(totals.unlike_rules == 0,
                  "{} answers are not what these transactions with their accounts deserve",
                  totals.unlike_rules);
    return breaks.finding("agents were given what the chain holds",
                          "every answer is the one that the seed predicts");
}

Finding check_accuracy(const RunFacts& facts, const RunTotals& totals) {
    const ShadowTotals& shadow = facts.says.shadow;
    const ScenarioFigures& figures = facts.scenario.figures();
    Breaks breaks;
    const auto equal = [&](const char* name, std::uint64_t is, std::uint64_t due) {
        breaks.unless(is == due, "{} is {}, and should be {}", name, is, due);
    };
    // The figures that the seed predicts, unless some mined transactions are reported as unanswered.
    const bool whole = facts.record.transactions().mined_unanswered == 0 && totals.unknown == 0;
    const std::uint64_t compared = whole ? figures.compared : totals.compared;
    const std::uint64_t matched = whole ? figures.matched : totals.correct;
    if (totals.unknown == 0) {
        equal("compared", shadow.compared, compared);
        equal("matched", shadow.matched, matched);
        equal("mismatched", shadow.mismatched, compared - matched);
        equal("false positives and negatives", shadow.false_positives + shadow.false_negatives,
              compared - matched);
    } else {
        breaks.unless(shadow.compared >= totals.compared && shadow.compared <= totals.compared + totals.unknown,
                      "compared is {}, and should be {} to {}", shadow.compared, totals.compared,
                      totals.compared + totals.unknown);
    }
    // Without execution, a mined transaction's right answer is valid, so no wrong answer says valid.
    if (totals.executed == 0) equal("false positives", shadow.false_positives, 0);
    equal("nonce races", shadow.nonce_race_excluded, 0);
    return breaks.finding("accuracy exactly as the seed predicts",
                          fmt::format("{} of {} compared matched{}", shadow.matched, shadow.compared,
                                      whole ? "" : " (some transactions were not answered)"));
}

/// The agents know which of their answers have wrong gas or state. The coordinator must find out.
Finding check_execution(const RunFacts& facts, const RunTotals& totals) {
    const ShadowTotals& shadow = facts.says.shadow;
    Breaks breaks;
    const auto within = [&](const char* name, std::uint64_t is, std::uint64_t due) {
        breaks.unless(is >= due && is <= due + totals.unknown, "{} is {}, and should be {}", name, is, due);
    };
    within("EVM gas mismatches", shadow.evm_gas_mismatches, totals.wrong_gas);
    within("EVM gas matches", shadow.evm_gas_matches, totals.gas_told - totals.wrong_gas);
    within("EVM state mismatches", shadow.evm_state_mismatches, totals.wrong_state);
    within("EVM state matches", shadow.evm_state_matches, totals.executed - totals.wrong_state);
    within("state races", shadow.state_race_excluded, totals.unlike_receipt);
    return breaks.finding("gas and state of executed answers told right from wrong",
                          fmt::format("{} executed, {} with gas; {} wrong in gas and {} in state, all found",
                                      totals.executed, totals.gas_told, totals.wrong_gas, totals.wrong_state));
}

Finding check_work(const RunFacts& facts, const RunTotals& totals) {
    Breaks breaks;
    for (std::size_t i = 0; i < facts.says.rewards.size(); ++i) {
        const RewardsView& told = facts.says.rewards[i];
        const AgentTally& own = facts.record.agents()[i];
        const auto within = [&](std::uint64_t is, std::uint64_t due) {
            return is >= due && is <= due + own.unknown;
        };
        breaks.unless(within(told.total_tasks, own.answers), "{} has {} tasks in the ledger, and did {}",
                      told.agent_id, told.total_tasks, own.answers);
        breaks.unless(within(told.total_compared, own.compared),
                      "{} has {} compared in the ledger, and {} were", told.agent_id, told.total_compared,
                      own.compared);
        breaks.unless(within(told.total_correct, own.correct), "{} has {} correct in the ledger, and {} were",
                      told.agent_id, told.total_correct, own.correct);
    }
    return breaks.finding("the ledger has each agent's work as the agent did it",
                          fmt::format("{} agents, {} tasks", facts.says.rewards.size(), totals.answers));
}

/// One agent's part of an epoch, according to the ledger.
struct Entry {
    const std::string* agent;
    const RewardHistoryEntry* row;
    U512 weight;
};
using Epochs = std::map<std::uint64_t, std::vector<Entry>>;

/// The weight that the reward rules give: tasks · 1000, times the bonus multiplier if the accuracy earns the
/// bonus.
struct Weighed {
    U512 weight;
    bool bonus;
};
Weighed weigh(const RewardSettings& rules, const RewardHistoryEntry& row) {
    const auto power = [](unsigned exponent) { return boost::multiprecision::pow(U512(10), exponent); };
    const bool bonus = row.compared > 0 && U512(row.correct) * 100 * power(rules.bonus_accuracy_pct.scale) >=
                                               to_u512(rules.bonus_accuracy_pct.unscaled) * row.compared;
    U512 weight = U512(row.tasks) * 1000;
    if (bonus) weight = weight * to_u512(rules.bonus_multiplier.unscaled) / power(rules.bonus_multiplier.scale);
    return {weight, bonus};
}

Epochs epochs_of(const RunFacts& facts) {
    Epochs out;
    for (const RewardsView& agent : facts.says.rewards) {
        for (const RewardHistoryEntry& row : agent.history)
            out[row.epoch].push_back({&agent.agent_id, &row, weigh(facts.rewards, row).weight});
    }
    return out;
}

Finding check_shares(const RunFacts& facts, const Epochs& epochs, const U256& pool) {
    Breaks breaks;
    std::uint64_t payouts = 0;
    std::uint64_t bonuses = 0;
    for (const auto& [epoch, entries] : epochs) {
        U512 all = 0;
        for (const Entry& entry : entries)
            all += entry.weight;
        for (const Entry& entry : entries) {
            const bool bonus = weigh(facts.rewards, *entry.row).bonus;
            ++payouts;
            if (bonus) ++bonuses;
            breaks.unless(entry.row->bonus_applied == bonus, "epoch {}: {} with {} of {} correct {} the bonus",
                          epoch, *entry.agent, entry.row->correct, entry.row->compared,
                          entry.row->bonus_applied ? "got" : "did not get");
            // The exact share, rounded down or up.
            const U512 least = all == 0 ? U512(0) : to_u512(pool) * entry.weight / all;
            const U512 amount = to_u512(entry.row->amount_rau);
            breaks.unless(amount == least || amount == least + 1,
                          "epoch {}: {} got {} rau, and its share is {}", epoch, *entry.agent, amount.str(),
                          least.str());
        }
    }
    return breaks.finding("wrong answers paid nothing more than the rules say",
                          fmt::format("{} payouts computed again, {} with the bonus", payouts, bonuses));
}

Finding check_payouts(const RunFacts& facts, const Epochs& epochs, const U256& pool) {
    Breaks breaks;
    U256 paid = 0;
    for (const auto& [epoch, entries] : epochs) {
        U256 sum = 0;
        for (const Entry& entry : entries)
            sum += entry.row->amount_rau;
        breaks.unless(sum == pool, "epoch {} paid {} rau, and its pool is {}", epoch, to_decimal(sum),
                      to_decimal(pool));
        paid += sum;
    }
    U256 earned = 0;
    for (const RewardsView& agent : facts.says.rewards)
        earned += agent.earned_rau;
    breaks.unless(earned == paid, "agents earned {} rau, and the epochs paid {}", to_decimal(earned),
                  to_decimal(paid));
    const ScenarioFigures& figures = facts.scenario.figures();
    const bool whole = facts.record.transactions().mined_unanswered == 0;
    breaks.unless(!whole || pool == 0 ||
                      (epochs.size() >= figures.epochs_paid && epochs.size() <= figures.epochs_paid_at_most),
                  "{} epochs paid, and {} had work", epochs.size(), figures.epochs_paid);
    return breaks.finding("payouts add up to the rau",
                          fmt::format("{} epochs, {} rau each, {} IOTX together", epochs.size(),
                                      to_decimal(pool), rau_to_iotx(paid)));
}

Finding check_leftovers(const RunFacts& facts) {
    Breaks breaks;
    for (const auto& [name, count] : facts.leftovers)
        breaks.unless(count == 0, "{} is {}", name, count);
    std::string names;
    for (const auto& [name, count] : facts.leftovers)
        names += (names.empty() ? "" : ", ") + name;
    return breaks.finding("nothing is left of agents that have gone", "0 of each: " + names);
}

Finding check_heap(const HeapUse& heap) {
    constexpr double kMiB = 1 << 20;
    const auto mib = [&](std::uint64_t bytes) { return static_cast<double>(bytes) / kMiB; };
    Breaks breaks;
    breaks.unless(
        heap.after <= heap.before + heap.slack,
        "{:.1f} MiB in use before the agents came, {:.1f} MiB after they left: more than {:.1f} MiB above",
        mib(heap.before), mib(heap.after), mib(heap.slack));
    return breaks.finding("memory is back at its start",
                          fmt::format("in use within {:.1f} MiB of it", mib(heap.slack)));
}

}  // namespace

std::vector<Finding> check_run(const RunFacts& facts) {
    const RunTotals totals = facts.record.totals();
    std::vector<Finding> out;
    out.push_back(check_tasks(facts, totals));
    out.push_back(check_once(totals));
    out.push_back(check_answers(totals));
    out.push_back(check_accuracy(facts, totals));
    if (totals.executed > 0 || facts.says.shadow.evm_state_matches > 0)
        out.push_back(check_execution(facts, totals));
    out.push_back(check_work(facts, totals));
    const Epochs epochs = epochs_of(facts);
    const auto pool = agent_pool_rau(facts.rewards.epoch_reward_rau, facts.rewards.delegate_cut_pct);
    out.push_back(check_shares(facts, epochs, pool.value_or(0)));
    out.push_back(check_payouts(facts, epochs, pool.value_or(0)));
    out.push_back(check_leftovers(facts));
    if (facts.heap) out.push_back(check_heap(*facts.heap));
    return out;
}

std::vector<Finding> check_agents_stopped(const RunRecord& record) {
    return {check_once(record.totals())};
}

std::vector<Finding> check_agents_alone(const RunRecord& record) {
    const RunTotals totals = record.totals();
    std::vector<Finding> out{check_once(totals)};
    Breaks breaks;
    breaks.unless(totals.unreadable == 0, "{} batches could not be read", totals.unreadable);
    breaks.unless(totals.unknown == 0, "the outcome of {} answers is unknown", totals.unknown);
    breaks.unless(totals.refused == 0, "{} answers were refused, though they came in time", totals.refused);
    out.push_back(
        breaks.finding("every batch answered in time was taken", fmt::format("{} answers", totals.answers)));
    return out;
}

}  // namespace ioswarm::sim
