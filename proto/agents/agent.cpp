// SPDX-License-Identifier: Apache-2.0
#include "proto/agents/agent.hpp"

#include <algorithm>
#include <utility>

#include "core/base/unix_time.hpp"

namespace ioswarm::proto {
namespace {

constexpr std::chrono::seconds kDefaultHeartbeat{10};

}  // namespace

std::chrono::milliseconds retry_pause(const AgentTimes& times, unsigned refusals, std::uint64_t random) {
    std::chrono::milliseconds least = std::min(times.retry_min, times.retry_max);
    std::chrono::milliseconds most = std::max(times.retry_min, times.retry_max);
    for (unsigned i = 1; i < refusals && most < times.refused_max; ++i) {
        least *= 2;
        most *= 2;
    }
    if (most >= times.refused_max && refusals > 1) {
        most = std::max(times.refused_max, times.retry_min);
        least = most / 2;
    }
    const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + std::chrono::milliseconds(static_cast<std::int64_t>(random % span));
}

AgentContext::AgentContext(AgentTimes times_in, unsigned threads, Log log_in)
    : times(times_in), log(std::move(log_in)), loop(std::max(threads, 1U)) {}

AgentCounters AgentContext::counters() const {
    AgentCounters out;
    out.registrations = counts.registrations;
    out.failed_registrations = counts.failed_registrations;
    out.streams_ended = counts.streams_ended;
    out.batches = counts.batches;
    out.tasks = counts.tasks;
    out.unreadable_batches = counts.unreadable_batches;
    out.submissions_accepted = counts.submissions_accepted;
    out.submissions_refused = counts.submissions_refused;
    out.submissions_failed = counts.submissions_failed;
    out.heartbeats = counts.heartbeats;
    out.failed_heartbeats = counts.failed_heartbeats;
    out.payouts = counts.payouts;
    return out;
}

Agent::Agent(AgentContext& context, AgentProfile profile, Connect connect, std::unique_ptr<AgentWork> work)
    : context_(context),
      profile_(std::move(profile)),
      connect_(std::move(connect)),
      work_(std::move(work)),
      heartbeat_every_(kDefaultHeartbeat),
      random_(static_cast<std::minstd_rand::result_type>(std::hash<std::string>{}(profile_.id))) {}

ClientCall Agent::rpc(const char* method, std::chrono::milliseconds deadline) const {
    ClientCall call{nullptr, std::string("/ioswarm.IOSwarm/") + method, {}, deadline};
    {
        const std::lock_guard lock(mutex_);
        call.channel = channel_;
    }
    if (!profile_.token.empty())
        call.headers = {{"x-ioswarm-agent-id", profile_.id}, {"x-ioswarm-token", profile_.token}};
    return call;
}

/// Decodes an answer. If the call failed, returns its error.
template <typename Response>
Result<Response> Agent::read(const Result<Bytes>& answer) const {
    if (!answer) return fail(answer.error());
    return decode<Response>(profile_.codec, *answer);
}

void Agent::register_now() {
    const std::uint64_t life = life_;
    {
        const std::lock_guard lock(mutex_);
        if (!channel_) channel_ = connect_();
    }
    const RegisterRequest request{profile_.id, profile_.level, profile_.region, profile_.version,
                                  profile_.wallet_address};
    static_cast<void>(
        context_.loop.unary(rpc("Register", context_.times.register_deadline), encode(profile_.codec, request),
                            [self = shared_from_this(), life](const Result<Bytes>& answer) {
                                // After disconnect() nobody waits for this answer.
                                if (self->life_ != life) return;
                                self->registration_answered(self->read<RegisterResponse>(answer), life);
                            }));
}

// The stream is opened last: it may end at once, and its end uses the same members as this function.
void Agent::registration_answered(const Result<RegisterResponse>& response, std::uint64_t life) {
    if (!response) {
        const Error& error = response.error();
        work_->failed(error);
        return not_registered(error.text(),
                              error.code != ErrorCode::unavailable && error.code != ErrorCode::timed_out);
    }
    if (!response->accepted) {
        work_->refused(response->reason);
        return not_registered(response->reason, true);
    }
    ++context_.counts.registrations;
    refusals_ = 0;
    told_reason_.clear();
    context_.log.debug("agent {}: registered", profile_.id);
    const std::chrono::seconds told(response->heartbeat_interval_sec);
    heartbeat_every_ = context_.times.heartbeat_every.value_or(told.count() > 0 ? told : kDefaultHeartbeat);
    away_ = false;
    ++registration_;
    heartbeat_failures_ = 0;
    in_touch_ = true;
    if (!beating_.exchange(true)) heartbeat_later(true);
    work_->registered();
    open_stream(life);
}

/// Logs a reason only when it changes. Agents that are refused again and again, such as those above maxAgents,
/// must not fill the log.
void Agent::not_registered(const std::string& reason, bool is_refusal) {
    ++context_.counts.failed_registrations;
    if (!work_->keeps_trying()) return;
    in_touch_ = false;
    if (context_.coordinator_stops) return;
    refusals_ = is_refusal ? refusals_ + 1 : 0;
    if (reason != told_reason_) {
        context_.log.info("agent {}: not registered: {}; trying again", profile_.id, reason);
        told_reason_ = reason;
    }
    register_later();
}

void Agent::register_later() {
    static_cast<void>(context_.loop.after(retry_pause(context_.times, refusals_, random_()),
                                          [self = shared_from_this(), life = life_.load()] {
                                              if (self->life_ == life) self->register_now();
                                          }));
}

void Agent::heartbeat_later(bool first) {
    constexpr int kParts = 64;
    auto delay = heartbeat_every_.load();
    // The first heartbeat comes at a random moment of the interval, so that agents that joined together do not
    // send all their heartbeats at the same moments.
    if (first) delay = delay * (static_cast<int>(random_() % kParts) + 1) / kParts;
    static_cast<void>(context_.loop.after(delay, [self = shared_from_this()] { self->heartbeat(); }));
}

void Agent::heartbeat() {
    const ClientCall call = rpc("Heartbeat", context_.times.heartbeat_deadline);
    if (away_ || !call.channel) {
        beating_ = false;
        return;
    }
    const HeartbeatRequest request{profile_.id, tasks_processed_.load(), 0, 0, 0};
    static_cast<void>(context_.loop.unary(
        call, encode(profile_.codec, request),
        [self = shared_from_this(), registration = registration_.load()](const Result<Bytes>& answer) {
            self->heartbeat_answered(self->read<HeartbeatResponse>(answer), registration);
        }));
}

void Agent::heartbeat_answered(const Result<HeartbeatResponse>& response, std::uint64_t registration) {
    if (response) {
        heartbeat_failures_ = 0;
    } else if (registration == registration_) {
        // A heartbeat that was sent before the latest registration says nothing about the coordinator of now.
        ++heartbeat_failures_;
    }
    if (response && response->payout) work_->paid();
    if (response && response->alive) {
        ++context_.counts.heartbeats;
        if (response->payout) ++context_.counts.payouts;
    } else {
        ++context_.counts.failed_heartbeats;
        context_.log.debug("agent {}: heartbeat: {}", profile_.id,
                           response ? "the coordinator does not know this agent" : response.error().text());
    }
    // The coordinator has forgotten this agent. Ending the stream leads to a new registration.
    if (response && !response->alive) cancel_stream();
    heartbeat_later(false);
}

void Agent::open_stream(std::uint64_t life) {
    const ClientCall call = rpc("GetTasks", {});
    if (!call.channel) return;  // disconnect() came first
    RpcLoop::StreamHandlers handlers;
    handlers.on_message = [self = shared_from_this()](const StreamPtr& stream, const Bytes& message) {
        self->take_message(stream, message);
    };
    handlers.on_end = [self = shared_from_this(), life](const Status& status) {
        self->stream_ended(status, life);
    };
    const GetTasksRequest request{profile_.id, profile_.level, profile_.max_batch_size};
    const auto stream = context_.loop.stream(call, encode(profile_.codec, request), std::move(handlers));
    const std::lock_guard lock(mutex_);
    stream_ = stream;
    // disconnect() may have looked for the stream before it was stored.
    if (life_ != life && stream) stream->cancel();
}

void Agent::stream_ended(const Status& status, std::uint64_t life) {
    ++context_.counts.streams_ended;
    if (away_ || life_ != life) return;
    const Error reason =
        status ? Error{ErrorCode::unavailable, "task stream ended", profile_.id, "ended by the coordinator", {}}
               : status.error();
    work_->failed(reason);
    if (!work_->keeps_trying()) return;
    in_touch_ = false;
    if (context_.coordinator_stops) {
        context_.log.debug("agent {} disconnected (coordinator stopping)", profile_.id);
        return;
    }
    if (!status && reason.code == ErrorCode::cancelled) {
        context_.log.debug("agent {}: task stream cancelled", profile_.id);
    } else {
        context_.log.info("agent {}: task stream ended: {}", profile_.id,
                          status ? "by the coordinator" : reason.text());
    }
    register_later();
}

void Agent::take_message(const StreamPtr& stream, const Bytes& message) {
    if (away_) return stream->resume();
    {
        const std::lock_guard lock(mutex_);
        parked_ = stream;
    }
    auto batch = decode<TaskBatch>(profile_.codec, message);
    if (!batch) {
        ++context_.counts.unreadable_batches;
        context_.log.warn("agent {}: {}", profile_.id, batch.error().text());
        work_->unreadable();
        return next();
    }
    work_->on_batch(*this, *std::move(batch));
}

BatchResult Agent::answer(const TaskBatch& batch, const sim::AnswerTask& rules, const Answered& each) {
    BatchResult out{profile_.id, batch.batch_id, {}, 0};
    out.results.reserve(batch.tasks.size());
    for (const TaskPackage& task : batch.tasks) {
        const auto start = std::chrono::steady_clock::now();
        TaskResult result = rules(task);
        const auto took = std::chrono::steady_clock::now() - start;
        result.task_id = task.task_id;
        result.latency_us =
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
        if (each) each(task, result, took);
        out.results.push_back(std::move(result));
    }
    ++context_.counts.batches;
    context_.counts.tasks += out.results.size();
    tasks_processed_ += static_cast<std::uint32_t>(out.results.size());
    out.timestamp = static_cast<std::uint64_t>(unix_ms(std::chrono::system_clock::now()));
    return out;
}

bool Agent::submit(const BatchResult& result, Submitted then) {
    return context_.loop.unary(
        rpc("SubmitResults", context_.times.submit_deadline), encode(profile_.codec, result),
        [self = shared_from_this(), then = std::move(then)](const Result<Bytes>& answer) {
            auto response = self->read<SubmitResponse>(answer);
            self->count_submission(response);
            then(std::move(response));
        });
}

void Agent::count_submission(const Result<SubmitResponse>& response) {
    AgentContext::Counts& counts = context_.counts;
    if (!response)
        ++counts.submissions_failed;
    else
        ++(response->accepted ? counts.submissions_accepted : counts.submissions_refused);
}

void Agent::cancel_stream() {
    const std::lock_guard lock(mutex_);
    if (const auto stream = stream_.lock()) stream->cancel();
}

Agent::StreamPtr Agent::take_parked() {
    const std::lock_guard lock(mutex_);
    return std::exchange(parked_, nullptr);
}

void Agent::next() {
    if (const auto stream = take_parked()) stream->resume();
}

void Agent::end_stream() {
    cancel_stream();
    const auto stream = take_parked();
    if (!stream) return;
    // The first message may arrive before open_stream() has stored the stream, so cancel_stream() may have
    // missed it.
    stream->cancel();
    stream->resume();
}

void Agent::disconnect() {
    away_ = true;
    {
        const std::lock_guard lock(mutex_);
        ++life_;
        channel_ = nullptr;
    }
    end_stream();
}

}  // namespace ioswarm::proto
