// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/serve/newest_snapshot.hpp"
#include "cli/settlement/figures.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/metrics/registry.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm::cli {

/// What GET /metrics shows besides the registry, at one moment.
struct MetricFigures {
    StatusView status;
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

/// The figures of `serve` in Prometheus' text format. Counters, gauges and histograms come from the registry;
/// all other figures are read when a scrape asks for them. Thread-safe.
class Metrics {
  public:
    explicit Metrics(metrics::Registry registry = {}) : registry_(std::move(registry)) {}

    /// The answer to one scrape, text format 0.0.4.
    [[nodiscard]] std::string text(const MetricFigures& figures) const;

  private:
    const metrics::Registry registry_;
};

}  // namespace ioswarm::cli
