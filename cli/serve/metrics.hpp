// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/serve/newest_snapshot.hpp"
#include "core/base/observe.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm::cli {

/// Everything that GET /metrics shows at one moment, besides the histograms.
struct MetricFigures {
    StatusView status;  ///< with all counters, those of the ports and stores too
    ShadowTotals shadow;
    EpochView epoch;
    std::optional<DiffsView> diffs;          ///< nothing: the source has no state diffs
    std::optional<NewestSnapshot> snapshot;  ///< nothing: none is published
    std::optional<std::size_t> not_ready;    ///< reasons that /readyz gives; nothing: it was not asked
    std::optional<bool> settlement_stopped;  ///< nothing: serve does not settle
    std::vector<AgentView> agents;           ///< one series per agent each; empty: no series per agent
    Clock::Wall now{};
};

/// The figures of `serve` in Prometheus' text format. Histograms live here and are fed while serve works; all
/// other figures are read when a scrape asks for them. Thread-safe.
class Metrics {
  public:
    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    /// What feeds the histograms. Each function may be called from any thread, as long as this object lives.
    [[nodiscard]] ObserveDuration
    task_round_trip();                           ///< from a batch's being sent to its answer's being accepted
    [[nodiscard]] ObserveDuration state_read();  ///< one read of accounts from the source
    [[nodiscard]] ObserveDuration ledger_commit();
    [[nodiscard]] ObserveDuration diff_append();  ///< one group of state diffs into the log

    /// The answer to one scrape, text format 0.0.4.
    [[nodiscard]] std::string text(const MetricFigures& figures) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// How a counter of /swarm/status is shown at /metrics.
struct CounterMetric {
    std::string_view
        counter;  ///< name in /swarm/status; one that ends in '*' stands for all with that beginning
    std::string_view family;  ///< name at /metrics
    std::string_view label;   ///< label's name; empty: none
    std::string_view value;   ///< label's value; empty with a label: what '*' stood for
    std::string_view help;    ///< of the family; empty in all but its first row
    bool is_gauge = false;
};

/// All rows, those of a family one after the other.
[[nodiscard]] std::span<const CounterMetric> counter_metrics() noexcept;
/// The row for a counter; null when it has none. Then it is shown as ioswarm_<name>_total.
[[nodiscard]] const CounterMetric* find_counter_metric(std::string_view counter) noexcept;

}  // namespace ioswarm::cli
