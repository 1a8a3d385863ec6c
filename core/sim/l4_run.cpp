// SPDX-License-Identifier: Apache-2.0
#include "core/sim/l4_run.hpp"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/sim/l4_checks.hpp"
#include "core/sim/timers.hpp"

namespace ioswarm::sim {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr milliseconds kProgressEvery{250};
constexpr milliseconds kLooksAgain{20};  // interval for polling where the coordinator reports no event

class Run {
  public:
    Run(const L4RunSettings& settings, const L4World& world, const std::stop_token& stop,
        const std::function<void(const L4Progress&)>& on_progress)
        : settings_(settings),
          world_(world),
          stop_(stop),
          on_progress_(on_progress),
          around_{world.transport, timers_, world.tip, [this] { changed(); }} {}
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    Result<L4Report> go();

  private:
    void make_agents();
    void plan(const std::shared_ptr<L4Agent>& agent);
    void join_from_snapshot();
    Result<L4State> snapshot();
    void settle();
    void end_all();
    Result<L4Report> report();

    void changed();
    enum class Phase { running, settling, ending };  ///< in `ending`, a stop request is ignored
    bool wait(Steady::time_point until, const std::function<bool()>& done, Phase phase);
    void show(Phase phase);
    [[nodiscard]] std::size_t streams() const;
    [[nodiscard]] bool is_cancelled() const { return stop_.stop_requested(); }

    const L4RunSettings& settings_;
    const L4World& world_;
    const std::stop_token& stop_;
    const std::function<void(const L4Progress&)>& on_progress_;
    const Steady::time_point began_ = Steady::now();

    std::mutex mutex_;
    std::condition_variable_any something_happened_;
    std::uint64_t happenings_ = 0;    // guarded by mutex_
    std::optional<Status> snapshot_;  // guarded by mutex_, like the next member
    std::uint64_t snapshot_height_ = 0;

    std::vector<std::shared_ptr<L4Agent>> agents_;  // constant once made
    L4Evidence evidence_;
    Steady::time_point shown_{};
    L4Agent::Surroundings around_;
    Timers timers_;  // last, because its thread uses all other members
};

Run::~Run() {
    for (const auto& agent : agents_)
        agent->quit();
    // The transport's callbacks use this object, so wait for their end.
    (void)wait(
        Steady::time_point::max(), [this] { return streams() == 0; }, Phase::ending);
}

void Run::changed() {
    {
        const std::lock_guard lock(mutex_);
        ++happenings_;
    }
    something_happened_.notify_all();
}

void Run::show(Phase phase) {
    if (!on_progress_ || Steady::now() - shown_ < kProgressEvery) return;
    shown_ = Steady::now();
    L4Progress progress;
    progress.elapsed = std::chrono::duration_cast<milliseconds>(shown_ - began_);
    progress.tip = world_.tip();
    progress.lowest = progress.tip;
    progress.settling = phase != Phase::running;
    for (const auto& agent : agents_) {
        if (!agent->has_stream()) continue;
        ++progress.streams;
        progress.lowest = std::min(progress.lowest, agent->height());
    }
    on_progress_(progress);
}

bool Run::wait(Steady::time_point until, const std::function<bool()>& done, Phase phase) {
    const bool heeds_stop = phase != Phase::ending;
    for (;;) {
        std::uint64_t seen = 0;
        {
            const std::lock_guard lock(mutex_);
            seen = happenings_;
        }
        if (done()) return true;
        if (Steady::now() >= until || (heeds_stop && is_cancelled())) return false;
        show(phase);
        const auto pause = std::min(until, Steady::now() + kProgressEvery);
        std::unique_lock lock(mutex_);
        something_happened_.wait_until(lock, heeds_stop ? stop_ : std::stop_token(), pause,
                                       [&] { return happenings_ != seen; });
    }
}

std::size_t Run::streams() const {
    return static_cast<std::size_t>(
        std::count_if(agents_.begin(), agents_.end(), [](const auto& agent) { return agent->has_stream(); }));
}

void Run::make_agents() {
    for (std::size_t i = 0; i < settings_.agents; ++i) {
        const auto behaviour = static_cast<L4Behaviour>(i % kL4Behaviours);
        agents_.push_back(std::make_shared<L4Agent>(fmt::format("l4-{:03}", i + 1),
                                                    l4_plan(behaviour, settings_.duration), around_));
    }
}

void Run::plan(const std::shared_ptr<L4Agent>& agent) {
    const L4Plan& plan = agent->plan();
    if (!plan.from_snapshot) timers_.after(plan.joins, [agent] { agent->join(); });
    for (const L4Absence& absence : plan.absences) {
        timers_.after(absence.leaves, [agent] { agent->leave(); });
        timers_.after(absence.returns, [agent] { agent->join(); });
    }
    if (plan.quits) timers_.after(*plan.quits, [agent] { agent->quit(); });
}

Result<L4State> Run::snapshot() {
    IOSWARM_TRY(const auto state, state_of_log(world_.store, world_.store.range().tip));
    auto read = world_.through_snapshot(state);
    if (!read) return fail(std::move(read).error());
    if (read->hash() != state.hash()) {
        return fail(ErrorCode::bad_data, "the snapshot does not give back the state",
                    std::to_string(state.height()));
    }
    return read;
}

void Run::join_from_snapshot() {
    if (world_.store.range().empty()) return timers_.after(kLooksAgain, [this] { join_from_snapshot(); });
    const auto state = snapshot();
    {
        const std::lock_guard lock(mutex_);
        snapshot_height_ = state ? state->height() : 0;
        snapshot_ = state ? Status() : Status(fail(state.error()));
    }
    for (const auto& agent : agents_) {
        if (!agent->plan().from_snapshot) continue;
        if (state) agent->begin_from(*state);
        agent->join();
    }
}

void Run::settle() {
    evidence_.tip = world_.hold();
    for (const auto& agent : agents_)
        agent->skip_pauses();
    const auto all_done = [this](const std::function<bool(const L4Plan&)>& counts) {
        return std::all_of(agents_.begin(), agents_.end(), [&](const auto& agent) {
            return !counts(agent->plan()) || agent->is_done(evidence_.tip);
        });
    };
    const auto is_online = [](const L4Plan& plan) { return plan.behaviour == L4Behaviour::always_online; };
    const auto stays = [](const L4Plan& plan) { return !plan.quits; };
    (void)wait(
        Steady::now() + settings_.settle, [&] { return all_done(is_online); }, Phase::settling);
    for (const auto& agent : agents_) {
        if (!is_online(agent->plan())) continue;
        const std::uint64_t lag = evidence_.tip - std::min(evidence_.tip, agent->height());
        evidence_.online_lag = std::max(evidence_.online_lag, lag);
    }
    const auto all_left = [this] {
        return std::all_of(agents_.begin(), agents_.end(),
                           [](const auto& agent) { return !agent->plan().quits || agent->has_left(); });
    };
    (void)wait(
        Steady::now() + settings_.settle, [&] { return all_done(stays) && all_left(); }, Phase::settling);
}

void Run::end_all() {
    const std::vector<std::string> served = world_.subscribers();
    for (const auto& agent : agents_) {
        const std::string id = agent->record().id;
        if (agent->plan().quits && std::find(served.begin(), served.end(), id) != served.end())
            evidence_.ghosts.push_back(id);
        agent->quit();
    }
    const auto until = Steady::now() + settings_.settle;
    (void)wait(
        until, [this] { return streams() == 0; }, Phase::ending);
    evidence_.streams_left = streams();
    for (;;) {
        evidence_.subscribers = world_.subscribers();
        if (evidence_.subscribers.empty() || Steady::now() > until || is_cancelled()) return;
        std::unique_lock lock(mutex_);
        something_happened_.wait_for(lock, kLooksAgain);
    }
}

Result<L4Report> Run::report() {
    evidence_.health = world_.health();
    {
        const std::lock_guard lock(mutex_);
        evidence_.has_snapshot = snapshot_.has_value();
        evidence_.snapshot = snapshot_.value_or(fail(ErrorCode::internal, "no snapshot was made"));
        evidence_.snapshot_height = snapshot_height_;
    }
    L4Report report;
    std::set<std::uint64_t> heights{evidence_.tip};
    for (const auto& agent : agents_) {
        report.agents.push_back(agent->record());
        report.diffs += report.agents.back().diffs;
        heights.insert(report.agents.back().height);
    }
    evidence_.agents = report.agents;
    IOSWARM_TRY(auto replay, l4_replay(settings_.chain, evidence_.tip, heights));
    report.stopped = is_cancelled();
    report.checks = report.stopped ? l4_checks_stopped(evidence_, world_.store, replay)
                                   : l4_checks(evidence_, world_.store, replay);
    report.tip = evidence_.tip;
    report.entries = replay.entries;
    report.state_hash = replay.hashes.at(evidence_.tip);
    report.elapsed = std::chrono::duration_cast<milliseconds>(Steady::now() - began_);
    return report;
}

Result<L4Report> Run::go() {
    make_agents();
    for (const auto& agent : agents_)
        plan(agent);
    timers_.after(l4_plan(L4Behaviour::from_snapshot, settings_.duration).joins,
                  [this] { join_from_snapshot(); });
    world_.start();
    (void)wait(
        began_ + settings_.duration, [] { return false; }, Phase::running);
    if (!is_cancelled()) settle();
    end_all();
    if (is_cancelled()) {
        evidence_.tip = world_.hold();
        if (evidence_.tip == 0)
            return fail(ErrorCode::cancelled, "l4sim", {}, "stopped before its first block: no report");
        // The last blocks may still be on their way into the log.
        (void)wait(
            Steady::now() + settings_.settle, [this] { return world_.tip() >= evidence_.tip; }, Phase::ending);
    }
    return report();
}

}  // namespace

bool L4Report::passed() const noexcept {
    return std::all_of(checks.begin(), checks.end(), [](const L4Check& check) { return check.passed; });
}

Result<L4Report> run_l4(const L4RunSettings& settings, const L4World& world, const std::stop_token& stop,
                        const std::function<void(const L4Progress&)>& on_progress) {
    if (settings.agents < kL4Behaviours) {
        return fail(ErrorCode::invalid_argument, "cannot simulate", "agents",
                    fmt::format("at least {}, one for each behaviour", kL4Behaviours));
    }
    Run run(settings, world, stop, on_progress);
    return run.go();
}

}  // namespace ioswarm::sim
