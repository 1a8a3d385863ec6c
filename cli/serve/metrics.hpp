// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/serve/newest_snapshot.hpp"
#include "cli/settlement/figures.hpp"
#include "core/base/observe.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/metrics/registry.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm::cli {

/// Everything that GET /metrics shows at one moment, besides the histograms.
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

/// The figures of `serve` in Prometheus' text format. Histograms live here and are fed while serve works; all
/// other figures are read when a scrape asks for them. Thread-safe.
class Metrics {
  public:
    /// Shows everything in `registry` too, and declares the histograms there.
    explicit Metrics(metrics::Registry registry = {});

    // These functions feed the histograms. They may be called from any thread while this object lives.
    /// From the moment a batch is sent until its answer is accepted.
    [[nodiscard]] ObserveDuration task_round_trip() const;
    /// One read of accounts from the source.
    [[nodiscard]] ObserveDuration state_read() const;
    [[nodiscard]] ObserveDuration ledger_commit() const;
    /// One write of a group of state diffs to the log.
    [[nodiscard]] ObserveDuration diff_append() const;
    /// From the moment a state diff is in the log until it is handed to a subscriber's stream.
    [[nodiscard]] ObserveDuration diff_delivery() const;

    /// The answer to one scrape, text format 0.0.4.
    [[nodiscard]] std::string text(const MetricFigures& figures) const;

  private:
    const metrics::Registry registry_;
    const metrics::Histogram task_round_trip_;
    const metrics::Histogram state_read_;
    const metrics::Histogram ledger_commit_;
    const metrics::Histogram diff_append_;
    const metrics::Histogram diff_delivery_;
};

}  // namespace ioswarm::cli
