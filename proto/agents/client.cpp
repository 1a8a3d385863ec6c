// SPDX-License-Identifier: Apache-2.0
#include "proto/agents/client.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <random>
#include <utility>

#include "proto/agents/channel.hpp"
#include "proto/agents/rpc_loop.hpp"

namespace ioswarm::proto {
namespace {

constexpr std::chrono::seconds kDefaultHeartbeat{10};

struct AtomicCounters {
    std::atomic<std::uint64_t> registrations{0}, failed_registrations{0}, streams_ended{0}, batches{0},
        tasks{0}, unreadable_batches{0}, submissions_accepted{0}, submissions_refused{0}, submissions_failed{0},
        heartbeats{0}, failed_heartbeats{0}, payouts{0};
};

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

/// The data that all agents share. It outlives every callback, because its loop is destroyed first and waits
/// for them.
class AgentClients::Shared {
  public:
    Shared(CoordinatorAddress coordinator, AgentTimes agent_times, unsigned threads, std::stop_token stop,
           Log logger)
        : address(std::move(coordinator)),
          times(agent_times),
          log(std::move(logger)),
          loop(threads),
          on_stop(std::move(stop), [this] { loop.request_stop(); }) {}

    const CoordinatorAddress address;
    const AgentTimes times;
    const Log log;
    AtomicCounters counters;
    RpcLoop loop;
    std::stop_callback<std::function<void()>> on_stop;
};

/// One agent's state machine. The callbacks own it, so it lives as long as one of them is pending.
class AgentClients::Agent : public std::enable_shared_from_this<AgentClients::Agent> {
  public:
    Agent(Shared& shared, AgentProfile profile, AnswerTask answer)
        : shared_(shared),
          profile_(std::move(profile)),
          answer_(std::move(answer)),
          channel_(connect(shared.address, shared.times)),
          random_(std::hash<std::string>{}(profile_.id)) {}

    void register_now();

  private:
    template <typename Request>
    bool call(const char* method, std::chrono::milliseconds deadline, const Request& request,
              RpcLoop::Answered&& then) {
        return shared_.loop.unary(rpc(method, deadline), encode(profile_.codec, request), std::move(then));
    }
    ClientCall rpc(const char* method, std::chrono::milliseconds deadline) const;
    /// Decodes an answer. If the call failed, returns its error.
    template <typename Response>
    Result<Response> read(const Result<Bytes>& answer) const {
        if (!answer) return fail(answer.error());
        return decode<Response>(profile_.codec, *answer);
    }

    void registered(const Result<RegisterResponse>& response);
    void not_registered(std::string reason, bool is_refusal);
    void register_later();
    void heartbeat_later();
    void heartbeat();
    void heartbeat_answered(const Result<HeartbeatResponse>& response);
    void open_stream();
    void work_on(const std::shared_ptr<RpcLoop::Stream>& stream, BytesView message);
    void submitted(const Result<SubmitResponse>& response);

    Shared& shared_;
    const AgentProfile profile_;
    const AnswerTask answer_;
    const std::shared_ptr<grpc::Channel> channel_;
    std::minstd_rand random_;        ///< used only by the registration's callbacks, which never overlap
    bool sends_heartbeats_ = false;  ///< used like random_, as are the next two
    unsigned refusals_ = 0;          ///< number of refused registrations in a row
    std::string told_reason_;        ///< the last reason that was logged
    std::atomic<std::uint32_t> tasks_processed_{0};
    std::atomic<std::chrono::milliseconds> heartbeat_every_{kDefaultHeartbeat};
    std::mutex mutex_;
    std::weak_ptr<RpcLoop::Stream> stream_;  ///< guarded by mutex_; the open stream
};

ClientCall AgentClients::Agent::rpc(const char* method, std::chrono::milliseconds deadline) const {
    ClientCall call{channel_, std::string("/ioswarm.IOSwarm/") + method, {}, deadline};
    if (!profile_.token.empty()) {
        call.headers = {{"x-ioswarm-agent-id", profile_.id}, {"x-ioswarm-token", profile_.token}};
    }
    return call;
}

void AgentClients::Agent::register_now() {
    const RegisterRequest request{profile_.id, profile_.level, profile_.region, profile_.version,
                                  profile_.wallet_address};
    const auto self = shared_from_this();
    static_cast<void>(
        call("Register", shared_.times.register_deadline, request,
             [self](const Result<Bytes>& answer) { self->registered(self->read<RegisterResponse>(answer)); }));
}

void AgentClients::Agent::registered(const Result<RegisterResponse>& response) {
    if (!response) {
        const ErrorCode code = response.error().code;
        return not_registered(response.error().text(),
                              code != ErrorCode::unavailable && code != ErrorCode::timed_out);
    }
    if (!response->accepted) return not_registered(response->reason, true);
    ++shared_.counters.registrations;
    refusals_ = 0;
    told_reason_.clear();
    shared_.log.debug("agent {}: registered", profile_.id);
    const std::chrono::seconds told(response->heartbeat_interval_sec);
    heartbeat_every_ = shared_.times.heartbeat_every.value_or(told.count() > 0 ? told : kDefaultHeartbeat);
    if (!std::exchange(sends_heartbeats_, true)) heartbeat_later();
    open_stream();
}

/// Logs a reason only when it changes. Agents that are refused again and again, such as those above maxAgents,
/// must not fill the log.
void AgentClients::Agent::not_registered(std::string reason, bool is_refusal) {
    ++shared_.counters.failed_registrations;
    refusals_ = is_refusal ? refusals_ + 1 : 0;
    if (reason != told_reason_) {
        shared_.log.info("agent {}: not registered: {}; trying again", profile_.id, reason);
        told_reason_ = std::move(reason);
    }
    register_later();
}

void AgentClients::Agent::register_later() {
    static_cast<void>(shared_.loop.after(retry_pause(shared_.times, refusals_, random_()),
                                         [self = shared_from_this()] { self->register_now(); }));
}

void AgentClients::Agent::heartbeat_later() {
    static_cast<void>(
        shared_.loop.after(heartbeat_every_.load(), [self = shared_from_this()] { self->heartbeat(); }));
}

void AgentClients::Agent::heartbeat() {
    const HeartbeatRequest request{profile_.id, tasks_processed_.load(), 0, 0, 0};
    const auto self = shared_from_this();
    static_cast<void>(
        call("Heartbeat", shared_.times.heartbeat_deadline, request, [self](const Result<Bytes>& answer) {
            self->heartbeat_answered(self->read<HeartbeatResponse>(answer));
        }));
}

void AgentClients::Agent::heartbeat_answered(const Result<HeartbeatResponse>& response) {
    if (response && response->alive) {
        ++shared_.counters.heartbeats;
        if (response->payout) ++shared_.counters.payouts;
    } else {
        ++shared_.counters.failed_heartbeats;
        shared_.log.debug("agent {}: heartbeat: {}", profile_.id,
                          response ? "the coordinator does not know this agent" : response.error().text());
    }
    if (response && !response->alive) {
        // The coordinator has forgotten this agent. Ending the stream leads to a new registration.
        const std::lock_guard lock(mutex_);
        if (const auto stream = stream_.lock()) stream->cancel();
    }
    heartbeat_later();
}

void AgentClients::Agent::open_stream() {
    const auto self = shared_from_this();
    RpcLoop::StreamHandlers handlers;
    handlers.on_message = [self](const std::shared_ptr<RpcLoop::Stream>& stream, const Bytes& message) {
        self->work_on(stream, message);
    };
    handlers.on_end = [self](const Status& status) {
        ++self->shared_.counters.streams_ended;
        if (!status && status.error().code == ErrorCode::cancelled) {
            self->shared_.log.debug("agent {} disconnected (coordinator stopping)", self->profile_.id);
        } else {
            self->shared_.log.info("agent {}: task stream ended: {}", self->profile_.id,
                                   status ? "by the coordinator" : status.error().text());
        }
        self->register_later();
    };
    const GetTasksRequest request{profile_.id, profile_.level, profile_.max_batch_size};
    const auto stream =
        shared_.loop.stream(rpc("GetTasks", {}), encode(profile_.codec, request), std::move(handlers));
    const std::lock_guard lock(mutex_);
    stream_ = stream;
}

void AgentClients::Agent::work_on(const std::shared_ptr<RpcLoop::Stream>& stream, BytesView message) {
    const auto batch = decode<TaskBatch>(profile_.codec, message);
    if (!batch) {
        ++shared_.counters.unreadable_batches;
        shared_.log.warn("agent {}: {}", profile_.id, batch.error().text());
        return stream->resume();
    }
    BatchResult answer{profile_.id, batch->batch_id, {}, 0};
    answer.results.reserve(batch->tasks.size());
    for (const TaskPackage& task : batch->tasks) {
        const auto start = std::chrono::steady_clock::now();
        TaskResult result = answer_(task);
        const auto took = std::chrono::steady_clock::now() - start;
        result.task_id = task.task_id;
        result.latency_us =
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
        answer.results.push_back(std::move(result));
    }
    ++shared_.counters.batches;
    shared_.counters.tasks += answer.results.size();
    tasks_processed_ += static_cast<std::uint32_t>(answer.results.size());
    answer.timestamp = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                                      std::chrono::system_clock::now().time_since_epoch())
                                                      .count());
    // The next batch is read only after the answer to this one was received, as the public agent does. So
    // batches do not pile up here.
    const auto self = shared_from_this();
    const bool started = call("SubmitResults", shared_.times.submit_deadline, answer,
                              [self, stream](const Result<Bytes>& response) {
                                  self->submitted(self->read<SubmitResponse>(response));
                                  stream->resume();
                              });
    if (!started) stream->resume();
}

void AgentClients::Agent::submitted(const Result<SubmitResponse>& response) {
    if (response && response->accepted) {
        ++shared_.counters.submissions_accepted;
        return;
    }
    ++(response ? shared_.counters.submissions_refused : shared_.counters.submissions_failed);
    shared_.log.warn("agent {}: results not taken: {}", profile_.id,
                     response ? response->reason : response.error().text());
}

AgentClients::AgentClients(CoordinatorAddress address, AgentTimes times, unsigned threads, std::stop_token stop,
                           Log log)
    : shared_(std::make_unique<Shared>(std::move(address), times, std::max(threads, 1U), std::move(stop),
                                       std::move(log))) {}

AgentClients::~AgentClients() = default;

void AgentClients::add(AgentProfile profile, AnswerTask answer) {
    std::make_shared<Agent>(*shared_, std::move(profile), std::move(answer))->register_now();
}

AgentCounters AgentClients::counters() const {
    const auto& from = shared_->counters;
    AgentCounters to;
    to.registrations = from.registrations;
    to.failed_registrations = from.failed_registrations;
    to.streams_ended = from.streams_ended;
    to.batches = from.batches;
    to.tasks = from.tasks;
    to.unreadable_batches = from.unreadable_batches;
    to.submissions_accepted = from.submissions_accepted;
    to.submissions_refused = from.submissions_refused;
    to.submissions_failed = from.submissions_failed;
    to.heartbeats = from.heartbeats;
    to.failed_heartbeats = from.failed_heartbeats;
    to.payouts = from.payouts;
    return to;
}

}  // namespace ioswarm::proto
