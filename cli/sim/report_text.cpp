// SPDX-License-Identifier: Apache-2.0
// The report of `sim` for people. No line is longer than 80 columns.
#include <algorithm>
#include <ostream>
#include <tuple>

#include <fmt/format.h>

#include "cli/progress_line.hpp"
#include "cli/sim/report_parts.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::size_t kColumns = 80;
/// Rows of each kind in the table of agents: the busiest, and the worst of the others.
constexpr std::size_t kBusiestShown = 6;
constexpr std::size_t kWorstShown = 4;

std::string seconds(std::chrono::nanoseconds time) {
    return go_duration(std::chrono::duration_cast<std::chrono::milliseconds>(time));
}

/// "1 epoch", "2 epochs".
std::string counted(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string percent(double share) {
    return fmt::format("{:.2f}%", 100 * share);
}

/// Prints `text` behind `first`, and breaks it between words where a line would be too long. `before_break`
/// ends each line but the last, and `indent` spaces begin each line but the first.
void print_wrapped(std::ostream& out, std::string line, std::string_view text, std::size_t indent,
                   std::string_view before_break = {}) {
    bool begun = false;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (begun && line.size() + 1 + word.size() + before_break.size() > kColumns) {
            out << line << before_break << '\n';
            line.assign(indent, ' ');
            begun = false;
        }
        line += (begun ? " " : "") + std::string(word);
        begun = true;
    }
    out << line << '\n';
}

template <typename... Args>
void line(std::ostream& out, const char* name, fmt::format_string<Args...> format, Args&&... args) {
    constexpr std::size_t kNameColumns = 18;
    print_wrapped(out, fmt::format("  {:<16}", name), fmt::format(format, std::forward<Args>(args)...),
                  kNameColumns);
}

void print_seed(const SimReport& report, std::ostream& out) {
    const SeedFigures& seed = *report.seed;
    const sim::ScenarioFigures& planned = seed.planned;
    out << "\nBy the seed: the same in every run\n";
    line(out, "blocks", "{} with load, {}", planned.blocks, counted(seed.epochs_paid, "epoch"));
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
        line(out, "execution",
             "gas: {} equal to the coordinator's runs, {} different; state: {} equal, {} different; {} state "
             "races",
             shadow.evm_gas_matches, shadow.evm_gas_mismatches, shadow.evm_state_matches,
             shadow.evm_state_mismatches, shadow.state_race_excluded);
    }
    line(out, "paid", "{} IOTX in {}", rau_to_iotx(seed.paid_rau), counted(seed.epochs_paid, "epoch"));
    if (seed.unanswered > 0)
        line(out, "unanswered", "{} transactions: the figures above may differ from other runs with this seed",
             seed.unanswered);
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
        line(out, name, "p50 {}, p95 {}, p99 {}, maximum {}, {}", go_duration(latency.p50),
             go_duration(latency.p95), go_duration(latency.p99), go_duration(latency.most), what);
    };
    if (own) print_latency("task latency", run.task, "from the pool until the answer is durable");
    print_latency("agent latency", run.agent, "from the batch until the answer is accepted");
    line(out, "check", "{:.0f} µs per task", ratio(totals.compute_us, totals.tasks));
    if (own) {
        line(out, "queue", "{:.0f} tasks on average, {} at most; {} in the first half, {} in the second: {}",
             run.queue_mean, run.queue_max, run.queue_first_half, run.queue_second_half,
             run.queue_grew() ? "growing" : "not growing");
        line(out, "task problems", "{} timed out ({} dropped, {} abandoned), {} left the pool before an answer",
             run.timed_out, run.dropped, run.given_up, run.left_unanswered);
        if (run.stalls > 0 || run.chain_waited > std::chrono::milliseconds(0)) {
            line(out, "chain", "{}; it waited {} for answers", counted(run.stalls, "stall"),
                 seconds(run.chain_waited));
        }
    }
    line(out, "agents did", "{} late, {} refused, {} never answered, {} with unknown outcome", totals.late,
         totals.refused, totals.abandoned, totals.unknown);
    if (totals.second_refused + totals.second_accepted + totals.foreign_refused + totals.foreign_accepted > 0) {
        line(out, "tried", "{} repeated answers ({} accepted), {} for other agents ({} accepted)",
             totals.second_refused + totals.second_accepted, totals.second_accepted,
             totals.foreign_refused + totals.foreign_accepted, totals.foreign_accepted);
    }
    if (totals.vanished > 0)
        line(out, "vanished", "{}, of which {} came back", totals.vanished, totals.returned);
    line(out, "CPU", "{:.1f} s on {}, of which agents {:.1f} s ({:.0f}%) on {}", run.cpu_seconds,
         counted(run.cores, "core"), run.agents_cpu_seconds, 100 * run.agents_cpu_share(),
         counted(run.agent_threads, "thread"));
    line(out, "memory", "{} resident at most", format_bytes(run.peak_resident_bytes));
    line(out, "connections", "{}{}", run.connections,
         run.agents_per_connection > 1 ? fmt::format(", each shared by {} agents", run.agents_per_connection)
                                       : "");
    for (const auto& [reason, count] : report.failures)
        line(out, "failed", "{} times: {}", count, escape_for_display(reason));
}

/// Answers that the blocks prove wrong.
std::uint64_t wrong_answers(const sim::AgentTally& tally) {
    return tally.compared - std::min(tally.correct, tally.compared);
}

/// Whether the first agent did worse: more wrong answers, else more that did not count, else fewer answers.
bool is_worse(const SimReport::Row& a, const SimReport::Row& b) {
    const auto rank = [](const sim::AgentTally& tally) {
        return std::tuple(wrong_answers(tally), tally.late + tally.refused + tally.unknown, ~tally.answers);
    };
    const auto left = rank(a.tally);
    const auto right = rank(b.tally);
    return left != right ? left > right : a.id < b.id;
}

void print_agent(const SimReport& report, const SimReport::Row& row, std::ostream& out) {
    const sim::AgentTally& tally = row.tally;
    // Only answers about transactions that were mined can be compared with a block, so an honest agent has as
    // many right answers as compared ones. For a coordinator elsewhere nothing is compared.
    const std::string right =
        report.seed ? fmt::format("{} of {}", tally.correct, tally.compared) : std::string("-");
    out << fmt::format("  {:<16}{:<9}{:<11}{:>8}{:>8}{:>17}{:>9.0f}\n", row.id, row.region,
                       to_string(row.fault), tally.answers, tally.batches, right, mean_us(tally));
}

void print_agents(const SimReport& report, std::ostream& out) {
    const auto title = [&](const char* name) {
        out << fmt::format("\n  {:<16}{:<9}{:<11}{:>8}{:>8}{:>17}{:>9}\n", name, "region", "fault", "answers",
                           "batches", "right by blocks", "us/task");
    };
    const std::vector<SimReport::Row>& agents = report.agents;
    const bool all = agents.size() <= kBusiestShown + kWorstShown;
    const std::size_t busiest = all ? agents.size() : kBusiestShown;
    title(all ? "agents" : "busiest agents");
    for (std::size_t i = 0; i < busiest; ++i)
        print_agent(report, agents[i], out);
    if (!all) {
        std::vector<SimReport::Row> others(agents.begin() + static_cast<std::ptrdiff_t>(busiest), agents.end());
        std::sort(others.begin(), others.end(), is_worse);
        title("worst agents");
        std::uint64_t rest = 0;
        for (std::size_t i = 0; i < others.size(); ++i) {
            if (i < kWorstShown)
                print_agent(report, others[i], out);
            else
                rest += others[i].tally.answers;
        }
        if (others.size() > kWorstShown)
            out << fmt::format("  and {} more with {} answers together (--json has them all)\n",
                               others.size() - kWorstShown, rest);
    }
    out << fmt::format("\n  {:<18}{:>9}{:>9}\n", "region", "agents", "answers");
    for (const auto& [name, region] : regions_of(report))
        out << fmt::format("  {:<18}{:>9}{:>9}\n", name, region.agents, region.answers);
    const AgentCost cost = cost_of(report);
    out << '\n';
    print_wrapped(
        out, "  cost projection: ",
        fmt::format(
            "{} agents at ${:.0f} per month = ${:.0f}; {:.1f} million answers per month, ${:.2f} per million",
            report.options.agents, kDollarsPerAgentMonth, cost.dollars_per_month, cost.millions_per_month,
            cost.dollars_per_million()),
        4);
}

void print_findings(const SimReport& report, std::ostream& out) {
    out << "\nInvariants\n";
    for (const sim::Finding& finding : report.findings) {
        print_wrapped(out, fmt::format("  {:<8}", finding.holds ? "holds" : "BROKEN"), finding.name, 10);
        if (!finding.holds) print_wrapped(out, std::string(10, ' '), escape_for_display(finding.detail), 10);
    }
}

/// The verdict is printed last, so that it is visible without scrolling up.
void print_verdict(const SimReport& report, std::ostream& out) {
    const auto broken = std::count_if(report.findings.begin(), report.findings.end(),
                                      [](const sim::Finding& finding) { return !finding.holds; });
    out << '\n';
    if (broken > 0) {
        print_wrapped(out, "to repeat the run: ", repeat_line(report.options), 4, " \\");
        out << fmt::format("FAILED: {} of {} invariants do not hold\n", broken, report.findings.size());
    } else if (report.stopped) {
        out << "stopped early: no invariant was broken until then\n";
    } else {
        out << fmt::format("passed: all {} invariants hold\n", report.findings.size());
    }
}

}  // namespace

void print_text(const SimReport& report, std::ostream& out) {
    const SimOptions& options = report.options;
    if (options.target.empty()) {
        print_wrapped(
            out, "sim: ",
            fmt::format("seed {}, {} agents ({} rules), {} at {} tps, a block every {}, {}, {} per task",
                        options.seed, options.agents,
                        options.rules == sim::AgentRules::deployed ? "deployed agents'" : "honest",
                        go_duration(options.duration), options.tps, go_duration(options.block_time),
                        to_string(options.level), counted(options.redundancy, "agent")),
            5);
    }
    if (report.seed) {
        print_seed(report, out);
    } else if (options.target.empty()) {
        out << "The run was stopped: figures that follow from the seed need a whole run.\n";
    } else {
        out << fmt::format("sim: {} agents alone at {}, seed {}\n", options.agents, options.target,
                           options.seed);
    }
    print_run(report, out);
    print_agents(report, out);
    print_findings(report, out);
    print_verdict(report, out);
}

}  // namespace ioswarm::cli
