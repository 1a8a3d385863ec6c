// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/coordinator.hpp"

#include <algorithm>
#include <utility>

#include "core/auth/register_checks.hpp"
#include "core/base/try.hpp"

namespace ioswarm {
namespace {

/// How many numbers are reserved in the ledger at once, and the remaining number at which the next are
/// reserved. Each batch and each task costs one number.
constexpr std::uint64_t kIdsReserved = 16'384;
constexpr std::uint64_t kIdsLow = 8'192;

/// How often time-outs are checked: four times within the task time-out, within bounds.
std::chrono::nanoseconds tick_of(std::chrono::nanoseconds task_timeout) {
    return std::clamp<std::chrono::nanoseconds>(task_timeout / 4, std::chrono::milliseconds(5),
                                                std::chrono::milliseconds(250));
}

/// The time thread wakes up once per tick. If it is this much late, the process was stopped or the machine was
/// overloaded, and what agents sent meanwhile was not read.
constexpr std::chrono::milliseconds kStall{500};

}  // namespace

Result<std::unique_ptr<Coordinator>> Coordinator::create(const CoordinatorSettings& settings,
                                                         ActPoolReader& pool, StateReader& state,
                                                         BlockSource& blocks, Payroll& payroll,
                                                         const Clock& clock, Log log,
                                                         evm::StateFetchers* fetchers) {
    std::unique_ptr<Coordinator> made(
        new Coordinator(settings, pool, state, blocks, payroll, clock, std::move(log), fetchers));
    IOSWARM_DO(made->reserve_ids());
    for (const OpenAnswers& open : payroll.open_answers())
        made->unseen_[open.action_hash.value_or(open.raw_id)].push_back(open.raw_id);
    made->engine_->set_mined_before(payroll.recent_blocks());
    return made;
}

Coordinator::Coordinator(const CoordinatorSettings& settings, ActPoolReader& pool, StateReader& state,
                         BlockSource& blocks, Payroll& payroll, const Clock& clock, Log log,
                         evm::StateFetchers* fetchers)
    : settings_(settings),
      pool_(pool),
      payroll_(payroll),
      clock_(clock),
      log_(std::move(log)),
      received_before_(payroll.tasks_received()),
      wake_(std::make_shared<Signal>()),
      answers_recorded_(std::make_shared<Signal>()),
      engine_(std::make_shared<Engine>(settings, clock, log_, wake_)),
      registrations_(std::in_place, settings.register_interval),
      runner_(fetchers != nullptr ? std::make_unique<TaskRunner>(*fetchers) : nullptr),
      readers_(state, runner_.get(), *engine_, settings.metrics),
      source_outage_("node", log_.of(LogModule::node)),
      follower_(blocks, payroll, *engine_, log_, source_outage_, settings.metrics),
      counters_(settings.metrics),
      ledger_alarm_("ledger", log_.of(LogModule::ledger)),
      tip_alarm_("dispatch", log_),
      accounts_alarm_("accounts", log_),
      blocks_alarm_("blocks", log_),
      behind_alarm_("blocks", log_),
      polled_at_(0),
      tick_ns_(tick_of(settings.task_timeout).count()),
      poll_policy_(settings.poll_interval),
      stops_hook_(settings.metrics.on_read([this] { count_stops(); })) {
    if (runner_) engine_->enable_runs();
}

Coordinator::~Coordinator() {
    stop();
}

void Coordinator::start() {
    if (stopping_ || timer_.joinable()) return;
    readers_.start(settings_.prefetch_concurrency);
    timer_ = std::jthread([this](const std::stop_token& stop) { time_loop(stop); });
    blocks_thread_ = std::jthread([this](const std::stop_token& stop) { follower_.run(stop); });
    poller_ = std::jthread([this](const std::stop_token& stop) { poll_loop(stop); });
}

void Coordinator::drain(std::chrono::milliseconds within) {
    draining_ = true;
    engine_->close();
    const auto until = clock_.steady() + within;
    while (engine_->open_tasks() > 0) {
        const std::chrono::nanoseconds left = until - clock_.steady();
        if (left <= left.zero()) return;
        // A recorded answer raises the signal. Tasks that time out or end with their agent are noticed at the
        // next tick.
        (void)answers_recorded_->wait({}, std::min(left, std::chrono::nanoseconds(tick_ns_)));
    }
}

void Coordinator::stop() {
    if (stopping_.exchange(true)) return;
    engine_->close();
    for (std::jthread* thread : {&poller_, &blocks_thread_, &timer_})
        thread->request_stop();
    for (std::jthread* thread : {&poller_, &blocks_thread_}) {
        if (thread->joinable()) thread->join();
    }
    readers_.stop();
    if (timer_.joinable()) timer_.join();
    engine_->end_streams(
        Error{ErrorCode::unavailable, "task stream ended", {}, "the coordinator is shutting down", {}});
}

Status Coordinator::reserve_ids() {
    const std::lock_guard lock(reserving_);
    if (engine_->ids_left() >= kIdsLow) return {};
    IOSWARM_TRY(auto first, payroll_.reserve_ids(kIdsReserved));
    engine_->add_ids(first, kIdsReserved);
    return {};
}

void Coordinator::dispatch(bool poll) {
    watch_tip();
    watch_accounts();
    if (!watch_ledger()) return;  // without the ledger, numbers for tasks could not be reserved either
    Status reserved;
    do {
        reserved = reserve_ids();
        if (!reserved && !ids_failing_.exchange(true)) {
            log_.error("cannot reserve numbers for tasks: {}; no task is sent until this works",
                       reserved.error().text());
        }
        if (reserved) ids_failing_ = false;
        readers_.add(engine_->dispatch(poll));
        readers_.add(engine_->take_runs());
    } while (reserved && engine_->ids_left() == 0);
    if (!poll && engine_->waits_for_poll()) poll_now_.raise();
}

Status Coordinator::read_pool(ChainTip& tip, std::vector<PoolActionPtr>& pending) {
    // Read the tip first. If a block comes between the two reads, the pool's list is then newer than the tip,
    // never older.
    IOSWARM_TRY(auto newest, pool_.tip());
    compare_with_ledger(newest.height);
    IOSWARM_TRY(auto listed, pool_.pending());
    tip = std::move(newest);
    pending = std::move(listed);
    return {};
}

Status Coordinator::poll_once() {
    // Uses real time even if clock_ is another clock, because the pauses between polls are real too.
    PollPolicy::Read read{std::chrono::steady_clock::now(), {}, false, 0};
    ChainTip tip;
    std::vector<PoolActionPtr> pending;
    const Status done = read_pool(tip, pending);
    read.ended = std::chrono::steady_clock::now();
    if (!done) {
        poll_policy_.add(read);
        return done;
    }
    std::unordered_map<Hash256, AnsweredEarlier, FixedBytesHash> answered;
    if (!unseen_.empty()) {
        for (const PoolActionPtr& action : pending) {
            AnsweredEarlier earlier = answered_earlier(*action);
            if (!earlier.raw_ids.empty()) answered.emplace(action->raw_id, std::move(earlier));
        }
        forget_unseen(tip.height);
    }
    read.tip_height = tip.height;
    read.has_new = engine_->update_pool(pending, tip, [&](const PoolAction& action) {
        const auto at = answered.find(action.raw_id);
        return at == answered.end() ? AnsweredEarlier{} : at->second;
    });
    if (auto forgotten = engine_->take_forgotten(); !forgotten.empty()) payroll_.forget(forgotten);
    poll_policy_.add(read);
    counters_.polls.add();
    polled_at_ = clock_.steady().time_since_epoch().count();
    polled_ = true;
    dispatch(true);
    return {};
}

/// The answers from before a restart to an action that this poll lists. The pool may list the same transaction
/// in another envelope now, so its hash counts, not its raw id.
AnsweredEarlier Coordinator::answered_earlier(const PoolAction& action) {
    AnsweredEarlier out;
    auto at = action.hash ? unseen_.find(*action.hash) : unseen_.end();
    if (at == unseen_.end()) at = unseen_.find(action.raw_id);
    if (at == unseen_.end()) return out;
    out.raw_ids = std::move(at->second);
    unseen_.erase(at);
    for (const Hash256& raw_id : out.raw_ids) {
        for (std::string& agent : payroll_.answered_by(raw_id)) {
            if (std::find(out.agents.begin(), out.agents.end(), agent) == out.agents.end())
                out.agents.push_back(std::move(agent));
        }
    }
    return out;
}

/// Actions that were answered before a restart and are no longer in the pool are kept for their block no longer
/// than others.
void Coordinator::forget_unseen(std::uint64_t tip) {
    if (unseen_since_ == 0 || tip < unseen_since_) unseen_since_ = tip;
    if (settled_height(payroll_.last_height(), tip) < unseen_since_ + settings_.forget_after_blocks) return;
    std::vector<Hash256> raw_ids;
    for (const auto& [key, held] : unseen_)
        raw_ids.insert(raw_ids.end(), held.begin(), held.end());
    unseen_.clear();
    payroll_.forget(raw_ids);
}

void Coordinator::poll_loop(const std::stop_token& stop) {
    Backoff backoff;
    Signal never;
    while (!stop.stop_requested()) {
        const Status polled = poll_once();
        auto [least, most] = poll_policy_.pause(std::chrono::steady_clock::now());
        if (polled) {
            backoff.reset();
            source_outage_.worked("pool", std::chrono::steady_clock::now());
        } else {
            counters_.poll_errors.add();
            least = most = std::max<std::chrono::nanoseconds>(most, backoff.next());
            source_outage_.failed("pool", polled.error(), std::chrono::steady_clock::now());
        }
        never.wait(stop, least);
        poll_now_.wait(stop, most - least);
    }
}

void Coordinator::keep_time() {
    engine_->tick();
    watch_blocks();
    dispatch(false);
}

void Coordinator::change_limits(const CoordinatorLimits& limits) {
    tick_ns_ = tick_of(limits.task_timeout).count();
    engine_->change_limits(limits);
    wake_->raise();
}

void Coordinator::read_now() {
    while (readers_.run_one())
        dispatch(false);
}

void Coordinator::time_loop(const std::stop_token& stop) {
    using RealTime = std::chrono::steady_clock;  // waits take real time even if clock_ is another clock
    auto ticked = RealTime::now();
    while (!stop.stop_requested()) {
        const std::chrono::nanoseconds tick(tick_ns_);
        wake_->wait(stop, tick);
        if (stop.stop_requested()) return;
        const auto passed = RealTime::now() - ticked;
        if (passed >= tick + kStall) engine_->stalled(passed - tick);
        if (passed < tick) {
            dispatch(false);
        } else {
            ticked = RealTime::now();
            keep_time();
        }
        if (settings_.on_round) settings_.on_round();
    }
}

/// Returns 0 if the agent may register now. The interval starts at the last Register call that was not refused
/// for this reason.
std::chrono::seconds Coordinator::wait_to_register(const std::string& agent_id) {
    const Clock::Steady now = clock_.steady();
    auto registrations = registrations_.lock();
    const std::chrono::nanoseconds wait = registrations->wait(agent_id, now);
    if (wait.count() == 0) registrations->note(agent_id, now);
    return std::chrono::ceil<std::chrono::seconds>(wait);
}

void Coordinator::register_agent(const std::string& agent_id, const RegisterRequest& request,
                                 RegisterDone done) {
    if (stopping_ || draining_) {
        return done(
            fail(ErrorCode::unavailable, "cannot register", agent_id, "the coordinator is shutting down"));
    }
    auto named_wallet = check_register(agent_id, request, settings_.rewards.contract);
    if (!named_wallet) return done(RegisterResponse{false, named_wallet.error().why, 0});
    if (const std::chrono::seconds wait = wait_to_register(agent_id); wait.count() > 0) {
        counters_.registers_too_soon.add();
        return done(fail(ErrorCode::resource_exhausted, "cannot register", agent_id,
                         fmt::format("an agent may register once per {} s; try again in {} s",
                                     settings_.register_interval.count(), wait.count())));
    }
    // This is checked before the wallet is written, so that an agent that gets no place leaves nothing in the
    // ledger.
    if (std::string why = engine_->no_place_for(agent_id); !why.empty())
        return done(RegisterResponse{false, std::move(why), 0});
    payroll_.on_registration(
        agent_id, named_wallet->wallet,
        [engine = engine_, agent_id, request, interval = settings_.wallet_change_interval,
         fault = named_wallet->fault, done = std::move(done)](const Result<RegistrationOutcome>& named) {
            if (!named) {
                const bool is_busy = named.error().code == ErrorCode::resource_exhausted;
                return done(fail(is_busy ? named.error().code : ErrorCode::unavailable, "cannot register",
                                 agent_id, named.error().why));
            }
            RegisterResponse response = engine->register_agent(agent_id, request, fault);
            if (response.accepted && !fault.empty()) {
                response.reason = fmt::format(
                    "{}; it is not used: unless an earlier wallet is known, the work is unpaid until the agent "
                    "registers with a wallet",
                    fault);
            }
            if (response.accepted && named->wait.count() > 0) {
                response.reason = fmt::format(
                    "the wallet stays as it was: an agent may change it once per {} s; register "
                    "with it again in {} s",
                    interval.count(), named->wait.count());
            }
            done(std::move(response));
        });
}

Result<std::unique_ptr<TaskStream>> Coordinator::open_task_stream(const std::string& agent_id,
                                                                  const GetTasksRequest& request,
                                                                  std::shared_ptr<StreamSink> sink) {
    return engine_->open_stream(agent_id, request, std::move(sink));
}

void Coordinator::submit(const std::string& agent_id, BatchResult batch, SubmitDone done) {
    auto judged = engine_->judge(agent_id, batch);
    if (!judged) return done(fail(std::move(judged.error())));
    if (auto* refused = std::get_if<SubmitResponse>(&*judged)) return done(std::move(*refused));
    auto submission = std::make_shared<Submission>(std::move(std::get<Submission>(*judged)));
    std::vector<Answer> answers = std::move(submission->answers);
    payroll_.record(std::move(answers), [engine = engine_, recorded = answers_recorded_, submission,
                                         done = std::move(done)](const Status& status) {
        if (!status) engine->set_on_hold(true);  // at once; watch_ledger() decides when it ends
        engine->recorded(*submission, status);
        recorded->raise();
        if (status) return done(SubmitResponse{true, submission->note});
        // The text that an agent receives must not name files of this machine. The same holds for not_ready(),
        // whose answer everybody can read.
        done(fail(ErrorCode::unavailable, "cannot record the results", *submission->agent->name,
                  status.error().why, "submit them again"));
    });
}

Result<HeartbeatResponse> Coordinator::heartbeat(const std::string& agent_id, const HeartbeatRequest& request) {
    if (!engine_->heartbeat(agent_id, request)) return HeartbeatResponse{false, "shutdown", std::nullopt};
    return HeartbeatResponse{true, "continue", payroll_.take_payout(agent_id)};
}

void Coordinator::end_agent(const std::string& agent_id, const Error& reason) {
    engine_->end_agent(agent_id, reason);
}

std::vector<AgentView> Coordinator::agents() const {
    return engine_->agents();
}
ShadowTotals Coordinator::shadow() const {
    return payroll_.shadow();
}
EpochView Coordinator::epoch() const {
    return payroll_.epoch();
}
std::vector<LeaderboardEntry> Coordinator::leaderboard() const {
    return payroll_.leaderboard();
}
Result<RewardsView> Coordinator::rewards(const std::string& agent_id) const {
    return payroll_.rewards(agent_id);
}

}  // namespace ioswarm
