// SPDX-License-Identifier: Apache-2.0
#pragma once

// The calls of ioswarm.IOSwarm as gRPC callback reactors, one object per call. gRPC allows one operation of
// each kind at a time, and none after Finish. An atomic (unary calls) or a flag under a lock (streams) decides
// who may start one. Nothing here blocks, because gRPC may run callbacks on as few as two threads.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <grpc/grpc.h>
#include <grpcpp/generic/async_generic_service.h>

#include "core/auth/access.hpp"
#include "core/base/log.hpp"
#include "core/ports/agent_link.hpp"
#include "core/ports/diff_link.hpp"
#include "proto/agent_port/agent_news.hpp"
#include "proto/agent_port/agent_presence.hpp"
#include "proto/agent_port/agent_server.hpp"
#include "proto/agent_port/authentication.hpp"
#include "proto/agent_port/call_status.hpp"
#include "proto/agent_port/connection.hpp"
#include "proto/agent_port/counters.hpp"
#include "proto/agent_port/work_queue.hpp"
#include "proto/codec/codec.hpp"

namespace ioswarm::proto {

/// Gives safe access to a call's context. gRPC destroys the context after OnDone, and the sweep may want to
/// cancel the call at that very moment.
class CancelHandle {
  public:
    explicit CancelHandle(grpc::GenericCallbackServerContext* context) : context_(context) {}
    void cancel() {
        const std::lock_guard lock(mutex_);
        if (context_ != nullptr) context_->TryCancel();
    }
    /// The client gets this status at once, even if other operations are pending.
    void cancel(const grpc::Status& status) {
        const std::lock_guard lock(mutex_);
        if (context_ == nullptr) return;
        (void)grpc_call_cancel_with_status(context_->c_call(),
                                           static_cast<grpc_status_code>(status.error_code()),
                                           status.error_message().c_str(), nullptr);
    }
    void over() {
        const std::lock_guard lock(mutex_);
        context_ = nullptr;
    }

  private:
    std::mutex mutex_;
    grpc::GenericCallbackServerContext* context_;
};

/// The methods of ioswarm.IOSwarm.
enum class Method { register_agent, get_tasks, submit_results, heartbeat, stream_state_diffs };

/// Counts the calls between their first byte and OnDone. A shutdown waits for these calls only; gRPC's own
/// shutdown would also wait for clients to hang up.
class CallsUnderWay {
  public:
    void begin() {
        const std::lock_guard lock(mutex_);
        ++count_;
    }
    void end() {
        const std::lock_guard lock(mutex_);
        if (--count_ == 0) none_.notify_all();
    }
    /// Makes is_draining() true, then waits until there are no calls, at most for `within`.
    void drain(std::chrono::milliseconds within) {
        std::unique_lock lock(mutex_);
        draining_ = true;
        (void)none_.wait_for(lock, within, [this] { return count_ == 0; });
    }
    [[nodiscard]] bool is_draining() const {
        const std::lock_guard lock(mutex_);
        return draining_;
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable none_;
    std::uint64_t count_ = 0;
    bool draining_ = false;
};

/// The data that all calls share. It outlives them.
struct Service {
    const AgentServerSettings& settings;
    AgentLink& link;
    DiffLink* diffs;  ///< null if StreamStateDiffs is not served
    const AccessControl& access;
    Authentication& authentication;
    /// Streams are ended one after the other, and no new ones begin.
    std::atomic<bool>& is_ending_streams;
    ConnectionTable& connections;
    const ServiceCounters& counters;
    std::atomic<std::size_t>& health_watches;  ///< open ones
    CallsUnderWay& under_way;
    std::atomic<std::uint64_t>& bodies_in_work;  ///< bytes
    WorkQueue& streams;                          ///< for writes of task streams
    WorkQueue& diff_streams;  ///< for writes of diff streams, and for encoding that takes long
    WorkQueue& heavy;         ///< for messages that are too long to be decoded on gRPC's own threads
    AgentNews& news;
    AgentPresence& presence;
    const Log& log;

    /// Tells the news that an agent was refused, unless the server is stopping.
    void refused(std::string id, std::string address, const Error& why) const;
};

/// Makes a slice that owns the bytes, so they live as long as gRPC needs them.
[[nodiscard]] grpc::Slice slice_of(Bytes bytes);

/// A call that passed authentication. It reads its one message and then works on it.
class AgentCall : public grpc::ServerGenericBidiReactor,
                  public LiveCall,
                  public std::enable_shared_from_this<AgentCall> {
  public:
    AgentCall(Service& service, grpc::GenericCallbackServerContext* context,
              std::shared_ptr<Connection> connection, Method method, std::string verified_id);

    /// Starts to read. Call it once, before the reactor is returned to gRPC.
    void start(std::size_t header_bytes);

    void refuse_body() override;

  protected:
    void OnReadDone(bool ok) override;
    void OnCancel() override;
    void OnDone() override;

    /// Called when the message has arrived and is not too large.
    virtual void on_message(Codec codec, BytesView payload) = 0;
    /// Ends the call with `status`, unless it is already ending.
    virtual void end(grpc::Status status) = 0;
    virtual void on_cancel() = 0;
    virtual void on_over() {}

    /// The agent that makes the call: the verified id, or without a secret the claimed one. It is checked
    /// against the lists of agents as they are now. Error: permission_denied.
    [[nodiscard]] Result<std::string> speaker(const std::string& claimed) const;
    [[nodiscard]] bool is_another(const std::string& claimed) const;
    /// Like speaker(), but also refuses a caller that claims to be another agent. If it is empty, the call has
    /// ended.
    [[nodiscard]] std::optional<std::string> speaker_or_end(const std::string& claimed);
    /// Decodes the message. If it is empty, the message was invalid and the call has ended.
    template <typename M>
    [[nodiscard]] std::optional<M> message_or_end(Codec codec, BytesView payload);
    [[nodiscard]] bool is_late(SteadyTime now) const { return now - begun_ > service_.settings.call_timeout; }
    [[nodiscard]] bool is_reading() const { return reading_.load(std::memory_order_acquire); }
    [[nodiscard]] const Connection& connection() const { return *connection_; }
    /// Where the caller is, for the log: see Authentication::client_text().
    [[nodiscard]] std::string address() const;

    Service& service_;
    CancelHandle context_;
    const Method method_;

  private:
    [[nodiscard]] std::uint32_t body_bound() const;
    [[nodiscard]] bool is_stream() const {
        return method_ == Method::get_tasks || method_ == Method::stream_state_diffs;
    }
    void work();

    const std::shared_ptr<Connection> connection_;
    const std::string verified_id_;
    const std::string client_;  ///< the caller's address, if a proxy may be between; else empty
    const SteadyTime begun_;
    std::shared_ptr<AgentCall> self_;  ///< keeps this object alive until OnDone
    std::size_t header_bytes_ = 0;
    grpc::ByteBuffer body_;
    /// The message arrived complete and not too large; used by gRPC's callbacks, one at a time.
    bool is_whole_ = false;
    std::atomic<bool> reading_{true};
    std::atomic<bool> cancelled_{false};
    std::uint64_t booked_bytes_ = 0;
};

template <typename M>
std::optional<M> AgentCall::message_or_end(Codec codec, BytesView payload) {
    auto message = decode<M>(codec, payload);
    if (message) return std::move(*message);
    service_.counters.bad_messages.add();
    end(to_grpc_status(message.error()));
    return std::nullopt;
}

/// Register, SubmitResults, Heartbeat.
class UnaryCall final : public AgentCall {
  public:
    using AgentCall::AgentCall;
    void sweep(SteadyTime now) override;

  private:
    void on_message(Codec codec, BytesView payload) override;
    void end(grpc::Status status) override;
    bool is_answered() const override { return ending_.load(); }
    void on_cancel() override;
    void OnWriteDone(bool) override {}

    void on_register(Codec codec, BytesView payload);
    void on_registered(Codec codec, const std::string& id, const Result<RegisterResponse>& response);
    void on_submit(Codec codec, BytesView payload);
    void on_heartbeat(Codec codec, BytesView payload);
    /// For answers that come later, perhaps long after the call is over. In that case may_end() is false, and
    /// nothing else of this object may be used, since `service_` may be gone.
    [[nodiscard]] std::shared_ptr<UnaryCall> shared_unary() {
        return std::static_pointer_cast<UnaryCall>(shared_from_this());
    }
    /// True for the first caller only. Only that one may end the call, and must.
    [[nodiscard]] bool may_end() { return !ending_.exchange(true); }
    /// Ends the call with this answer, unless it is already ending.
    template <typename M>
    void answer(Codec codec, const Result<M>& response);
    /// Only after may_end().
    template <typename M>
    void end_with(Codec codec, const Result<M>& response);

    std::atomic<bool> ending_{false};  ///< see may_end()
    grpc::ByteBuffer response_;
};

/// Answers at once, without reading the message. It counts like any other call while its answer is being sent.
class RefusedCall final : public grpc::ServerGenericBidiReactor,
                          public LiveCall,
                          public std::enable_shared_from_this<RefusedCall> {
  public:
    RefusedCall(const ServiceCounters& counters, grpc::GenericCallbackServerContext* context,
                std::shared_ptr<Connection> connection, std::size_t header_bytes);
    void start(grpc::Status status);

    void sweep(SteadyTime now) override;
    void refuse_body() override {}
    bool is_answered() const override { return true; }
    void OnCancel() override { cancelled_.store(true, std::memory_order_relaxed); }
    void OnDone() override;

  private:
    const ServiceCounters& counters_;
    CancelHandle context_;
    const std::shared_ptr<Connection> connection_;  ///< null if the connection is no longer known
    const std::size_t header_bytes_;
    const SteadyTime begun_;
    std::atomic<bool> cancelled_{false};
    std::shared_ptr<RefusedCall> self_;  ///< keeps this object alive until OnDone
};

}  // namespace ioswarm::proto
