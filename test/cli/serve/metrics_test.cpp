// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/metrics.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cli/serve/http_guard.hpp"
#include "cli/version/build_info.hpp"
#include "core/accounting/counters.hpp"
#include "core/base/atomic_file.hpp"
#include "core/coordinator/counters.hpp"
#include "core/diffs/counters.hpp"
#include "core/ledger/counters.hpp"
#include "core/net/http_counters.hpp"
#include "proto/agent_port/counters.hpp"
#include "proto/node/counters.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;
using cli::MetricFigures;
using cli::Metrics;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        out.push_back(line);
    return out;
}

bool has_line(const std::string& text, const std::string& line) {
    const auto lines = lines_of(text);
    return std::find(lines.begin(), lines.end(), line) != lines.end();
}

/// "ioswarm_tasks_known" of "ioswarm_tasks_known 3" and of "ioswarm_x_bucket{le=\"1\"} 3".
std::string name_of(const std::string& sample) {
    return sample.substr(0, sample.find_first_of(" {"));
}

std::size_t series_of(const std::string& text) {
    const auto lines = lines_of(text);
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(), [](const std::string& line) { return !line.starts_with('#'); }));
}

/// The text without the series of histograms. They have no key in /swarm/status.
std::string without_histograms(const std::string& text) {
    std::string out;
    for (const std::string& line : lines_of(text)) {
        const std::string name = name_of(line);
        if (!name.ends_with("_bucket") && !name.ends_with("_sum") && !name.ends_with("_count"))
            out += line + "\n";
    }
    return out;
}

cli::SettlementFigures some_settlement() {
    const U256 iotx = U256(1'000'000'000) * 1'000'000'000;
    cli::SettlementFigures out;
    out.halts = 2;
    out.waits = "gas is dear";
    out.waits_since_ms = 1'790'000'000'000;
    out.paid_through = 12;
    out.unpaid_payouts = 3;
    out.unpaid_rau = iotx * 5;
    out.epoch_cost_rau = iotx * 2;
    out.balance_rau = iotx * 25;
    return out;
}

/// A registry with everything that the parts of `serve` count.
metrics::Registry declared() {
    metrics::Registry out;
    (void)EngineCounters(out);
    (void)TaskCounters(out);
    (void)ReadCounters(out);
    (void)ReadWorkerCounters(out);
    (void)RunCounters(out);
    (void)BlockCounters(out);
    (void)CoordinatorCounters(out);
    (void)PayrollCounters(out);
    (void)LedgerCounters(out);
    (void)DiffFeedCounters(out);
    (void)DiffHubCounters(out);
    (void)HttpServerCounters(out);
    (void)cli::HttpGuardCounters(out);
    (void)proto::ServiceCounters(out);
    (void)proto::AcceptorCounters(out);
    (void)proto::TlsCounters(out);
    (void)proto::NodeCounters(out);
    return out;
}

MetricFigures some_figures() {
    MetricFigures out;
    out.now = Clock::Wall(1'790'000'100s);
    out.status.uptime = 100s;
    out.status.agents_total = 5;
    out.status.agents_live = 3;
    out.status.live_by_level = {{"L2", 2}, {"L3", 1}};
    out.status.tasks_dispatched = 4'000;
    out.status.height = 1234;
    out.status.source_age = 3s;
    out.status.coverage = {500, 491};
    out.shadow.false_positives = 1;
    out.shadow.false_negatives = 2;
    return out;
}

}  // namespace

TEST_CASE("figures and counters of /swarm/status are exported with types and labels", "[metrics]") {
    const metrics::Registry registry = declared();
    TaskCounters(registry).dropped.add(7);
    TaskCounters(registry).given_up.add(2);
    proto::AcceptorCounters(registry).refused_barred.add(5);
    const proto::ServiceCounters service(registry);
    service.calls.add(100);
    service.denied.add();
    service.task_streams_open.set(3.0);
    const Metrics metrics(registry);
    const std::string text = metrics.text(some_figures());
    CHECK(has_line(text, "ioswarm_start_time_seconds 1790000000"));
    CHECK(has_line(text, "# TYPE ioswarm_tasks_dispatched_total counter"));
    CHECK(has_line(text, "ioswarm_tasks_dispatched_total 4000"));
    CHECK(has_line(text, "# TYPE ioswarm_source_height gauge"));
    CHECK(has_line(text, "ioswarm_source_height 1234"));
    CHECK(has_line(text, "ioswarm_coverage_ratio 0.982"));
    CHECK(has_line(text, "ioswarm_agents_live_by_level{level=\"L3\"} 1"));
    CHECK(has_line(text, "ioswarm_shadow_mismatches_total{kind=\"false_negative\"} 2"));
    CHECK(has_line(text, "ioswarm_tasks_dropped_total{reason=\"queue_full\"} 7"));
    CHECK(has_line(text, "ioswarm_tasks_dropped_total{reason=\"given_up\"} 2"));
    CHECK(has_line(text, "ioswarm_connections_refused_total{reason=\"barred\"} 5"));
    CHECK(has_line(text, "ioswarm_calls_total 100"));
    CHECK(has_line(text, "ioswarm_calls_failed_total{reason=\"denied\"} 1"));
    CHECK(has_line(text, "# TYPE ioswarm_task_streams gauge"));
    CHECK(has_line(text, "ioswarm_task_streams 3"));
}

TEST_CASE("the build metric equals the output of `ioswarm version`", "[metrics]") {
    const std::string text = Metrics().text(MetricFigures{});
    const cli::BuildInfo build = cli::build_info();
    const std::string commit = build.commit.id.empty() ? "unknown" : std::string(build.commit.id);
    CHECK(has_line(text, "ioswarm_build_info{version=\"" + std::string(build.version) + "\",commit=\"" +
                             commit + "\"} 1"));
}

TEST_CASE("a figure that is not known has no series", "[metrics]") {
    const std::string text = Metrics().text(MetricFigures{});
    CHECK(text.find("ioswarm_coverage_ratio") == std::string::npos);
    CHECK(text.find("ioswarm_source_age_seconds") == std::string::npos);
    CHECK(text.find("ioswarm_diff_tip_height") == std::string::npos);
    CHECK(text.find("ioswarm_snapshot_") == std::string::npos);
}

TEST_CASE("each family is described once, directly before its series", "[metrics]") {
    MetricFigures figures = some_figures();
    figures.diffs = DiffsView{};
    figures.snapshot = cli::NewestSnapshot{100, "a.snap.gz", 5, "00", "2026-09-21T14:13:20Z"};
    figures.agents.resize(2);
    figures.agents[0].id = "a";
    figures.agents[1].id = "b\"\\\n";
    const std::string text = Metrics(declared()).text(figures);
    CHECK(has_line(text, "ioswarm_snapshot_last_success_timestamp_seconds 1790000000"));
    CHECK(has_line(text, "ioswarm_agent_tasks_total{agent=\"b\\\"\\\\\\n\"} 0"));

    std::set<std::string> described;
    std::string family;
    for (const std::string& line : lines_of(text)) {
        INFO(line);
        if (line.starts_with("# HELP ")) {
            family = line.substr(7, line.find(' ', 7) - 7);
            CHECK(described.insert(family).second);
            CHECK(line.size() > 7 + family.size() + 1);
            CHECK(family.starts_with("ioswarm_"));
        } else if (line.starts_with("# TYPE ")) {
            CHECK(line.starts_with("# TYPE " + family + " "));
            if (line.ends_with(" counter")) CHECK(family.ends_with("_total"));
            if (line.ends_with(" gauge")) CHECK_FALSE(family.ends_with("_total"));
        } else {
            CHECK(name_of(line).starts_with(family));
        }
    }
}

TEST_CASE("durations are counted into histograms", "[metrics]") {
    const metrics::Registry registry = declared();
    LedgerCounters(registry).commit_time.observe(3ms);
    LedgerCounters(registry).commit_time.observe(30ms);
    EngineCounters(registry).task_round_trip.observe(1s);
    const std::string text = Metrics(registry).text(MetricFigures{});
    CHECK(has_line(text, "# TYPE ioswarm_ledger_commit_seconds histogram"));
    CHECK(has_line(text, "ioswarm_ledger_commit_seconds_count 2"));
    CHECK(has_line(text, "ioswarm_ledger_commit_seconds_bucket{le=\"0.005\"} 1"));
    CHECK(has_line(text, "ioswarm_ledger_commit_seconds_bucket{le=\"+Inf\"} 2"));
    CHECK(has_line(text, "ioswarm_task_round_trip_seconds_count 1"));
    CHECK(has_line(text, "ioswarm_state_read_seconds_count 0"));
    CHECK(has_line(text, "# TYPE ioswarm_diff_delivery_seconds histogram"));
    CHECK(has_line(text, "ioswarm_diff_delivery_seconds_count 0"));
}

TEST_CASE("a refused reload is exported, with the time since when the old configuration is in use",
          "[metrics]") {
    MetricFigures figures = some_figures();
    figures.configured_at = Clock::Wall(1'790'000'000s);
    CHECK(has_line(Metrics().text(figures), "ioswarm_config_last_reload_successful 1"));
    figures.reload_worked = false;
    const std::string text = Metrics().text(figures);
    CHECK(has_line(text, "ioswarm_config_last_reload_successful 0"));
    CHECK(has_line(text, "ioswarm_config_last_reload_success_timestamp_seconds 1790000000"));
}

TEST_CASE("the settlement's figures are exported when they are known", "[metrics]") {
    MetricFigures figures = some_figures();
    CHECK(Metrics().text(figures).find("ioswarm_settlement_halted") == std::string::npos);
    figures.settlement = some_settlement();
    std::string text = Metrics().text(figures);
    CHECK(has_line(text, "ioswarm_settlement_halted 0"));
    CHECK(has_line(text, "ioswarm_settlement_halts_total 2"));
    CHECK(has_line(text, "ioswarm_settlement_waiting 1"));
    CHECK(has_line(text, "ioswarm_settlement_waiting_since_timestamp_seconds 1790000000"));
    CHECK(has_line(text, "ioswarm_settlement_paid_epoch 12"));
    CHECK(has_line(text, "ioswarm_settlement_backlog_payouts 3"));
    CHECK(has_line(text, "ioswarm_settlement_backlog_iotx 5"));
    CHECK(has_line(text, "ioswarm_settlement_signer_balance_iotx 25"));
    CHECK(has_line(text, "ioswarm_settlement_epochs_left 10"));
    figures.settlement->halted = "a transaction that is not in settlement.db";
    figures.settlement->balance_rau.reset();
    text = Metrics().text(figures);
    CHECK(has_line(text, "ioswarm_settlement_halted 1"));
    CHECK(text.find("ioswarm_settlement_epochs_left") == std::string::npos);
}

TEST_CASE("every metric that the alert rules and the dashboard name exists", "[metrics]") {
    MetricFigures figures = some_figures();
    figures.diffs = DiffsView{};
    figures.snapshot = cli::NewestSnapshot{100, "a.snap.gz", 5, "00", "2026-09-21T14:13:20Z"};
    figures.settlement_stopped = false;
    figures.settlement = some_settlement();
    std::set<std::string> known;
    for (const std::string& line : lines_of(Metrics(declared()).text(figures))) {
        if (!line.starts_with('#')) known.insert(name_of(line));
    }
    const std::regex name("ioswarm_[a-z0-9_]+");
    for (const char* file : {"/prometheus/ioswarm.rules.yml", "/grafana/ioswarm.json"}) {
        const auto text = read_file(IOSWARM_DIST + std::string(file), 1U << 20U);
        REQUIRE(text);
        std::size_t found = 0;
        for (std::sregex_iterator at(text->begin(), text->end(), name), end; at != end; ++at, ++found) {
            INFO(at->str() << " in " << file);
            CHECK(known.count(at->str()) == 1);
        }
        CHECK(found >= 10);
    }
}

TEST_CASE("without series per agent the number of series does not depend on the agents", "[metrics]") {
    const Metrics metrics;
    MetricFigures figures = some_figures();
    const std::size_t before = series_of(metrics.text(figures));
    figures.status.agents_total = 10'000;
    for (int i = 0; i < 10'000; ++i)
        figures.status.live_by_region["region-" + std::to_string(i)] = 1;
    CHECK(series_of(metrics.text(figures)) == before);
}

TEST_CASE("each counter of /swarm/status has a metric of its own", "[metrics]") {
    const metrics::Registry registry = declared();
    // A metric that two parts declare is one, so no part may use the key or the labels of another by mistake.
    CHECK(series_of(without_histograms(Metrics(registry).text(MetricFigures{}))) ==
          series_of(Metrics().text(MetricFigures{})) + registry.values().size());
}
