// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "cli/progress_line.hpp"
#include "cli/sim/options.hpp"
#include "cli/sim/report.hpp"
#include "cli/sim/temp_folder.hpp"
#include "cli/wiring/wired_coordinator.hpp"
#include "core/auth/access.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/sim/embedded_chain.hpp"
#include "core/sim/fault_plan.hpp"
#include "core/sim/run_record.hpp"
#include "core/sim/scenario.hpp"
#include "core/sim/sim_source.hpp"
#include "core/sim/skipping_clock.hpp"
#include "proto/agents/load_generator.hpp"

namespace ioswarm::cli {

/// One run of `sim` with its own coordinator. Owns every object of the run, in the order of creation (they are
/// destroyed in reverse order), and conducts the run. The ledger is in a temporary directory that the
/// destructor removes.
class SimRun {
  public:
    /// Checks the options and creates the run. Errors: usage, config.
    [[nodiscard]] static Result<std::unique_ptr<SimRun>> create(const SimOptions& options, SimHooks hooks,
                                                                Log log);
    SimRun(const SimRun&) = delete;
    SimRun& operator=(const SimRun&) = delete;

    /// Does the whole run. If it is stopped after the load has begun, the report has what happened so far.
    /// Errors: cancelled (stopped before), usage, io, unavailable, timed_out (agents could not join).
    [[nodiscard]] Result<SimReport> run(const std::stop_token& stop, ProgressLine& progress);

  private:
    using SteadyClock = std::chrono::steady_clock;

    SimRun(const SimOptions& options, SimHooks hooks, Log log);

    // In run_start.cpp.
    Status prepare();
    Status make_coordinator();
    [[nodiscard]] Result<ChainPorts> open_chain();
    Status open_port();
    Status join();

    // In run.cpp.
    Status conduct_load();
    void end_of_load();
    Status drain();

    // In run_end.cpp.
    Status settle();
    Status leave();
    void wait_for_polls();
    void measure_heap();
    SimReport make_report();
    SimReport report_so_far();

    [[nodiscard]] Status wait_for_answers(std::uint64_t height);
    [[nodiscard]] Status stall_before(std::uint64_t height);
    [[nodiscard]] Status wait_for_block(std::uint64_t height);
    [[nodiscard]] Status skip_to(std::uint64_t height);
    void look();
    /// Calls `done` every few milliseconds until it returns true. Returns false after `within`, or when
    /// stopped.
    bool wait(std::chrono::milliseconds within, std::chrono::milliseconds every,
              const std::function<bool()>& done);
    [[nodiscard]] Status stopped_or(const char* what) const;
    [[nodiscard]] std::uint64_t counter(const std::string& key) const;

    const SimOptions options_;
    const SimHooks hooks_;
    const Log log_;
    const sim::FaultPlan faults_;
    CoordinatorSettings settings_;
    std::stop_token stop_;
    ProgressLine* progress_ = nullptr;
    RunFigures figures_;
    sim::CoordinatorSays says_;
    sim::Leftovers leftovers_;
    std::vector<std::uint64_t> queue_samples_;
    SteadyClock::time_point looked_{};
    SteadyClock::time_point load_began_{};
    std::chrono::nanoseconds cpu_before_load_{};
    std::chrono::nanoseconds agents_cpu_before_load_{};
    bool in_load_ = false;
    std::uint64_t chain_bytes_ = 0;

    sim::SkippingClock chain_clock_;
    sim::SkippingClock clock_;
    std::optional<TempFolder> folder_;
    std::unique_ptr<const sim::Scenario> scenario_;
    std::unique_ptr<sim::RunRecord> record_;
    std::unique_ptr<AccessControl> access_;
    using SharedChain = std::shared_ptr<sim::EmbeddedChain>;
    using SharedSource = std::shared_ptr<sim::SimSource>;
    SharedChain chain_;  // used by wired_ too, as is the next one
    SharedSource source_;
    std::unique_ptr<WiredCoordinator> wired_;
    std::unique_ptr<proto::LoadGenerator> agents_;
};

/// Runs only agents, against options.target, for options.duration. If the coordinator could not be reached at
/// the end, a finding says so. Errors: as LoadGenerator::join(), and those of reading the secret's file.
[[nodiscard]] Result<SimReport> run_agents_alone(const SimOptions& options, const std::stop_token& stop,
                                                 ProgressLine& progress, const Log& log);

}  // namespace ioswarm::cli
