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
#include "cli/settlement/figures.hpp"
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
    std::optional<DiffsView> diffs;               ///< nothing: the source has no state diffs
    std::optional<NewestSnapshot> snapshot;       ///< nothing: none is published
    bool is_ready = false;                        ///< as /readyz says
    std::optional<bool> settlement_stopped;       ///< nothing: serve does not settle
    std::optional<SettlementFigures> settlement;  ///< nothing: no contract, or settlement.db was not read yet
    std::vector<AgentView> agents;                ///< one series per agent each; empty: no series per agent
    bool reload_worked = true;    ///< the last reload of the configuration; true before the first one
    Clock::Wall configured_at{};  ///< when the configuration in use was read
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

    // These functions feed the histograms. They may be called from any thread while this object lives.
    /// From the moment a batch is sent until its answer is accepted.
    [[nodiscard]] ObserveDuration task_round_trip();
    /// One read of accounts from the source.
    [[nodiscard]] ObserveDuration state_read();
    [[nodiscard]] ObserveDuration ledger_commit();
    /// One write of a group of state diffs to the log.
    [[nodiscard]] ObserveDuration diff_append();
    /// From the moment a state diff is in the log until it is handed to a subscriber's stream.
    [[nodiscard]] ObserveDuration diff_delivery();

    /// The answer to one scrape, text format 0.0.4.
    [[nodiscard]] std::string text(const MetricFigures& figures) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// How a counter of /swarm/status is shown at /metrics.
struct CounterMetric {
    /// The name in /swarm/status. A name that ends in '*' stands for all counters with that beginning.
    std::string_view counter;
    std::string_view family;  ///< the name at /metrics
    std::string_view label;   ///< the label's name; empty: the family has no label
    /// The label's value. Empty in a row with '*': the value is what '*' stands for.
    std::string_view value;
    std::string_view help;  ///< describes the family; only the family's first row has it, see help_of()
    bool is_gauge = false;
};

/// All rows, those of a family one after the other.
[[nodiscard]] std::span<const CounterMetric> counter_metrics() noexcept;
/// The description of the row's family. `row` must be one of counter_metrics().
[[nodiscard]] std::string_view help_of(const CounterMetric& row) noexcept;
/// The row for a counter; null when it has none. Then it is shown as ioswarm_<name>_total.
[[nodiscard]] const CounterMetric* find_counter_metric(std::string_view counter) noexcept;

}  // namespace ioswarm::cli
