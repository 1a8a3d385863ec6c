// SPDX-License-Identifier: Apache-2.0
#include "proto/agents/load_agent.hpp"

#include <functional>
#include <utility>

#include <fmt/format.h>

#include "core/crypto/hmac.hpp"
#include "proto/codec/codec.hpp"

namespace ioswarm::proto {
namespace {

AgentProfile profile_of(const LoadSettings& settings, std::uint32_t index) {
    AgentProfile out;
    out.id = load_agent_id(settings, index);
    if (index < settings.credentials.size())
        out.token = settings.credentials[index].key;
    else if (!settings.master_secret.empty())
        out.token = agent_token(settings.master_secret, out.id);
    out.level = settings.level;
    out.region = load_agent_region(index);
    out.version = settings.version;
    if (index < settings.wallet_list.size()) {
        out.wallet_address = settings.wallet_list[index];
    } else if (settings.wallets && settings.wallet_list.empty()) {
        out.wallet_address = fmt::format("0x{:040x}", index + 1);
    }
    out.codec = index % 2 == 0 ? Codec::protobuf : Codec::json;
    return out;
}

/// Whether the error will be the same at every later attempt.
bool is_for_good(const Error& error) {
    return error.code == ErrorCode::unauthenticated || error.code == ErrorCode::permission_denied ||
           error.code == ErrorCode::invalid_argument;
}

std::uint64_t unix_ms() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::system_clock::now().time_since_epoch())
                                          .count());
}

Clock::Steady now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

/// While an object of this class exists, leave() waits as for a submission. Create it before reading `leaving`:
/// then leave() either waits for the batch, or the batch is not started.
class LoadGenerator::Working {
  public:
    explicit Working(Shared& shared) : shared_(shared) { shared_.submission_began(); }
    ~Working() { shared_.submission_ended(); }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;

  private:
    Shared& shared_;
};

LoadGenerator::Agent::Agent(Shared& shared, std::uint32_t index)
    : shared_(shared),
      index_(index),
      profile_(profile_of(shared.settings, index)),
      fault_(shared.faults.of(index)) {}

ClientCall LoadGenerator::Agent::rpc(const char* method, std::chrono::milliseconds deadline) const {
    ClientCall call{nullptr, std::string("/ioswarm.IOSwarm/") + method, {}, deadline};
    {
        const std::lock_guard lock(mutex_);
        call.channel = channel_;
    }
    if (!profile_.token.empty())
        call.headers = {{"x-ioswarm-agent-id", profile_.id}, {"x-ioswarm-token", profile_.token}};
    return call;
}

template <typename Response>
Result<Response> LoadGenerator::Agent::read(const Result<Bytes>& answer) const {
    if (!answer) return fail(answer.error());
    return decode<Response>(profile_.codec, *answer);
}

void LoadGenerator::Agent::register_now() {
    {
        const std::lock_guard lock(mutex_);
        if (!channel_) channel_ = shared_.channel_of(index_);
    }
    const RegisterRequest request{profile_.id, profile_.level, profile_.region, profile_.version,
                                  profile_.wallet_address};
    static_cast<void>(shared_.loop.unary(rpc("Register", shared_.settings.times.register_deadline),
                                         encode(profile_.codec, request),
                                         [self = shared_from_this()](const Result<Bytes>& answer) {
                                             self->registered(self->read<RegisterResponse>(answer));
                                         }));
}

void LoadGenerator::Agent::registered(const Result<RegisterResponse>& response) {
    if (!response) return failed(response.error(), is_for_good(response.error()));
    if (!response->accepted) {
        return failed(
            Error{ErrorCode::resource_exhausted, "agents cannot join", profile_.id, response->reason, {}},
            !counted_);
    }
    const std::chrono::seconds told(response->heartbeat_interval_sec);
    if (told.count() > 0) heartbeat_every_ = told;
    if (shared_.settings.times.heartbeat_every) heartbeat_every_ = *shared_.settings.times.heartbeat_every;
    away_ = false;
    in_touch_ = true;
    open_stream();
    if (!beating_.exchange(true)) heartbeat_later(true);
    if (!std::exchange(counted_, true)) shared_.agent_joined();
}

void LoadGenerator::Agent::failed(const Error& error, bool for_good) {
    if (shared_.leaving) return;
    in_touch_ = false;
    shared_.agent_failed(error, for_good && !counted_);
    static_cast<void>(shared_.loop.after(shared_.settings.times.retry_min,
                                         [self = shared_from_this()] { self->register_now(); }));
}

void LoadGenerator::Agent::heartbeat_later(bool first) {
    auto delay = heartbeat_every_.load();
    // Spreads the first heartbeats, so that agents that joined together do not send all heartbeats at the same
    // moments.
    if (first) delay = delay * (index_ % 64 + 1) / 64;
    static_cast<void>(shared_.loop.after(delay, [self = shared_from_this()] { self->heartbeat(); }));
}

void LoadGenerator::Agent::heartbeat() {
    if (away_) {
        beating_ = false;
        return;
    }
    const ClientCall call = rpc("Heartbeat", shared_.settings.times.heartbeat_deadline);
    if (!call.channel) {  // the agent vanished just now
        beating_ = false;
        return;
    }
    const HeartbeatRequest request{profile_.id, tasks_processed_.load(), 0, 0, 0};
    static_cast<void>(shared_.loop.unary(call, encode(profile_.codec, request),
                                         [self = shared_from_this()](const Result<Bytes>& answer) {
                                             const auto response = self->read<HeartbeatResponse>(answer);
                                             if (response && response->payout) self->shared_.record.paid();
                                             // The coordinator has forgotten this agent. Ending the stream
                                             // leads to a new registration.
                                             if (response && !response->alive) self->cancel_stream();
                                             self->heartbeat_later(false);
                                         }));
}

void LoadGenerator::Agent::cancel_stream() {
    const std::lock_guard lock(mutex_);
    if (const auto stream = stream_.lock()) stream->cancel();
}

LoadGenerator::Agent::StreamPtr LoadGenerator::Agent::take_parked() {
    const std::lock_guard lock(mutex_);
    return std::exchange(parked_, nullptr);
}

void LoadGenerator::Agent::resume() {
    if (const auto stream = take_parked()) stream->resume();
}

void LoadGenerator::Agent::let_go() {
    cancel_stream();
    const auto stream = take_parked();
    if (!stream) return;
    stream->cancel();  // the first message may arrive before open_stream() has stored the stream, so
                       // cancel_stream() may have missed it
    stream->resume();
}

void LoadGenerator::Agent::open_stream() {
    RpcLoop::StreamHandlers handlers;
    handlers.on_message = [self = shared_from_this()](const StreamPtr& stream, const Bytes& message) {
        self->work_on(stream, message);
    };
    handlers.on_end = [self = shared_from_this()](const Status& status) {
        if (self->shared_.leaving || self->away_) return;
        self->failed(status ? Error{ErrorCode::unavailable,
                                    "task stream ended",
                                    self->profile_.id,
                                    "ended by the coordinator",
                                    {}}
                            : status.error(),
                     false);
    };
    const GetTasksRequest request{profile_.id, profile_.level, profile_.max_batch_size};
    auto stream =
        shared_.loop.stream(rpc("GetTasks", {}), encode(profile_.codec, request), std::move(handlers));
    const std::lock_guard lock(mutex_);
    stream_ = stream;
}

void LoadGenerator::Agent::work_on(const StreamPtr& stream, const Bytes& message) {
    if (away_) return stream->resume();
    {
        const std::lock_guard lock(mutex_);
        parked_ = stream;
    }
    const Working working(shared_);
    if (shared_.leaving) return resume();  // let_go() may have run before this message came
    auto decoded = decode<TaskBatch>(profile_.codec, message);
    if (!decoded) {
        shared_.record.unreadable();
        return resume();
    }
    auto batch = std::make_shared<Batch>();
    batch->batch = std::move(*decoded);
    batch->delivered_at = now();
    shared_.record.delivered(index_, batch->batch.tasks.size());
    if (shared_.faults.shares().for_others > 0) shared_.show_batch(index_, batch->batch);
    const std::uint32_t before = batches_++;
    if (fault_ == sim::AgentFault::vanish && !has_vanished_ &&
        before >= shared_.faults.batches_before_vanishing(index_)) {
        return vanish();
    }
    if (fault_ == sim::AgentFault::never_read) return;  // the stream stays parked, so it is never read again
    compute(*batch);
    if (fault_ == sim::AgentFault::late) {
        static_cast<void>(shared_.loop.after(shared_.settings.late_by, [self = shared_from_this(), batch] {
            const Working still(self->shared_);
            if (!self->shared_.leaving) self->hand_in(batch);
        }));
        return;
    }
    if (fault_ == sim::AgentFault::for_others) {
        return answer_for_others(batch, [self = shared_from_this(), batch] { self->hand_in(batch); });
    }
    hand_in(batch);
}

void LoadGenerator::Agent::compute(Batch& batch) {
    batch.result = BatchResult{profile_.id, batch.batch.batch_id, {}, 0};
    batch.result.results.reserve(batch.batch.tasks.size());
    for (const TaskPackage& task : batch.batch.tasks) {
        const auto start = now();
        TaskResult result = shared_.settings.answer(task);
        const auto took = now() - start;
        shared_.record.computed(index_, took);
        result.task_id = task.task_id;
        result.latency_us =
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
        const bool executed = task.evm_tx && shared_.settings.level == TaskLevel::l3_full_execute;
        batch.answers.push_back(
            {shared_.record.identify(task.tx_raw), result.valid, executed, result.gas_used != 0});
        batch.result.results.push_back(std::move(result));
    }
    batch.result.timestamp = unix_ms();
    tasks_processed_ += static_cast<std::uint32_t>(batch.batch.tasks.size());
}

/// Submits a forged answer: alternately under its own name for another agent's batch, and under another agent's
/// name. All verdicts are inverted, so that it would show if the coordinator accepted them.
void LoadGenerator::Agent::answer_for_others(const BatchPtr& batch, std::function<void()> then) {
    BatchResult forged = batch->result;
    for (TaskResult& result : forged.results)
        result.valid = !result.valid;
    const auto other = shared_.batch_of_another(index_);
    if (batches_ % 2 == 0 && other) {
        forged.batch_id = other->batch_id;
        forged.results.resize(other->tasks.size());
        for (std::size_t i = 0; i < other->tasks.size(); ++i)
            forged.results[i].task_id = other->tasks[i];
    } else {
        forged.agent_id = load_agent_id((index_ + 1) % shared_.settings.agents);
        if (other) forged.batch_id = other->batch_id;
    }
    submit(forged, [self = shared_from_this(), then = std::move(then)](sim::Outcome outcome) {
        self->shared_.record.foreign_submission(outcome);
        then();
    });
}

void LoadGenerator::Agent::hand_in(const BatchPtr& batch) {
    submit(batch->result, [self = shared_from_this(), batch](sim::Outcome outcome) {
        self->shared_.record.submitted(self->index_, batch->answers, outcome, batch->delivered_at, now());
        if (self->fault_ == sim::AgentFault::twice && !self->shared_.leaving) return self->hand_in_again(batch);
        self->resume();
    });
}

void LoadGenerator::Agent::hand_in_again(const BatchPtr& batch) {
    submit(batch->result, [self = shared_from_this()](sim::Outcome outcome) {
        self->shared_.record.second_submission(outcome);
        self->resume();
    });
}

void LoadGenerator::Agent::submit(const BatchResult& result, const Then& then) {
    shared_.submission_began();
    const bool started = shared_.loop.unary(rpc("SubmitResults", shared_.settings.times.submit_deadline),
                                            encode(profile_.codec, result),
                                            [self = shared_from_this(), then](const Result<Bytes>& answer) {
                                                then(self->outcome_of(self->read<SubmitResponse>(answer)));
                                                self->shared_.submission_ended();
                                            });
    if (started) return;
    then(sim::Outcome::unknown);
    shared_.submission_ended();
}

sim::Outcome LoadGenerator::Agent::outcome_of(const Result<SubmitResponse>& response) const {
    if (!response) {
        if (response.error().code == ErrorCode::resource_exhausted) return sim::Outcome::rate_limited;
        shared_.log.warn("agent {}: no word about results: {}", profile_.id, response.error().text());
        return sim::Outcome::unknown;
    }
    // A reason beside accepted=true means that some results were accepted; which ones is not known.
    if (response->accepted) return response->reason.empty() ? sim::Outcome::accepted : sim::Outcome::unknown;
    return response->reason.find("too late") != std::string::npos ? sim::Outcome::refused_late
                                                                  : sim::Outcome::refused;
}

void LoadGenerator::Agent::vanish() {
    has_vanished_ = true;
    away_ = true;
    shared_.record.vanished();
    let_go();
    {
        const std::lock_guard lock(mutex_);
        channel_ = nullptr;
    }
    if (!shared_.faults.comes_back(index_)) return;
    static_cast<void>(shared_.loop.after(shared_.settings.away_for, [self = shared_from_this()] {
        self->shared_.record.returned();
        self->register_now();
    }));
}

}  // namespace ioswarm::proto
