// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/metrics.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "cli/version/build_info.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

double since_epoch(Clock::Wall time) {
    return seconds(time.time_since_epoch());
}

/// Families in the order in which they were first named, since a family's series must follow each other.
class Families {
  public:
    void counter(std::string_view name, std::string_view help, std::uint64_t value, Labels labels = {}) {
        add(MetricType::Counter, name, help, static_cast<double>(value), std::move(labels));
    }
    void gauge(std::string_view name, std::string_view help, double value, Labels labels = {}) {
        add(MetricType::Gauge, name, help, value, std::move(labels));
    }

    [[nodiscard]] std::vector<MetricFamily> take() { return std::move(families_); }

  private:
    void add(MetricType type, std::string_view name, std::string_view help, double value, Labels labels) {
        const auto [at, is_new] = index_.emplace(name, families_.size());
        if (is_new) families_.push_back({std::string(name), std::string(help), type, {}});
        MetricFamily& family = families_[at->second];
        ClientMetric metric;
        metric.label = std::move(labels);
        metric.counter.value = metric.gauge.value = value;
        family.metric.push_back(std::move(metric));
    }

    std::vector<MetricFamily> families_;
    std::map<std::string, std::size_t, std::less<>> index_;
};

void add_status(Families& out, const MetricFigures& figures) {
    const StatusView& status = figures.status;
    out.gauge("ioswarm_start_time_seconds", "When serve was started, in seconds since 1970.",
              since_epoch(figures.now) - seconds(status.uptime));
    out.gauge("ioswarm_agents_registered", "Agents that are registered.", status.agents_total);
    out.gauge("ioswarm_agents_live", "Agents with a recent heartbeat.", status.agents_live);
    for (const auto& [level, count] : status.live_by_level)
        out.gauge("ioswarm_agents_live_by_level", "Agents with a recent heartbeat, by level.", count,
                  {{"level", level}});
    out.counter("ioswarm_tasks_dispatched_total", "Tasks given out, counted once per agent that received them.",
                status.tasks_dispatched);
    out.counter("ioswarm_task_results_received_total", "Results accepted from agents, in all runs of serve.",
                status.tasks_received);
    out.gauge("ioswarm_source_height", "Height of the newest block of the source; 0 while it is not known.",
              static_cast<double>(status.height));
    if (status.source_age)
        out.gauge("ioswarm_source_age_seconds", "Age of the newest block of the source.",
                  seconds(*status.source_age));
    if (status.coverage.mined > 0) {
        out.gauge("ioswarm_coverage_ratio",
                  "Part of the transactions mined lately that had been given to an agent before.",
                  static_cast<double>(status.coverage.handed_out) / static_cast<double>(status.coverage.mined));
    }
    if (figures.settlement_stopped) {
        out.gauge("ioswarm_settlement_stopped", "1 when the settler of serve pays nothing although it should.",
                  *figures.settlement_stopped ? 1 : 0);
    }
    out.gauge("ioswarm_ready", "1 when /readyz says ok.", figures.is_ready ? 1 : 0);
    out.gauge("ioswarm_config_last_reload_successful",
              "0 when the last reload of the configuration was refused.", figures.reload_worked ? 1 : 0);
    out.gauge("ioswarm_config_last_reload_success_timestamp_seconds",
              "When the configuration in use was read, in seconds since 1970.",
              std::chrono::duration<double>(figures.configured_at.time_since_epoch()).count());
}

void add_shadow(Families& out, const ShadowTotals& shadow) {
    out.counter("ioswarm_shadow_compared_total", "Answers compared with what the chain did.", shadow.compared);
    out.counter("ioswarm_shadow_matched_total", "Answers that agree with what the chain did.", shadow.matched);
    const char* const mismatches = "Answers that disagree with the chain, by kind.";
    out.counter("ioswarm_shadow_mismatches_total", mismatches, shadow.false_positives,
                {{"kind", "false_positive"}});
    out.counter("ioswarm_shadow_mismatches_total", mismatches, shadow.false_negatives,
                {{"kind", "false_negative"}});
    const char* const excluded =
        "Answers that count as right although the chain did something else, by reason.";
    out.counter("ioswarm_shadow_excluded_total", excluded, shadow.nonce_race_excluded,
                {{"reason", "nonce_race"}});
    out.counter("ioswarm_shadow_excluded_total", excluded, shadow.state_race_excluded,
                {{"reason", "state_race"}});
    const char* const gas = "Gas of answers from execution, compared with the coordinator's own run.";
    out.counter("ioswarm_shadow_gas_total", gas, shadow.evm_gas_matches, {{"result", "same"}});
    out.counter("ioswarm_shadow_gas_total", gas, shadow.evm_gas_mismatches, {{"result", "different"}});
    const char* const state =
        "Changes of state of answers from execution, compared with the coordinator's own run.";
    out.counter("ioswarm_shadow_state_total", state, shadow.evm_state_matches, {{"result", "same"}});
    out.counter("ioswarm_shadow_state_total", state, shadow.evm_state_mismatches, {{"result", "different"}});
}

void add_epoch(Families& out, const EpochView& epoch) {
    out.gauge("ioswarm_epoch", "Number of the running epoch.", static_cast<double>(epoch.epoch));
    out.gauge("ioswarm_epoch_elapsed_seconds", "Time since the running epoch began.", seconds(epoch.elapsed));
    out.gauge("ioswarm_epoch_agents", "Agents with work in the running epoch.", epoch.agents);
    out.gauge("ioswarm_epoch_tasks", "Tasks answered in the running epoch.",
              static_cast<double>(epoch.total_tasks));
}

void add_diffs(Families& out, const DiffsView& diffs) {
    out.gauge("ioswarm_diff_tip_height", "Height of the newest state diff.", static_cast<double>(diffs.tip));
    out.gauge("ioswarm_diff_floor_height", "Height of the oldest state diff that is kept.",
              static_cast<double>(diffs.floor));
    out.gauge("ioswarm_diff_subscribers", "Agents that read state diffs.",
              static_cast<double>(diffs.subscribers.size()));
    std::uint64_t lag = 0;
    for (const DiffSubscriber& one : diffs.subscribers)
        lag = std::max(lag, one.lag);
    out.gauge("ioswarm_diff_lag_blocks", "State diffs that the slowest subscriber has not taken yet.",
              static_cast<double>(lag));
    out.counter("ioswarm_diff_subscribers_dropped_total", "Subscribers dropped because they were too slow.",
                diffs.dropped);
    out.gauge("ioswarm_diffs_halted", "1 when the feed of state diffs has stopped.",
              diffs.alarm.empty() ? 0 : 1);
}

/// Prometheus works with doubles, so amounts are in IOTX and not exact.
double iotx_of(const U256& rau) {
    return static_cast<double>(rau) / 1e18;
}

void add_settlement(Families& out, const SettlementFigures& settlement) {
    out.gauge("ioswarm_settlement_halted", "1 when the settler has halted and waits for an operator.",
              settlement.halted.empty() ? 0 : 1);
    out.counter("ioswarm_settlement_halts_total", "Halts of the settler since serve was started.",
                settlement.halts);
    out.gauge("ioswarm_settlement_waiting", "1 when something is owed and nothing is signed for a reason.",
              settlement.waits.empty() ? 0 : 1);
    if (settlement.waits_since_ms != 0) {
        out.gauge("ioswarm_settlement_waiting_since_timestamp_seconds",
                  "Since when the settler waits, in seconds since 1970.",
                  static_cast<double>(settlement.waits_since_ms) / 1000);
    }
    if (settlement.paid_through) {
        out.gauge("ioswarm_settlement_paid_epoch", "Newest epoch up to which everything is paid.",
                  static_cast<double>(*settlement.paid_through));
    }
    out.gauge("ioswarm_settlement_backlog_payouts", "Payouts with a wallet that are not paid yet.",
              static_cast<double>(settlement.unpaid_payouts));
    out.gauge("ioswarm_settlement_backlog_iotx", "Sum of the payouts with a wallet that are not paid yet.",
              iotx_of(settlement.unpaid_rau));
    out.gauge("ioswarm_settlement_without_wallet_iotx", "Kept for agents that have no wallet.",
              iotx_of(settlement.without_wallet_rau));
    out.gauge("ioswarm_settlement_paid_iotx", "Paid through settlements in all.", iotx_of(settlement.paid_rau));
    out.gauge("ioswarm_settlement_gas_iotx", "Gas that settlements have cost in all.",
              iotx_of(settlement.gas_rau));
    if (settlement.balance_rau) {
        out.gauge("ioswarm_settlement_signer_balance_iotx", "Balance of the wallet that settles.",
                  iotx_of(*settlement.balance_rau));
    }
    if (const auto left = settlement.epochs_left()) {
        out.gauge("ioswarm_settlement_epochs_left",
                  "Epochs that the balance pays at the cost of the newest ones, after what is owed now.",
                  static_cast<double>(*left));
    }
}

void add_snapshot(Families& out, const NewestSnapshot& snapshot) {
    out.gauge("ioswarm_snapshot_height", "Height of the newest published snapshot.",
              static_cast<double>(snapshot.height));
    out.gauge("ioswarm_snapshot_size_bytes", "Size of the newest published snapshot.",
              static_cast<double>(snapshot.bytes));
    if (const auto time = parse_rfc3339(snapshot.time)) {
        out.gauge("ioswarm_snapshot_last_success_timestamp_seconds",
                  "When the newest published snapshot was made, in seconds since 1970.", since_epoch(*time));
    }
}

void add_agents(Families& out, const std::vector<AgentView>& agents) {
    for (const AgentView& agent : agents) {
        const Labels labels{{"agent", agent.id}};
        out.counter("ioswarm_agent_tasks_total", "Results accepted from an agent since it registered.",
                    agent.tasks_processed, labels);
        out.gauge("ioswarm_agent_tasks_open", "Tasks that an agent has and did not answer.",
                  agent.tasks_pending, labels);
        out.gauge("ioswarm_agent_last_heartbeat_timestamp_seconds", "When an agent was last heard of.",
                  since_epoch(agent.last_heartbeat), labels);
    }
}

}  // namespace

std::string Metrics::text(const MetricFigures& figures) const {
    Families out;
    const BuildInfo build = build_info();
    out.gauge("ioswarm_build_info", "Always 1; the labels say what the program was built from.", 1,
              {{"version", std::string(build.version)},
               {"commit", build.commit.id.empty() ? "unknown" : std::string(build.commit.id)}});
    add_status(out, figures);
    add_shadow(out, figures.shadow);
    add_epoch(out, figures.epoch);
    if (figures.diffs) add_diffs(out, *figures.diffs);
    if (figures.settlement) add_settlement(out, *figures.settlement);
    if (figures.snapshot) add_snapshot(out, *figures.snapshot);
    add_agents(out, figures.agents);
    std::vector<MetricFamily> families = out.take();
    for (MetricFamily& family : registry_.collect())
        families.push_back(std::move(family));
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace ioswarm::cli
