// SPDX-License-Identifier: Apache-2.0
// Registration, streams, heartbeats and departures of agents, and what happens to the tasks they held.
#include <algorithm>
#include <cmath>

#include "core/base/some_names.hpp"
#include "core/coordinator/engine.hpp"

namespace ioswarm {
namespace {

class EngineStream final : public TaskStream {
  public:
    EngineStream(std::shared_ptr<Engine> engine, AgentPtr agent, std::shared_ptr<SinkGate> gate)
        : engine_(std::move(engine)), agent_(std::move(agent)), gate_(std::move(gate)) {}
    ~EngineStream() override { engine_->close_stream(agent_, *gate_); }
    EngineStream(const EngineStream&) = delete;
    EngineStream& operator=(const EngineStream&) = delete;

    std::shared_ptr<const TaskBatch> take() override { return engine_->take(agent_, gate_.get()); }
    void closed() override { engine_->close_stream(agent_, *gate_); }

  private:
    const std::shared_ptr<Engine> engine_;
    const AgentPtr agent_;
    const std::shared_ptr<SinkGate> gate_;
};

/// How many agents a log line names.
constexpr std::size_t kNamedInLog = 3;

/// The load that an agent reports is only shown, never used. It must merely be a number that every output
/// format can represent.
double shown(double value) {
    return std::isfinite(value) ? std::clamp(value, 0.0, 1e6) : 0.0;
}

}  // namespace

Engine::Engine(const CoordinatorSettings& settings, const Clock& clock, Log log, std::shared_ptr<Signal> wake)
    : settings_(settings),
      clock_(clock),
      log_(std::move(log)),
      wake_(std::move(wake)),
      started_(clock.steady()),
      book_(settings_),
      registry_(settings_),
      prefetcher_(book_, settings.metrics),
      eviction_checked_(started_),
      counters_(settings.metrics),
      gauges_hook_(settings.metrics.on_read([this] { set_gauges(); })) {}

void Engine::fire(Effects& effects) const {
    for (auto& [gate, reason] : effects.ended)
        gate->end(std::move(reason));
    for (const auto& gate : effects.ready)
        gate->ready();
    if (effects.wake) wake_->raise();
    if (!effects.evicted.empty()) {
        const std::string ids = some_names(effects.evicted, effects.evicted.size(), kNamedInLog);
        log_.of(LogModule::agents)
            .info(LogFields{{"event", "evicted"}, {"count", effects.evicted.size()}, {"ids", ids}},
                  "evicted, since no heartbeat came for {} s: {}", settings_.eviction_age.count(), ids);
    }
    for (const std::string& line : effects.warnings)
        log_.warn("{}", line);
}

void Engine::announce(Agent& agent, Effects& effects) const {
    if (agent.announced || !agent.stream) return;
    agent.announced = true;
    effects.ready.push_back(agent.stream);
}

/// Tells the stream of a batch that waits for it, if the agent may hold one more.
void Engine::announce_waiting(Agent& agent, Effects& effects) const {
    const bool waits = std::any_of(agent.batches.begin(), agent.batches.end(),
                                   [](const BatchPtr& batch) { return !batch->sent; });
    if (waits && registry_.may_take(agent)) announce(agent, effects);
}

void Engine::change_limits(const CoordinatorLimits& limits) {
    const std::lock_guard lock(mutex_);
    settings_.max_agents = limits.max_agents;
    settings_.task_redundancy = limits.task_redundancy;
    settings_.task_timeout = limits.task_timeout;
    settings_.idle_batch = limits.idle_batch;
}

std::string Engine::no_place_for(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    if (registry_.find(id) || !registry_.full()) return {};
    return fmt::format("at capacity ({} agents)", settings_.max_agents);
}

RegisterResponse Engine::register_agent(const std::string& id, const RegisterRequest& request,
                                        const std::string& wallet_fault) {
    const Clock::Steady now = clock_.steady();
    Effects effects;
    {
        const std::lock_guard lock(mutex_);
        AgentPtr agent = registry_.find(id);
        if (!agent) {
            if (registry_.full()) {
                counters_.agents_refused_capacity.add();
                return {false, fmt::format("at capacity ({} agents)", settings_.max_agents), 0};
            }
            agent = registry_.add(id, now);
            counters_.agents_registered.add();
        }
        agent->region = request.region;
        agent->version = request.version;
        if (agent->wallet_fault != wallet_fault) {
            agent->wallet_fault = wallet_fault;
            if (!wallet_fault.empty()) {
                effects.warnings.push_back(fmt::format(
                    "agent {} named a wallet that cannot be used, and works unpaid unless an earlier one "
                    "is known: {}",
                    id, wallet_fault));
            }
        }
        agent->capability = request.capability;
        agent->level = std::min(agent->asked, agent->capability);
        agent->heartbeat = now;
        agent->gone = false;
        forgive(*agent);
        agent->heartbeat_wall = clock_.wall();
        const auto diffs_to = diffs_to_.find(id);
        agent->diffs_to = diffs_to == diffs_to_.end() ? 0 : diffs_to->second;
        judge_step(*agent, now, effects);
        registry_.update(*agent, now);
        effects.wake = agent->stream && book_.waiting() > 0;
    }
    fire(effects);
    return {true, {}, static_cast<std::uint32_t>(settings_.heartbeat_interval.count())};
}

Result<std::unique_ptr<TaskStream>> Engine::open_stream(const std::string& id, const GetTasksRequest& request,
                                                        std::shared_ptr<StreamSink> sink) {
    const Clock::Steady now = clock_.steady();
    auto gate = std::make_shared<SinkGate>(std::move(sink));
    Effects effects;
    AgentPtr agent;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return fail(ErrorCode::unavailable, "cannot open a task stream", id, "shutting down");
        agent = registry_.find(id);
        if (!agent) {
            return fail(ErrorCode::failed_precondition, "cannot open a task stream", id,
                        "agent not registered");
        }
        if (agent->stream) {
            counters_.streams_replaced.add();
            effects.ended.emplace_back(agent->stream, Error{ErrorCode::aborted,
                                                            "task stream ended",
                                                            id,
                                                            "a newer stream of this agent replaced it",
                                                            {}});
        }
        agent->stream = gate;
        agent->stream_used = now;
        agent->idle_due = false;
        agent->gone = false;
        agent->announced = false;
        agent->stuck = false;
        forgive(*agent);
        agent->asked = request.max_level;
        agent->level = std::min(agent->asked, agent->capability);
        const std::uint32_t most = std::max<std::uint32_t>(settings_.max_batch_size, 1);
        agent->batch_size = request.max_batch_size == 0 ? most : std::min(most, request.max_batch_size);
        judge_step(*agent, now, effects);
        reclaim_orphans(*agent, now);
        for (const BatchPtr& batch : agent->batches) {
            batch->sent = false;
            batch->next = 0;
        }
        registry_.update(*agent, now);
        if (!agent->batches.empty()) announce(*agent, effects);
        effects.wake = book_.waiting() > 0;
    }
    fire(effects);
    return std::make_unique<EngineStream>(shared_from_this(), std::move(agent), std::move(gate));
}

void Engine::close_stream(const AgentPtr& agent, SinkGate& gate) {
    Effects effects;
    {
        const std::lock_guard lock(mutex_);
        if (agent->stream.get() == &gate) {
            // After close() nobody else gets the tasks, so the agent keeps what it took and may still answer.
            closed_ ? return_untaken(*agent) : orphan_batches(*agent);
            agent->stream = nullptr;
            registry_.update(*agent, clock_.steady());
            effects.wake = book_.waiting() > 0;
        }
    }
    gate.shut();
    fire(effects);
}

bool Engine::heartbeat(const std::string& id, const HeartbeatRequest& request) {
    const Clock::Steady now = clock_.steady();
    Effects effects;
    {
        const std::lock_guard lock(mutex_);
        const AgentPtr agent = registry_.find(id);
        if (!agent) return false;
        agent->heartbeat = now;
        agent->gone = false;
        agent->heartbeat_wall = clock_.wall();
        agent->cpu_usage = shown(request.cpu_usage);
        agent->mem_usage = shown(request.mem_usage);
        const bool worked = agent->working;
        registry_.update(*agent, now);
        effects.wake = !worked && agent->working && book_.waiting() > 0;
    }
    fire(effects);
    return true;
}

void Engine::agent_gone(const std::string& id) {
    const std::lock_guard lock(mutex_);
    if (const AgentPtr agent = registry_.find(id)) agent->gone = true;
}

void Engine::end_agent(const std::string& id, const Error& reason) {
    Effects effects;
    {
        const std::lock_guard lock(mutex_);
        const AgentPtr agent = registry_.find(id);
        if (!agent) return;
        counters_.agents_ended.add();
        remove_agent(agent, reason, effects);
    }
    fire(effects);
}

void Engine::remove_agent(const AgentPtr& agent, const Error& reason, Effects& effects) {
    if (agent->stream) effects.ended.emplace_back(std::exchange(agent->stream, nullptr), reason);
    for (const BatchPtr& batch : agent->batches) {
        for (GivenTask& given : batch->tasks)
            take_back(*agent, *batch, given, batch->taken.has_value());
    }
    for (const BatchPtr& batch : agent->orphans) {
        for (GivenTask& given : batch->tasks)
            take_back(*agent, *batch, given, true);
    }
    agent->batches.clear();
    agent->orphans.clear();
    agent->open_tasks = 0;
    registry_.remove(*agent);
    effects.wake = effects.wake || book_.waiting() > 0;
}

/// Takes the task away from the agent. `failed` is true if this used up one of the task's tries.
void Engine::take_back(Agent& agent, Batch& batch, GivenTask& given, bool failed) {
    if (given.state != PartState::holding && given.state != PartState::orphaned) return;
    if (given.state == PartState::holding && agent.open_tasks > 0 && !batch.orphaned) --agent.open_tasks;
    const PartState was = given.state;
    given.state = PartState::failed;
    Task& task = *given.task;
    const auto part = std::find_if(task.parts.begin(), task.parts.end(),
                                   [&](const Task::Part& p) { return *p.agent == *agent.name; });
    // The agent's part in the task may by now belong to a newer batch of the same agent.
    if (part == task.parts.end() || part->state != was) return;
    if (failed) {
        part->state = PartState::failed;
        if (task.tries_left > 0) --task.tries_left;
        counters_.tasks_taken_back.add();
    } else {
        task.parts.erase(part);
    }
    book_.requeue(given.task);
}

/// The stream ended. Others may have the tasks now. Until another agent has one, this agent's answer still
/// counts, and a new stream of this agent gets the tasks back.
void Engine::orphan_batches(Agent& agent) {
    for (BatchPtr& batch : agent.batches) {
        if (!batch->taken) {
            for (GivenTask& given : batch->tasks)
                take_back(agent, *batch, given, false);
            continue;
        }
        batch->orphaned = true;
        for (GivenTask& given : batch->tasks) {
            if (given.state != PartState::holding) continue;
            given.state = PartState::orphaned;
            if (Task::Part* part = given.task->part_of(*agent.name)) part->state = PartState::orphaned;
            book_.requeue(given.task);
        }
        agent.orphans.push_back(std::move(batch));
    }
    agent.batches.clear();
    agent.open_tasks = 0;
}

/// Batches that no stream took go back into the queues.
void Engine::return_untaken(Agent& agent) {
    for (const BatchPtr& batch : agent.batches) {
        if (batch->taken) continue;
        for (GivenTask& given : batch->tasks)
            take_back(agent, *batch, given, false);
    }
    drop_finished(agent);
}

void Engine::reclaim_orphans(Agent& agent, Clock::Steady now) {
    for (BatchPtr& batch : agent.orphans) {
        if (batch->deadline <= now || agent.batches.size() >= settings_.max_waiting_per_agent) continue;
        bool open = false;
        for (GivenTask& given : batch->tasks) {
            if (given.state == PartState::recording) open = true;
            if (given.state != PartState::orphaned || given.task->missing() == 0) continue;
            Task::Part* part = given.task->part_of(*agent.name);
            if (!part || part->state != PartState::orphaned) continue;
            given.state = part->state = PartState::holding;
            book_.requeue(given.task);
            open = true;
        }
        if (!open) continue;
        batch->orphaned = false;
        agent.batches.push_back(std::move(batch));
    }
    std::erase(agent.orphans, nullptr);
    drop_finished(agent);
}

void Engine::drop_finished(Agent& agent) {
    std::erase_if(agent.batches, [](const BatchPtr& batch) { return !batch->is_open(); });
    agent.open_tasks = 0;
    for (const BatchPtr& batch : agent.batches) {
        for (const GivenTask& given : batch->tasks) {
            if (given.state == PartState::holding || given.state == PartState::recording) ++agent.open_tasks;
        }
    }
}

void Engine::close() {
    const Clock::Steady now = clock_.steady();
    const std::lock_guard lock(mutex_);
    closed_ = true;
    registry_.each([&](const AgentPtr& agent) {
        return_untaken(*agent);
        registry_.update(*agent, now);
    });
}

void Engine::end_streams(const Error& reason) {
    Effects effects;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        registry_.each([&](const AgentPtr& agent) {
            if (!agent->stream) return;
            orphan_batches(*agent);
            effects.ended.emplace_back(std::exchange(agent->stream, nullptr), reason);
            registry_.update(*agent, clock_.steady());
        });
    }
    fire(effects);
}

}  // namespace ioswarm
