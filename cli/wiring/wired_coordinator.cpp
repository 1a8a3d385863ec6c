// SPDX-License-Identifier: Apache-2.0
#include "cli/wiring/wired_coordinator.hpp"

#include <algorithm>
#include <utility>

#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace {

/// Refuses every request of an agent. The port answers requests for state diffs without it.
class NoTasks final : public AgentLink {
  public:
    void register_agent(const std::string&, const RegisterRequest&, RegisterDone done) override {
        done(RegisterResponse{false, "only state diffs are served here", 0});
    }
    Result<std::unique_ptr<TaskStream>> open_task_stream(const std::string&, const GetTasksRequest&,
                                                         std::shared_ptr<StreamSink>) override {
        return fail(ErrorCode::failed_precondition, "agent not registered");
    }
    void submit(const std::string&, BatchResult, SubmitDone done) override {
        done(SubmitResponse{false, "agent not registered"});
    }
    Result<HeartbeatResponse> heartbeat(const std::string&, const HeartbeatRequest&) override {
        return HeartbeatResponse{false, "shutdown", {}};
    }
    void end_agent(const std::string&, const Error&) override {}
};

}  // namespace

Result<std::unique_ptr<WiredCoordinator>> WiredCoordinator::create(CoordinatorWiring wiring, const Clock& clock,
                                                                   const Log& log) {
    std::unique_ptr<WiredCoordinator> out(new WiredCoordinator(clock, log, wiring.metrics));
    if (wiring.work) {
        wiring.work->settings.metrics = wiring.metrics;
        wiring.work->ledger.metrics = wiring.metrics;
    }
    if (wiring.diffs) wiring.diffs->metrics = wiring.metrics;
    if (wiring.work) IOSWARM_DO(out->open_ledger(*wiring.work));
    // The payroll is opened first, because the chain must continue after the payroll's last block.
    IOSWARM_TRY(out->chain_, wiring.open_chain(out->payroll_ ? out->payroll_->last_height() : 0));
    if (wiring.diffs) IOSWARM_DO(out->open_diffs(*std::move(wiring.diffs)));
    if (wiring.work) IOSWARM_DO(out->make_coordinator(*wiring.work));
    return out;
}

// The ledger comes first, because it takes the lock on its directory.
Status WiredCoordinator::open_ledger(const CoordinatorWiring::Work& work) {
    IOSWARM_TRY(ledger_, Ledger::open(work.ledger_dir, log_.of(LogModule::ledger), work.ledger));
    RewardSettler* settler = nullptr;
    if (work.on_ledger) {
        IOSWARM_TRY(settler, work.on_ledger(*ledger_));
    }
    IOSWARM_TRY(payroll_, Payroll::open(*ledger_, work.settings, clock_, settler, log_.of(LogModule::ledger)));
    return {};
}

Status WiredCoordinator::open_diffs(DiffServiceSettings settings) {
    if (chain_.diffs == nullptr)
        return fail(ErrorCode::invalid_argument, "cannot serve state diffs", {},
                    "this chain has no state diffs");
    IOSWARM_TRY(diffs_,
                DiffService::open(std::move(settings), *chain_.diffs, clock_, log_.of(LogModule::diffs)));
    return {};
}

Status WiredCoordinator::make_coordinator(const CoordinatorWiring::Work& work) {
    if (diffs_) watched_blocks_ = diffs_->watch(*chain_.blocks);
    BlockSource& blocks = watched_blocks_ ? *watched_blocks_ : *chain_.blocks;
    IOSWARM_TRY(coordinator_, Coordinator::create(work.settings, *chain_.pool, *chain_.state, blocks, *payroll_,
                                                  clock_, log_.of(LogModule::dispatch), chain_.run_state));
    if (work.link) link_ = work.link(*coordinator_);
    if (diffs_) {
        diffs_->hub().on_progress(
            [coordinator = coordinator_.get()](const std::string& agent_id, std::uint64_t height) {
                coordinator->diffs_written(agent_id, height);
            });
    }
    return {};
}

Status WiredCoordinator::open_port(proto::AgentServerSettings settings, const AccessControl& access,
                                   const Log& log) {
    if (!coordinator_) link_ = std::make_unique<NoTasks>();
    settings.metrics = registry_;
    AgentLink& link = link_ ? *link_ : static_cast<AgentLink&>(*coordinator_);
    IOSWARM_TRY(port_, proto::AgentServer::start(std::move(settings), link, access, log,
                                                 diffs_ ? &diffs_->hub() : nullptr));
    return {};
}

void WiredCoordinator::start() {
    if (diffs_) diffs_->start();
    if (coordinator_) coordinator_->start();
}

void WiredCoordinator::drain(std::chrono::milliseconds over, Clock::Steady until) {
    if (port_) port_->stop_accepting();
    // Without waiting: only no more tasks are handed out.
    if (coordinator_) coordinator_->drain(std::chrono::milliseconds::zero());
    if (port_) port_->end_streams(over);
    // Answers to the tasks in progress are still accepted.
    if (coordinator_) coordinator_->drain(left_until(until));
}

void WiredCoordinator::stop(Clock::Steady until) {
    if (diffs_) diffs_->stop();
    if (coordinator_) coordinator_->stop();
    if (port_) port_->shutdown(left_until(until));
}

void WiredCoordinator::drop_chain() {
    if (diffs_) diffs_->stop();
    if (coordinator_) coordinator_->stop();
    chain_ = {};
}

WiredCoordinator::~WiredCoordinator() {
    stop(clock_.steady());
}

std::chrono::milliseconds WiredCoordinator::left_until(Clock::Steady until) const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock_.steady());
    return std::max(left, std::chrono::milliseconds::zero());
}

}  // namespace ioswarm::cli
