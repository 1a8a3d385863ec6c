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

#include "cli/sim/process_use.hpp"
#include "cli/sim/swarm.hpp"
#include "core/base/bytes.hpp"
#include "core/base/text.hpp"
#include "core/crypto/hmac.hpp"

namespace ioswarm::cli {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr Decimal kEpochReward{5, 1};  // IOTX, as in iotex-core's example configuration
constexpr std::chrono::minutes kJoinTime{5};
constexpr std::chrono::seconds kLeaveTime{10};
/// How long a block waits for missing answers, in addition to the time-outs of all tries.
constexpr std::chrono::seconds kPatience{30};
/// If the coordinator has no tasks waiting or with agents for this long, the missing answers will not come.
constexpr std::chrono::seconds kLostAfter{2};
constexpr std::chrono::minutes kEvictionTime{2};
/// Far more than needed: polls come every few ten milliseconds.
constexpr std::chrono::seconds kPollTime{20};
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

SimRun::~SimRun() {
    swarm_.reset();
    if (coordinator_) coordinator_->stop();
    server_.reset();
    link_.reset();
    coordinator_.reset();
    accounting_.reset();
    ledger_.reset();
}

Result<SimReport> SimRun::run(const std::stop_token& stop, ProgressLine& progress) {
    stop_ = stop;
    progress_ = &progress;
    for (const auto step :
         {&SimRun::prepare, &SimRun::open_books, &SimRun::start_coordinator, &SimRun::open_port, &SimRun::join,
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
    if (stop_.stop_requested())
        return fail(ErrorCode::cancelled, "sim", "", "stopped before its end: no report");
    return fail(ErrorCode::timed_out, "sim", "", what, "is this machine overloaded?");
}

template <typename Done>
bool SimRun::wait(std::chrono::milliseconds within, std::chrono::milliseconds every, Done done) {
    const auto end = SteadyClock::now() + within;
    while (!done()) {
        if (stop_.stop_requested() || SteadyClock::now() > end) return false;
        look();
        std::this_thread::sleep_for(every);
    }
    return true;
}

std::uint64_t SimRun::counter(const std::string& name) const {
    const StatusView status = coordinator_->status();
    const auto at = status.counters.find(name);
    return at == status.counters.end() ? 0 : at->second;
}

Status SimRun::prepare() {
    progress_->show("making transactions", 0);
    const auto begin = SteadyClock::now();
    sim::ScenarioSettings settings;
    settings.chain.seed = options_.seed;
    settings.chain.block_time = options_.block_time;
    settings.chain.tps = options_.tps;
    settings.chain.accounts = options_.accounts;
    settings.duration = options_.duration;
    settings.redundancy = options_.redundancy;
    settings.level = options_.level;
    settings.rules = options_.rules;
    auto scenario = sim::Scenario::create(settings, faults_, stop_);
    if (!scenario) return fail(std::move(scenario.error()));
    scenario_ = *std::move(scenario);
    settings_.rewards.epoch_blocks = scenario_->epoch_blocks();
    settings_.on_given_up = [this](const Hash256& raw_id) { record_->given_up(raw_id); };
    record_ = std::make_unique<sim::RunRecord>(scenario_.get(), options_.agents);
    figures_.preparing = SteadyClock::now() - begin;
    return {};
}

// Opens a ledger for this run, as durable as that of `serve`, because its cost belongs to the measured figures.
Status SimRun::open_books() {
    auto folder = TempFolder::create();
    if (!folder) return fail(std::move(folder.error()));
    folder_.emplace(std::move(*folder));
    auto ledger = Ledger::open(folder_->path(), log_);
    if (!ledger) return fail(std::move(ledger).error());
    ledger_ = *std::move(ledger);
    auto accounting = Accounting::open(*ledger_, settings_, clock_, nullptr, log_);
    if (!accounting) return fail(std::move(accounting).error());
    accounting_ = *std::move(accounting);
    return {};
}

Status SimRun::start_coordinator() {
    const auto without_chain = heap_in_use();
    auto chain = sim::EmbeddedChain::create(scenario_->chain(), chain_clock_, log_, scenario_->signed_ahead());
    if (!chain) return fail(std::move(chain).error());
    chain_ = *std::move(chain);
    const auto with_chain = heap_in_use();
    if (with_chain && without_chain && *with_chain > *without_chain)
        chain_bytes_ = *with_chain - *without_chain;
    chain_->allow(scenario_->chain().resume_height);
    source_ = std::make_unique<sim::SimSource>(*chain_, *scenario_, *record_);
    auto coordinator =
        Coordinator::create(settings_, *source_, *source_, *source_, *accounting_, clock_, log_, source_.get());
    if (!coordinator) return fail(std::move(coordinator).error());
    coordinator_ = *std::move(coordinator);
    coordinator_->start();
    if (hooks_.link) link_ = hooks_.link(*coordinator_);
    return {};
}

// Uses a master secret, so that an agent cannot claim another agent's id.
Status SimRun::open_port() {
    const auto secret = random_bytes(32);
    if (!secret) return fail(secret.error());
    const std::string master_secret = to_hex(*secret);
    auto access = AccessControl::open({master_secret, {}, {}});
    if (!access) return fail(std::move(access).error());
    access_ = *std::move(access);

    proto::SwarmSettings swarm = swarm_settings(options_, settings_.task_timeout);
    swarm.master_secret = master_secret;
    swarm.wallets = true;
    figures_.agents_per_connection = swarm.agents_per_connection;
    figures_.connections = connections_of(swarm);
    figures_.agent_threads = swarm.threads;
    figures_.cores = usable_cores();

    proto::AgentServerSettings settings;
    settings.address = "127.0.0.1";
    auto server = proto::AgentServer::start(settings, link_ ? *link_ : static_cast<AgentLink&>(*coordinator_),
                                            *access_, log_);
    if (!server) return fail(std::move(server).error());
    server_ = *std::move(server);
    swarm.address.target = fmt::format("127.0.0.1:{}", server_->port());
    if (const auto heap = heap_in_use()) figures_.heap = sim::HeapUse{*heap - chain_bytes_, 0, 0};
    swarm_ = std::make_unique<proto::Swarm>(std::move(swarm), faults_, *record_, log_);
    return {};
}

Status SimRun::join() {
    progress_->show(fmt::format("{} agents join", options_.agents), 0);
    const auto begin = SteadyClock::now();
    if (Status joined = swarm_->join(kJoinTime, stop_); !joined) return joined;
    const bool streams =
        wait(kJoinTime, 10ms, [&] { return server_->counters()["task_streams_open"] >= options_.agents; });
    if (!streams) return stopped_or("the agents' task streams did not open");
    figures_.joining = SteadyClock::now() - begin;
    if (hooks_.joined) hooks_.joined();
    return {};
}

/// Samples the queue and updates the progress line.
void SimRun::look() {
    if (!in_load_ || SteadyClock::now() - looked_ < 200ms) return;
    looked_ = SteadyClock::now();
    const StatusView status = coordinator_->status();
    const std::uint64_t queue = status.counters.at("tasks_waiting") + status.counters.at("tasks_with_agents");
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
        const StatusView status = coordinator_->status();
        const auto& counters = status.counters;
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
    const bool taken = wait(kLongestBlockWait, 2ms, [&] { return accounting_->last_height() >= height; });
    return taken ? Status() : stopped_or("a block was not taken in time");
}

Status SimRun::conduct_load() {
    const auto begin = SteadyClock::now();
    cpu_before_load_ = process_cpu_time();
    agents_cpu_before_load_ = swarm_->cpu_time();
    in_load_ = true;
    load_began_ = begin;
    progress_->begin_phase();
    chain_->release();
    auto due = begin;
    for (std::uint64_t height = scenario_->first_height(); height <= scenario_->last_load_height(); ++height) {
        due = std::max(due, SteadyClock::now() - options_.block_time) + options_.block_time;
        if (Status answered = wait_for_answers(height); !answered) return answered;
        chain_->allow(height);
        if (const auto late = SteadyClock::now() - due; late > 0ms) figures_.chain_waited += late;
        if (Status stalled = stall_before(height); !stalled) return stalled;
        if (Status taken = wait_for_block(height); !taken) return taken;
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
        std::chrono::duration<double>(swarm_->cpu_time() - agents_cpu_before_load_).count();
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
    for (std::uint64_t due = height + 1; due <= scenario_->rest_height(); ++due) {
        if (Status answered = wait_for_answers(due); !answered) return answered;
    }
    const auto epoch_over = [&] {
        return (height + 1 - scenario_->first_height()) % scenario_->epoch_blocks() == 0;
    };
    while (height < scenario_->rest_height() || !epoch_over()) {
        if (Status skipped = skip_to(++height); !skipped) return skipped;
    }
    figures_.draining = SteadyClock::now() - begin;
    return {};
}

/// Collects the coordinator's figures while the agents are still connected.
Status SimRun::settle() {
    says_.shadow = coordinator_->shadow();
    says_.status = coordinator_->status();
    for (std::uint32_t i = 0; i < options_.agents; ++i) {
        auto rewards = coordinator_->rewards(proto::swarm_agent_id(i));
        if (!rewards) return fail(std::move(rewards.error()));
        rewards->agent_id = proto::swarm_agent_id(i);
        says_.rewards.push_back(*std::move(rewards));
    }
    if (hooks_.says) hooks_.says(says_);
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
    swarm_->leave(kLeaveTime);
    swarm_.reset();
    wait(kEvictionTime, 5ms, [&] {
        auto counters = server_->counters();
        return counters["connections_open"] == 0 && counters["task_streams_open"] == 0;
    });
    clock_.skip(settings_.eviction_age + settings_.eviction_check);
    wait(kEvictionTime, 5ms, [&] { return coordinator_->status().agents_total == 0; });
    figures_.leaving = SteadyClock::now() - begin;

    // A transaction that left the pool is forgotten a number of blocks after the poll that missed it. So wait
    // for that poll first.
    wait_for_polls();
    std::uint64_t height = accounting_->last_height();
    const std::uint64_t forgotten =
        height + std::max(settings_.forget_after_blocks, settings_.late_result_blocks) + 2;
    while (height < forgotten) {
        if (Status skipped = skip_to(++height); !skipped) return skipped;
    }
    // A poll forgets the tasks, and the next block forgets their answers.
    wait(kPollTime, 5ms, [&] { return counter("tasks_known") == 0; });
    wait_for_polls();
    if (Status skipped = skip_to(++height); !skipped) return skipped;
    auto counters = server_->counters();
    const StatusView status = coordinator_->status();
    leftovers_["agents"] = status.agents_total;
    leftovers_["connections"] = counters["connections_open"];
    leftovers_["task streams"] = counters["task_streams_open"];
    leftovers_["tasks"] = status.counters.at("tasks_known");
    leftovers_["tasks with agents"] = status.counters.at("tasks_with_agents");
    const auto answers = status.counters.find("answers_held");
    leftovers_["answers held"] = answers == status.counters.end() ? 0 : answers->second;
    measure_heap();
    return {};
}

/// Measures the heap now. The report compares it with the heap before the agents joined. Both exclude the
/// chain, which keeps a thousand blocks and is not part of a coordinator.
void SimRun::measure_heap() {
    coordinator_->stop();
    source_.reset();
    chain_.reset();
    const auto heap = heap_in_use();
    if (!heap || !figures_.heap) return;
    // The ledger's page caches (12 MiB), gRPC's memory per agent, and hash table buckets, which do not shrink.
    figures_.heap->slack = (std::uint64_t{12} << 20) + std::uint64_t{options_.agents} * 2048 +
                           scenario_->transactions().size() * 64;
    figures_.heap->after = *heap;
}

/// Lets the agents leave, and reports what they have done. What follows from the seed cannot be told.
SimReport SimRun::report_so_far() {
    constexpr std::chrono::seconds kLeaveWhenStopped{2};
    progress_->show("stopping", 1);
    if (in_load_) end_of_load();
    const auto begin = SteadyClock::now();
    if (swarm_) swarm_->leave(kLeaveWhenStopped);
    figures_.leaving = SteadyClock::now() - begin;
    progress_->clear();
    SimReport out;
    out.options = options_;
    out.stopped = true;
    figures_.heap.reset();
    count_queue(queue_samples_, figures_);
    fill_from_record(*record_, faults_, figures_, out);
    out.run = figures_;
    // Answers that were under way when it was stopped got no word, and that is no fault.
    out.findings = sim::check_agents_stopped(*record_);
    return out;
}

SimReport SimRun::make_report() {
    const auto& counters = says_.status.counters;
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

    const auto count_of = [&](const char* name) {
        const auto at = counters.find(name);
        return at == counters.end() ? 0 : at->second;
    };
    figures_.timed_out = count_of("tasks_timed_out");
    figures_.given_up = count_of("tasks_given_up");
    figures_.dropped = count_of("tasks_dropped_queue_full");
    figures_.left_unanswered = txs.left_unanswered;
    count_queue(queue_samples_, figures_);
    fill_from_record(*record_, faults_, figures_, out);
    out.run = figures_;
    out.findings = sim::check_run(
        {*scenario_, *record_, faults_, settings_.rewards, std::move(says_), leftovers_, figures_.heap});
    return out;
}

}  // namespace ioswarm::cli
