// SPDX-License-Identifier: Apache-2.0
// One run: create everything, let the agents join, advance the chain block by block, let the agents leave, and
// check the results. During the load the chain runs in real time, but a block waits for the answers that must
// arrive before it. The compared figures therefore follow from the seed, however long faults delay tasks. After
// the load the chain's clock is advanced artificially.
#include "cli/sim/run.hpp"

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "cli/sim/agent_load.hpp"
#include "cli/sim/process_use.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace {

using namespace std::chrono_literals;

constexpr Decimal kEpochReward{5, 1};  // IOTX, as in iotex-core's example configuration
/// How long a block waits for missing answers, in addition to the time-outs of all tries.
constexpr std::chrono::seconds kPatience{30};
/// If the coordinator has no tasks waiting or with agents for this long, the missing answers will not come.
constexpr std::chrono::seconds kLostAfter{2};
/// The longest time that one block may take, on the busiest machine.
constexpr std::chrono::minutes kLongestBlockWait{2};

std::chrono::milliseconds default_task_timeout(const SimOptions& options) {
    if (!options.faults.any_holds_tasks()) return CoordinatorSettings{}.task_timeout;
    // Every transaction is pending long enough for three tries.
    return std::clamp<std::chrono::milliseconds>(options.block_time / 3, 500ms,
                                                 CoordinatorSettings{}.task_timeout);
}

CoordinatorSettings settings_for(const SimOptions& options) {
    CoordinatorSettings out;
    out.max_agents = options.agents;
    out.task_level = options.level;
    out.task_redundancy = options.redundancy;
    out.task_timeout = options.task_timeout.value_or(default_task_timeout(options));
    out.block_interval = options.block_time;
    out.poll_interval = std::clamp<std::chrono::milliseconds>(options.block_time / 20, 5ms, 50ms);
    out.rewards.epoch_reward_rau = iotx_to_rau(kEpochReward);
    out.rewards.min_epoch_duration = std::chrono::seconds(0);
    out.rewards.min_tasks_for_reward = 1;
    return out;
}

}  // namespace

Result<std::unique_ptr<SimRun>> SimRun::create(const SimOptions& options, SimHooks hooks, Log log) {
    return std::unique_ptr<SimRun>(new SimRun(options, std::move(hooks), std::move(log)));
}

SimRun::SimRun(const SimOptions& options, SimHooks hooks, Log log)
    : options_(options),
      hooks_(std::move(hooks)),
      log_(std::move(log)),
      faults_(options.faults, options.seed, options.agents, options.redundancy),
      settings_(settings_for(options)) {}

Result<SimReport> SimRun::run(const std::stop_token& stop, ProgressLine& progress) {
    stop_ = stop;
    progress_ = &progress;
    for (const auto step : {&SimRun::prepare, &SimRun::make_coordinator, &SimRun::open_port, &SimRun::join,
                            &SimRun::conduct_load, &SimRun::drain, &SimRun::settle, &SimRun::leave}) {
        Status done = (this->*step)();
        if (done) continue;
        // From the load on there are figures that are worth showing.
        if (done.error().code == ErrorCode::cancelled && load_began_ != SteadyClock::time_point())
            return report_so_far();
        return fail(std::move(done).error());
    }
    progress_->clear();
    return make_report();
}

Status SimRun::stopped_or(const char* what) const {
    if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "sim", "", "stopped early: no report");
    return fail(ErrorCode::timed_out, "sim", "", what, "is this machine overloaded?");
}

bool SimRun::wait(std::chrono::milliseconds within, std::chrono::milliseconds every,
                  const std::function<bool()>& done) {
    const auto end = SteadyClock::now() + within;
    while (!done()) {
        if (stop_.stop_requested() || SteadyClock::now() > end) return false;
        look();
        std::this_thread::sleep_for(every);
    }
    return true;
}

std::uint64_t SimRun::counter(const std::string& key) const {
    return settings_.metrics.values().at(key);
}

/// Samples the queue and updates the progress line.
void SimRun::look() {
    if (!in_load_ || SteadyClock::now() - looked_ < 200ms) return;
    looked_ = SteadyClock::now();
    const StatusView status = wired_->coordinator().status();
    const auto counters = settings_.metrics.values();
    const std::uint64_t queue = counters.at("tasks_waiting") + counters.at("tasks_with_agents");
    queue_samples_.push_back(queue);
    const auto whole = options_.block_time * static_cast<std::int64_t>(scenario_->figures().blocks);
    progress_->show(fmt::format("{} of {} agents live, {} answers, {} tasks under way, p99 {}",
                                status.agents_live, options_.agents, record_->answers_so_far(), queue,
                                go_duration(record_->task_latency().percentile(99))),
                    std::min(1.0, std::chrono::duration<double>(looked_ - load_began_) / whole));
}

/// Waits until all answers due for this block have arrived, or cannot arrive any more.
Status SimRun::wait_for_answers(std::uint64_t height) {
    const auto begin = SteadyClock::now();
    const auto patience = kPatience + settings_.task_timeout * (2 * settings_.task_attempts);
    std::optional<SteadyClock::time_point> idle_since;
    while (!record_->wait_answered(height, SteadyClock::now() + 100ms, stop_)) {
        if (stop_.stop_requested()) return stopped_or("");
        look();
        const auto counters = settings_.metrics.values();
        const auto now = SteadyClock::now();
        if (now - begin > patience) break;
        const bool idle = counters.at("tasks_waiting") == 0 && counters.at("tasks_with_agents") == 0;
        if (!idle) idle_since.reset();
        if (!idle || !std::exchange(idle_since, idle_since.value_or(now))) continue;
        if (record_->owed(height) == 0) break;
        if (now - *idle_since > kLostAfter) break;
    }
    return {};
}

Status SimRun::stall_before(std::uint64_t height) {
    if (!faults_.stalls(height)) return {};
    const auto half = options_.block_time / 2;
    const auto before = SteadyClock::now();
    if (wait(half, 10ms, [&] { return SteadyClock::now() - before >= half; })) source_->stall();
    ++figures_.stalls;
    const auto away = SteadyClock::now();
    wait(half + 1s, 10ms, [&] { return SteadyClock::now() - away >= half; });
    source_->resume();
    return {};
}

Status SimRun::wait_for_block(std::uint64_t height) {
    const bool taken = wait(kLongestBlockWait, 2ms, [&] { return wired_->payroll().last_height() >= height; });
    return taken ? Status() : stopped_or("a block was not taken in time");
}

Status SimRun::conduct_load() {
    const auto begin = SteadyClock::now();
    cpu_before_load_ = process_cpu_time();
    agents_cpu_before_load_ = agents_->cpu_time();
    in_load_ = true;
    load_began_ = begin;
    progress_->begin_phase();
    chain_->release();
    auto due = begin;
    for (std::uint64_t height = scenario_->first_height(); height <= scenario_->last_load_height(); ++height) {
        due = std::max(due, SteadyClock::now() - options_.block_time) + options_.block_time;
        IOSWARM_DO(wait_for_answers(height));
        chain_->allow(height);
        if (const auto late = SteadyClock::now() - due; late > 0ms) figures_.chain_waited += late;
        IOSWARM_DO(stall_before(height));
        IOSWARM_DO(wait_for_block(height));
    }
    end_of_load();
    return {};
}

/// Takes the figures of the load.
void SimRun::end_of_load() {
    in_load_ = false;
    figures_.load = SteadyClock::now() - load_began_;
    figures_.answers_in_load = record_->answers_so_far();
    figures_.cpu_seconds = std::chrono::duration<double>(process_cpu_time() - cpu_before_load_).count();
    figures_.agents_cpu_seconds =
        std::chrono::duration<double>(agents_->cpu_time() - agents_cpu_before_load_).count();
}

/// Makes the next block at once.
Status SimRun::skip_to(std::uint64_t height) {
    chain_->allow(height);
    chain_clock_.skip(options_.block_time);
    chain_->poke();
    return wait_for_block(height);
}

/// Waits until the remaining transactions (replacements) have arrived and are answered. Then mines them and
/// ends the epoch.
Status SimRun::drain() {
    progress_->show("waiting for the last answers", 0);
    const auto begin = SteadyClock::now();
    std::uint64_t height = scenario_->last_load_height();
    chain_clock_.skip(options_.block_time);  // moves to the end of the slot; its block is not allowed yet
    for (std::uint64_t due = height + 1; due <= scenario_->idle_height(); ++due) {
        IOSWARM_DO(wait_for_answers(due));
    }
    const auto epoch_over = [&] {
        return (height + 1 - scenario_->first_height()) % scenario_->epoch_blocks() == 0;
    };
    while (height < scenario_->idle_height() || !epoch_over()) {
        IOSWARM_DO(skip_to(++height));
    }
    figures_.draining = SteadyClock::now() - begin;
    return {};
}

}  // namespace ioswarm::cli
