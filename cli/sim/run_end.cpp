// SPDX-License-Identifier: Apache-2.0
// The end of a run: the coordinator's figures are collected, the agents leave, and the report is made.
#include <utility>

#include <fmt/format.h>

#include "cli/sim/agent_load.hpp"
#include "cli/sim/process_use.hpp"
#include "cli/sim/run.hpp"
#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kLeaveTime{10};
constexpr std::chrono::minutes kEvictionTime{2};
/// How long to wait for a poll of the pool. Far more than needed: polls come every few ten milliseconds.
constexpr std::chrono::seconds kPollTime{20};

}  // namespace

/// Collects the coordinator's figures while the agents are still connected.
Status SimRun::settle() {
    says_.shadow = wired_->coordinator().shadow();
    says_.status = wired_->coordinator().status();
    says_.counters = settings_.metrics.values();
    for (std::uint32_t i = 0; i < options_.agents; ++i) {
        IOSWARM_TRY(auto rewards, wired_->coordinator().rewards(proto::load_agent_id(i)));
        rewards.agent_id = proto::load_agent_id(i);
        says_.rewards.push_back(std::move(rewards));
    }
    if (hooks_.change_figures) hooks_.change_figures(says_);
    return {};
}

/// Waits until a complete poll has begun and ended.
void SimRun::wait_for_polls() {
    const std::uint64_t before = counter("polls");
    wait(kPollTime, 5ms, [&] { return counter("polls") >= before + 2; });
}

/// Lets the agents leave, and waits until the coordinator has forgotten them and their tasks.
Status SimRun::leave() {
    progress_->show(fmt::format("{} agents leave", options_.agents), 0);
    const auto begin = SteadyClock::now();
    agents_->leave(kLeaveTime);
    agents_.reset();
    wait(kEvictionTime, 5ms, [&] {
        const auto counters = settings_.metrics.values();
        return counters.at("connections_open") == 0 && counters.at("task_streams_open") == 0;
    });
    clock_.skip(settings_.eviction_age + settings_.eviction_check);
    wait(kEvictionTime, 5ms, [&] { return wired_->coordinator().status().agents_total == 0; });
    figures_.leaving = SteadyClock::now() - begin;

    // A transaction that left the pool is forgotten a number of blocks after the poll that missed it. So wait
    // for that poll first.
    wait_for_polls();
    std::uint64_t height = wired_->payroll().last_height();
    const std::uint64_t forgotten =
        height + std::max(settings_.forget_after_blocks, settings_.late_result_blocks) + 2;
    while (height < forgotten) {
        IOSWARM_DO(skip_to(++height));
    }
    // A poll forgets the tasks, and the next block forgets their answers.
    wait(kPollTime, 5ms, [&] { return counter("tasks_known") == 0; });
    wait_for_polls();
    IOSWARM_DO(skip_to(++height));
    const auto counters = settings_.metrics.values();
    leftovers_["agents"] = wired_->coordinator().status().agents_total;
    leftovers_["connections"] = counters.at("connections_open");
    leftovers_["task streams"] = counters.at("task_streams_open");
    leftovers_["tasks"] = counters.at("tasks_known");
    leftovers_["tasks with agents"] = counters.at("tasks_with_agents");
    leftovers_["answers held"] = counters.at("answers_held");
    measure_heap();
    return {};
}

/// Measures the heap now. The report compares it with the heap before the agents joined. Both exclude the
/// chain, which keeps a thousand blocks and is not part of a coordinator.
void SimRun::measure_heap() {
    wired_->drop_chain();
    source_.reset();
    chain_.reset();
    const auto heap = heap_in_use();
    if (!heap || !figures_.heap) return;
    // The ledger's page caches (12 MiB), gRPC's memory per agent, and hash table buckets, which do not shrink.
    figures_.heap->slack = (std::uint64_t{12} << 20) + std::uint64_t{options_.agents} * 2048 +
                           scenario_->transactions().size() * 64;
    figures_.heap->after = *heap;
}

/// Lets the agents leave, and reports what they have done. The figures that follow from the seed are left out.
SimReport SimRun::report_so_far() {
    constexpr std::chrono::seconds kLeaveWhenStopped{2};
    progress_->show("stopping", 1);
    if (in_load_) end_of_load();
    const auto begin = SteadyClock::now();
    if (agents_) agents_->leave(kLeaveWhenStopped);
    figures_.leaving = SteadyClock::now() - begin;
    progress_->clear();
    SimReport out;
    out.options = options_;
    out.stopped = true;
    figures_.heap.reset();
    count_queue(queue_samples_, figures_);
    fill_from_record(*record_, faults_, figures_, out);
    out.run = figures_;
    // Answers that were being submitted when the run was stopped got no response. That is not a fault of the
    // coordinator.
    out.findings = sim::check_agents_stopped(*record_);
    return out;
}

SimReport SimRun::make_report() {
    const sim::TxTotals txs = record_->transactions();
    SimReport out;
    out.options = options_;
    SeedFigures& seed = out.seed.emplace();
    seed.planned = scenario_->figures();
    for (std::size_t i = 0; i < sim::kAgentFaults; ++i)
        seed.agents[i] = faults_.agents_with(static_cast<sim::AgentFault>(i));
    for (const sim::PlannedTx& tx : scenario_->transactions())
        if (tx.fate == sim::Fate::forged) ++seed.forged[static_cast<std::size_t>(tx.forgery)];
    seed.unanswered = txs.mined_unanswered + txs.forged_unanswered;
    seed.forged_accepted = txs.forged_accepted;
    seed.forged_rejected = txs.forged_rejected;
    seed.shadow = says_.shadow;
    std::map<std::uint64_t, bool> epochs;
    for (const RewardsView& agent : says_.rewards) {
        seed.paid_rau += agent.earned_rau;
        for (const RewardHistoryEntry& entry : agent.history)
            epochs[entry.epoch] = true;
    }
    seed.epochs_paid = epochs.size();

    figures_.timed_out = says_.counters.at("tasks_timed_out");
    figures_.given_up = says_.counters.at("tasks_given_up");
    figures_.dropped = says_.counters.at("tasks_dropped_queue_full");
    figures_.left_unanswered = txs.left_unanswered;
    count_queue(queue_samples_, figures_);
    fill_from_record(*record_, faults_, figures_, out);
    out.run = figures_;
    out.findings = sim::check_run(
        {*scenario_, *record_, faults_, settings_.rewards, std::move(says_), leftovers_, figures_.heap});
    return out;
}

}  // namespace ioswarm::cli
