// SPDX-License-Identifier: Apache-2.0
#include "cli/sim/report.hpp"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/progress_line.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

using nlohmann::ordered_json;

/// Monthly cost of an agent (a small virtual machine) and length of a month, as assumed by the simulation that
/// belongs to iotex-core.
constexpr double kDollarsAnAgentMonth = 5;
constexpr double kSecondsAMonth = 86'400.0 * 30;
constexpr std::size_t kAgentsShown = 10;

std::string seconds(std::chrono::nanoseconds time) {
    return go_duration(std::chrono::duration_cast<std::chrono::milliseconds>(time));
}

std::string percent(double share) {
    return fmt::format("{:.2f}%", 100 * share);
}

double ratio(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

struct Region {
    std::uint64_t agents = 0;
    std::uint64_t answers = 0;
};

std::map<std::string, Region> regions_of(const SimReport& report) {
    std::map<std::string, Region> out;
    for (const SimReport::Row& row : report.agents) {
        ++out[row.region].agents;
        out[row.region].answers += row.tally.answers;
    }
    return out;
}

double mean_us(const sim::AgentTally& tally) {
    return tally.tasks == 0 ? 0 : static_cast<double>(tally.compute_us) / static_cast<double>(tally.tasks);
}

struct Cost {
    double dollars_a_month = 0;
    double millions_a_month = 0;
    [[nodiscard]] double dollars_a_million() const {
        return millions_a_month == 0 ? 0 : dollars_a_month / millions_a_month;
    }
};

Cost cost_of(const SimReport& report) {
    return {kDollarsAnAgentMonth * report.options.agents,
            report.run.answers_per_second() * kSecondsAMonth / 1e6};
}

template <typename... Args>
void line(std::ostream& out, const char* name, fmt::format_string<Args...> format, Args&&... args) {
    out << fmt::format("  {:<16}{}\n", name, fmt::format(format, std::forward<Args>(args)...));
}

void print_seed(const SimReport& report, std::ostream& out) {
    const SeedFigures& seed = *report.seed;
    const sim::ScenarioFigures& planned = seed.planned;
    out << "\nBy the seed: the same in every run\n";
    line(out, "blocks", "{} with load, {} epochs", planned.blocks, seed.epochs_paid);
    line(out, "transactions", "{}: {} mined ({} of them failed), {} replaced, {} unaffordable",
         planned.transactions, planned.mined, planned.mined_and_failed, planned.replaced, planned.unaffordable);
    if (planned.forged > 0) {
        line(out, "forged", "{}: wrong signature {}, nonce {}, balance {}; agents rejected {}, accepted {}",
             planned.forged, seed.forged[1], seed.forged[2], seed.forged[3], seed.forged_rejected,
             seed.forged_accepted);
    }
    std::string faults = fmt::format("{} without fault", seed.agents[0]);
    for (std::size_t i = 1; i < seed.agents.size(); ++i) {
        if (seed.agents[i] > 0)
            faults += fmt::format(", {} {}", seed.agents[i], to_string(static_cast<sim::AgentFault>(i)));
    }
    line(out, "agents", "{}", faults);
    line(out, "shadow", "{} compared, {} matched, {} mismatched, accuracy {}", seed.shadow.compared,
         seed.shadow.matched, seed.shadow.mismatched,
         percent(ratio(seed.shadow.matched, seed.shadow.compared)));
    const ShadowTotals& shadow = seed.shadow;
    if (report.options.level == TaskLevel::l3_full_execute) {
        line(out, "execution", "gas: {} as in our runs, {} otherwise; state: {} and {}; {} state races",
             shadow.evm_gas_matches, shadow.evm_gas_mismatches, shadow.evm_state_matches,
             shadow.evm_state_mismatches, shadow.state_race_excluded);
    }
    line(out, "paid", "{} IOTX in {} epochs", rau_to_iotx(seed.paid_rau), seed.epochs_paid);
    if (seed.unanswered > 0)
        line(out, "unanswered", "{} transactions: this run is not like others of its seed", seed.unanswered);
}

void print_run(const SimReport& report, std::ostream& out) {
    const RunFigures& run = report.run;
    const sim::RunTotals& totals = run.totals;
    const bool own = report.seed.has_value();
    out << "\nThis run\n";
    if (own) {
        line(out, "time", "{} making and signing, {} joining, {} load, {} draining, {} leaving",
             seconds(run.preparing), seconds(run.joining), seconds(run.load), seconds(run.draining),
             seconds(run.leaving));
    } else {
        line(out, "time", "{} joining, {} load, {} leaving", seconds(run.joining), seconds(run.load),
             seconds(run.leaving));
    }
    line(out, "throughput", "{:.1f} answers/s, {} answers in {} batches", run.answers_per_second(),
         totals.answers, totals.batches);
    const auto print_latency = [&](const char* name, const Latencies& latency, const char* what) {
        line(out, name, "p50 {}, p95 {}, p99 {}, most {} {}", go_duration(latency.p50),
             go_duration(latency.p95), go_duration(latency.p99), go_duration(latency.most), what);
    };
    if (own) print_latency("task latency", run.task, "from the pool to the answer's being durable");
    print_latency("agent latency", run.agent, "from the batch to the answer's being accepted");
    line(out, "check", "{:.0f} µs a task", ratio(totals.compute_us, totals.tasks));
    if (own) {
        line(out, "queue", "{:.0f} tasks on average, {} at most; {} in the first half, {} in the second: {}",
             run.queue_mean, run.queue_most, run.queue_first_half, run.queue_second_half,
             run.queue_grew() ? "growing" : "not growing");
        line(out, "task problems", "{} timed out ({} dropped, {} abandoned), {} left the pool before an answer",
             run.timed_out, run.dropped, run.given_up, run.left_unanswered);
        if (run.stalls > 0 || run.chain_waited > std::chrono::milliseconds(0)) {
            line(out, "chain", "{} stalls; it waited {} for answers", run.stalls, seconds(run.chain_waited));
        }
    }
    line(out, "agents did", "{} late, {} refused, {} never answered, {} without a word", totals.late,
         totals.refused, totals.abandoned, totals.unknown);
    if (totals.second_refused + totals.second_accepted + totals.foreign_refused + totals.foreign_accepted > 0) {
        line(out, "tried", "{} answers again ({} taken), {} for others ({} taken)",
             totals.second_refused + totals.second_accepted, totals.second_accepted,
             totals.foreign_refused + totals.foreign_accepted, totals.foreign_accepted);
    }
    if (totals.vanished > 0)
        line(out, "vanished", "{}, of which {} came back", totals.vanished, totals.returned);
    line(out, "CPU", "{:.1f} s on {} cores, of which agents {:.1f} s ({:.0f}%) on {} threads", run.cpu_seconds,
         run.cores, run.agents_cpu_seconds, 100 * run.agents_cpu_share(), run.agent_threads);
    line(out, "memory", "{} resident at most", format_bytes(run.peak_resident_bytes));
    line(out, "connections", "{}{}", run.connections,
         run.agents_per_connection > 1 ? fmt::format(", each of {} agents", run.agents_per_connection) : "");
    for (const auto& [reason, count] : report.failures)
        line(out, "failed", "{} times: {}", count, escape_for_display(reason));
}

void print_agents(const SimReport& report, std::ostream& out) {
    out << fmt::format("\n  {:<18}{:<10}{:<12}{:>9}{:>9}{:>9}{:>10}\n", "agent", "region", "fault", "answers",
                       "batches", "correct", "µs/task");
    const std::size_t shown = std::min(report.agents.size(), kAgentsShown);
    for (std::size_t i = 0; i < shown; ++i) {
        const SimReport::Row& row = report.agents[i];
        // For a coordinator elsewhere, we do not know which answers were correct.
        const std::string correct = report.seed ? fmt::to_string(row.tally.correct) : "-";
        out << fmt::format("  {:<18}{:<10}{:<12}{:>9}{:>9}{:>9}{:>10.0f}\n", row.id, row.region,
                           to_string(row.fault), row.tally.answers, row.tally.batches, correct,
                           mean_us(row.tally));
    }
    if (shown < report.agents.size()) {
        std::uint64_t rest = 0;
        for (std::size_t i = shown; i < report.agents.size(); ++i)
            rest += report.agents[i].tally.answers;
        out << fmt::format("  and {} more with {} answers together (--json has them all)\n",
                           report.agents.size() - shown, rest);
    }
    out << fmt::format("\n  {:<18}{:>9}{:>9}\n", "region", "agents", "answers");
    for (const auto& [name, region] : regions_of(report))
        out << fmt::format("  {:<18}{:>9}{:>9}\n", name, region.agents, region.answers);
    const Cost cost = cost_of(report);
    out << fmt::format(
        "\n  cost projection: {} agents at ${:.0f} a month = ${:.0f}; {:.1f} million answers a month, "
        "${:.2f} a million\n",
        report.options.agents, kDollarsAnAgentMonth, cost.dollars_a_month, cost.millions_a_month,
        cost.dollars_a_million());
}

void print_findings(const SimReport& report, std::ostream& out) {
    out << "\nInvariants\n";
    for (const sim::Finding& finding : report.findings) {
        out << fmt::format("  {:<8}{}\n", finding.holds ? "holds" : "BROKEN", finding.name);
        if (!finding.holds) out << fmt::format("          {}\n", escape_for_display(finding.detail));
    }
    if (!report.holds()) out << fmt::format("\nto repeat it: {}\n", repeat_line(report.options));
}

ordered_json latency_json(const Latencies& latency) {
    return {{"p50_us", latency.p50.count()},
            {"p95_us", latency.p95.count()},
            {"p99_us", latency.p99.count()},
            {"max_us", latency.most.count()}};
}

ordered_json execution_json(const ShadowTotals& shadow) {
    return {{"gas_matches", shadow.evm_gas_matches},
            {"gas_mismatches", shadow.evm_gas_mismatches},
            {"state_matches", shadow.evm_state_matches},
            {"state_mismatches", shadow.evm_state_mismatches},
            {"state_races", shadow.state_race_excluded}};
}

ordered_json seed_json(const SeedFigures& seed) {
    ordered_json agents = ordered_json::object();
    for (std::size_t i = 0; i < seed.agents.size(); ++i)
        agents[std::string(to_string(static_cast<sim::AgentFault>(i)))] = seed.agents[i];
    return {{"blocks", seed.planned.blocks},
            {"transactions", seed.planned.transactions},
            {"mined", seed.planned.mined},
            {"mined_and_failed", seed.planned.mined_and_failed},
            {"replaced", seed.planned.replaced},
            {"unaffordable", seed.planned.unaffordable},
            {"forged", seed.planned.forged},
            {"forged_rejected", seed.forged_rejected},
            {"forged_accepted", seed.forged_accepted},
            {"unanswered", seed.unanswered},
            {"agents_by_fault", std::move(agents)},
            {"compared", seed.shadow.compared},
            {"matched", seed.shadow.matched},
            {"mismatched", seed.shadow.mismatched},
            {"accuracy_pct", 100 * ratio(seed.shadow.matched, seed.shadow.compared)},
            {"epochs_paid", seed.epochs_paid},
            {"paid_rau", to_decimal(seed.paid_rau)}};
}

ordered_json run_json(const SimReport& report) {
    const RunFigures& run = report.run;
    const sim::RunTotals& totals = run.totals;
    const auto in_seconds = [](std::chrono::nanoseconds time) {
        return std::chrono::duration<double>(time).count();
    };
    ordered_json out{{"preparing_s", in_seconds(run.preparing)},
                     {"joining_s", in_seconds(run.joining)},
                     {"load_s", in_seconds(run.load)},
                     {"draining_s", in_seconds(run.draining)},
                     {"leaving_s", in_seconds(run.leaving)},
                     {"answers_per_s", run.answers_per_second()},
                     {"answers", totals.answers},
                     {"batches", totals.batches},
                     {"task_latency", latency_json(run.task)},
                     {"agent_latency", latency_json(run.agent)},
                     {"queue_mean", run.queue_mean},
                     {"queue_max", run.queue_most},
                     {"queue_grew", run.queue_grew()},
                     {"timed_out", run.timed_out},
                     {"given_up", run.given_up},
                     {"dropped", run.dropped},
                     {"left_pool_unanswered", run.left_unanswered},
                     {"stalls", run.stalls},
                     {"chain_waited_s", in_seconds(run.chain_waited)},
                     {"late", totals.late},
                     {"refused", totals.refused},
                     {"never_answered", totals.abandoned},
                     {"unknown", totals.unknown},
                     {"again_refused", totals.second_refused},
                     {"again_accepted", totals.second_accepted},
                     {"for_others_refused", totals.foreign_refused},
                     {"for_others_accepted", totals.foreign_accepted},
                     {"vanished", totals.vanished},
                     {"returned", totals.returned},
                     {"payouts_announced", totals.payouts},
                     {"cpu_s", run.cpu_seconds},
                     {"agents_cpu_s", run.agents_cpu_seconds},
                     {"agents_cpu_share", run.agents_cpu_share()},
                     {"cores", run.cores},
                     {"peak_resident_bytes", run.peak_resident_bytes},
                     {"connections", run.connections},
                     {"warnings", run.warnings()}};
    if (run.heap) out["heap_bytes"] = {{"before", run.heap->before}, {"after", run.heap->after}};
    if (!report.failures.empty()) out["failures"] = report.failures;
    return out;
}

std::string share_flag(const char* name, std::uint32_t permille) {
    if (permille == 0) return {};
    return permille % 10 == 0 ? fmt::format(" --{} {}%", name, permille / 10)
                              : fmt::format(" --{} {}.{}%", name, permille / 10, permille % 10);
}

}  // namespace

Latencies latencies_of(const sim::LatencyHistogram& histogram) {
    return {histogram.percentile(50), histogram.percentile(95), histogram.percentile(99), histogram.most()};
}

double RunFigures::answers_per_second() const {
    const double time = std::chrono::duration<double>(load).count();
    return time == 0 ? 0 : static_cast<double>(answers_in_load) / time;
}

double RunFigures::agents_cpu_share() const {
    return cpu_seconds == 0 ? 0 : agents_cpu_seconds / cpu_seconds;
}

bool RunFigures::queue_grew() const {
    constexpr std::uint64_t kNoise = 100;  // in tasks: the queue goes up and down between two polls
    return queue_second_half > 2 * queue_first_half + kNoise;
}

std::vector<std::string> RunFigures::warnings() const {
    std::vector<std::string> out;
    const double time = std::chrono::duration<double>(load).count();
    if (time == 0) return out;
    if (agents_cpu_seconds > 0.9 * time * agent_threads) {
        out.push_back(
            fmt::format("the agents' {} threads were busy all the time: these figures are theirs, not the "
                        "coordinator's",
                        agent_threads));
    } else if (cpu_seconds > 0.95 * time * cores) {
        out.push_back(
            fmt::format("all {} cores were busy, {:.0f}% of it with the agents: a coordinator alone on this "
                        "machine does better",
                        cores, 100 * agents_cpu_share()));
    }
    return out;
}

bool SimReport::holds() const {
    return std::all_of(findings.begin(), findings.end(),
                       [](const sim::Finding& finding) { return finding.holds; });
}

std::string repeat_line(const SimOptions& options) {
    std::string out =
        fmt::format("ioswarm sim --seed {} --agents {} --duration {} --tps {} --block-time {} --accounts {}",
                    options.seed, options.agents, go_duration(options.duration), options.tps,
                    go_duration(options.block_time), options.accounts);
    if (options.level != TaskLevel::l2_state_verify)
        out += fmt::format(" --level {}", to_string(options.level));
    if (options.redundancy != 1) out += fmt::format(" --task-redundancy {}", options.redundancy);
    if (options.rules == sim::AgentRules::field) out += " --agent-rules field";
    out += share_flag("vanish", options.faults.vanish) + share_flag("late", options.faults.late) +
           share_flag("never-read", options.faults.never_read) + share_flag("twice", options.faults.twice) +
           share_flag("for-others", options.faults.for_others) + share_flag("wrong", options.faults.wrong) +
           share_flag("forged", options.faults.forged) + share_flag("stall", options.faults.stall);
    if (options.level == TaskLevel::l3_full_execute)
        out += share_flag("wrong-gas", options.faults.wrong_gas) +
               share_flag("wrong-state", options.faults.wrong_state);
    if (options.task_timeout) out += fmt::format(" --task-timeout {}", go_duration(*options.task_timeout));
    if (options.agents_per_connection != 0)
        out += fmt::format(" --agents-per-connection {}", options.agents_per_connection);
    if (options.target.empty()) return out;
    out += " --target " + options.target;
    if (!options.secret_file.empty()) out += " --secret-file " + options.secret_file;
    if (options.tls) out += " --tls";
    if (options.own_target) out += " --i-own-this-target";
    return out;
}

void print_text(const SimReport& report, std::ostream& out) {
    const SimOptions& options = report.options;
    if (report.seed) {
        out << fmt::format(
            "sim: seed {}, {} agents ({} rules), {} at {} tps, a block in {}, {}, {} agents a task\n",
            options.seed, options.agents, options.rules == sim::AgentRules::field ? "the field's" : "honest",
            go_duration(options.duration), options.tps, go_duration(options.block_time),
            to_string(options.level), options.redundancy);
        print_seed(report, out);
    } else {
        out << fmt::format("sim: {} agents alone at {}, seed {}\n", options.agents, options.target,
                           options.seed);
    }
    print_run(report, out);
    print_agents(report, out);
    print_findings(report, out);
}

void print_json(const SimReport& report, std::ostream& out) {
    ordered_json json{{"seed", report.options.seed}, {"command", repeat_line(report.options)}};
    if (report.seed) json["by_seed"] = seed_json(*report.seed);
    if (report.seed && report.options.level == TaskLevel::l3_full_execute)
        json["execution"] = execution_json(report.seed->shadow);
    json["this_run"] = run_json(report);
    ordered_json agents = ordered_json::array();
    for (const SimReport::Row& row : report.agents) {
        ordered_json agent{{"id", row.id},
                           {"region", row.region},
                           {"fault", to_string(row.fault)},
                           {"answers", row.tally.answers},
                           {"batches", row.tally.batches}};
        if (report.seed) {
            agent["compared"] = row.tally.compared;
            agent["correct"] = row.tally.correct;
        }
        agent["us_a_task"] = mean_us(row.tally);
        agents.push_back(std::move(agent));
    }
    json["agents"] = std::move(agents);
    ordered_json regions = ordered_json::object();
    for (const auto& [name, region] : regions_of(report))
        regions[name] = {{"agents", region.agents}, {"answers", region.answers}};
    json["regions"] = std::move(regions);
    const Cost cost = cost_of(report);
    json["cost"] = {{"dollars_a_month", cost.dollars_a_month},
                    {"million_answers_a_month", cost.millions_a_month},
                    {"dollars_a_million", cost.dollars_a_million()}};
    ordered_json invariants = ordered_json::array();
    for (const sim::Finding& finding : report.findings)
        invariants.push_back({{"name", finding.name}, {"holds", finding.holds}, {"detail", finding.detail}});
    json["invariants"] = std::move(invariants);
    json["holds"] = report.holds();
    out << json.dump(2) << '\n';
}

}  // namespace ioswarm::cli
