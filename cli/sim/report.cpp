// SPDX-License-Identifier: Apache-2.0
#include "cli/sim/report.hpp"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/progress_line.hpp"
#include "cli/sim/report_parts.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

using nlohmann::ordered_json;

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
                     {"queue_max", run.queue_max},
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
    if (options.rules == sim::AgentRules::deployed) out += " --agent-rules field";
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
    if (!options.key_file.empty()) out += " --key-file " + options.key_file;
    if (options.tls) out += " --tls";
    if (options.own_target) out += " --i-own-this-target";
    return out;
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
        agent["us_per_task"] = mean_us(row.tally);
        agents.push_back(std::move(agent));
    }
    json["agents"] = std::move(agents);
    ordered_json regions = ordered_json::object();
    for (const auto& [name, region] : regions_of(report))
        regions[name] = {{"agents", region.agents}, {"answers", region.answers}};
    json["regions"] = std::move(regions);
    const AgentCost cost = cost_of(report);
    json["cost"] = {{"dollars_per_month", cost.dollars_per_month},
                    {"million_answers_per_month", cost.millions_per_month},
                    {"dollars_per_million_answers", cost.dollars_per_million()}};
    ordered_json invariants = ordered_json::array();
    for (const sim::Finding& finding : report.findings)
        invariants.push_back({{"name", finding.name}, {"holds", finding.holds}, {"detail", finding.detail}});
    json["invariants"] = std::move(invariants);
    json["holds"] = report.holds();
    out << json.dump(2) << '\n';
}

}  // namespace ioswarm::cli
