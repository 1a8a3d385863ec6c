// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/agent_calls.hpp"

#include <utility>

namespace ioswarm::proto {
namespace {

using std::chrono::steady_clock;

/// Decoding this much takes about a millisecond. Larger messages go to the heavy queue.
constexpr std::size_t kDecodeHereBytes = std::size_t{128} << 10;

grpc::Status status_of(grpc::StatusCode code, const char* message) {
    return {code, message};
}

}  // namespace

grpc::Slice slice_of(Bytes bytes) {
    auto* const owned = new Bytes(std::move(bytes));
    return {owned->data(), owned->size(), [](void* pointer) { delete static_cast<Bytes*>(pointer); }, owned};
}

void Service::refused(std::string id, std::string address, const Error& why) const {
    if (under_way.is_draining()) return;
    news.tell(
        {AgentEvent::Kind::refused, std::move(id), std::move(address), why.why.empty() ? why.what : why.why},
        steady_clock::now());
}

// ---- common to all calls

AgentCall::AgentCall(Service& service, grpc::GenericCallbackServerContext* context,
                     std::shared_ptr<Connection> connection, Method method, std::string verified_id)
    : service_(service),
      context_(context),
      method_(method),
      connection_(std::move(connection)),
      verified_id_(std::move(verified_id)),
      client_(connection_->is_from_proxy()
                  ? service.authentication.client_text(context->client_metadata(), connection_->peer())
                  : std::string()),
      begun_(steady_clock::now()) {}

std::string AgentCall::address() const {
    return client_.empty() ? connection_->peer().text() : client_;
}

std::uint32_t AgentCall::body_bound() const {
    return method_ == Method::submit_results ? service_.settings.submit_body_bytes
                                             : service_.settings.body_bytes;
}

void AgentCall::start(std::size_t header_bytes) {
    self_ = shared_from_this();
    header_bytes_ = header_bytes;
    service_.under_way.begin();
    connection_->begin_body(body_bound());
    const bool is_kept = connection_->begin_call(self_, steady_clock::now());
    StartRead(&body_);
    if (is_kept) return;
    service_.counters.too_many_calls.add();
    end(status_of(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls on this connection"));
}

void AgentCall::refuse_body() {
    if (!is_reading()) return;
    service_.counters.too_large.add();
    end(status_of(grpc::StatusCode::RESOURCE_EXHAUSTED, "message too large"));
}

void AgentCall::OnReadDone(bool ok) {
    const auto size = body_.Length();
    connection_->end_body(body_bound(), size);
    reading_.store(false, std::memory_order_release);
    if (!ok) return end(status_of(grpc::StatusCode::INVALID_ARGUMENT, "the call carries no message"));
    if (size > body_bound()) {
        service_.counters.too_large.add();
        return end({grpc::StatusCode::RESOURCE_EXHAUSTED,
                    fmt::format("message too large: {} bytes, the bound is {}", size, body_bound())});
    }
    is_whole_ = true;
    if (is_stream()) connection_->begin_agent_call(verified_id_, begun_);
    booked_bytes_ = size;
    const auto before = service_.bodies_in_work.fetch_add(size, std::memory_order_relaxed);
    if (method_ == Method::submit_results && before + size > service_.settings.bodies_in_work_bytes) {
        service_.counters.busy.add();
        return end(
            status_of(grpc::StatusCode::RESOURCE_EXHAUSTED, "the coordinator has too much to read at once"));
    }
    if (size <= kDecodeHereBytes) return work();
    service_.heavy.post([call = shared_from_this()] { call->work(); });
}

void AgentCall::work() {
    if (is_answered()) return body_.Clear();
    grpc::Slice slice;
    if (!body_.DumpToSingleSlice(&slice).ok()) {
        return end(status_of(grpc::StatusCode::INVALID_ARGUMENT, "the message cannot be read"));
    }
    body_.Clear();
    const BytesView payload(slice.begin(), slice.size());
    on_message(codec_of(payload), payload);
}

void AgentCall::OnCancel() {
    cancelled_.store(true, std::memory_order_relaxed);
    on_cancel();
}

void AgentCall::OnDone() {
    context_.over();
    on_over();
    service_.bodies_in_work.fetch_sub(booked_bytes_, std::memory_order_relaxed);
    const bool was_cancelled = cancelled_.load(std::memory_order_relaxed);
    if (was_cancelled) service_.counters.cancelled.add();
    const auto now = steady_clock::now();
    // Only a fair call shows that an honest agent is on the connection. A call is not fair if it ended before
    // its message was complete, or if its client cancelled it instead of taking the answer.
    const bool is_fair = is_whole_ && (is_stream() || !was_cancelled);
    if (is_fair && !is_stream()) connection_->begin_agent_call(verified_id_, now);
    if (is_fair) connection_->end_agent_call(now);
    if (!connection_->end_call(this, was_cancelled, header_bytes_, now)) {
        service_.counters.shut_for_resets.add();
    }
    service_.under_way.end();
    const auto last_owner = std::move(self_);
}

Result<std::string> AgentCall::speaker(const std::string& claimed) const {
    // With a secret the lists were checked when the headers arrived. That may be long ago, and the agent may
    // have been revoked since.
    const std::string& id = service_.access.has_secret() ? verified_id_ : claimed;
    auto allowed = service_.access.allowed(id);
    if (!allowed) {
        service_.counters.denied.add();
        service_.refused(id, address(), allowed.error());
        return fail(std::move(allowed.error()));
    }
    return id;
}

bool AgentCall::is_another(const std::string& claimed) const {
    return service_.access.has_secret() && !claimed.empty() && claimed != verified_id_;
}

std::optional<std::string> AgentCall::speaker_or_end(const std::string& claimed) {
    auto id = speaker(claimed);
    if (!id) {
        end(to_grpc_status(id.error()));
        return std::nullopt;
    }
    if (is_another(claimed)) {
        end(status_of(grpc::StatusCode::PERMISSION_DENIED, "agent_id is not the authenticated agent"));
        return std::nullopt;
    }
    return std::move(*id);
}

// ---- unary calls

void UnaryCall::on_message(Codec codec, BytesView payload) {
    switch (method_) {
        case Method::register_agent:
            return on_register(codec, payload);
        case Method::submit_results:
            return on_submit(codec, payload);
        default:
            return on_heartbeat(codec, payload);
    }
}

template <typename M>
void UnaryCall::answer(Codec codec, const Result<M>& response) {
    if (may_end()) end_with(codec, response);
}

template <typename M>
void UnaryCall::end_with(Codec codec, const Result<M>& response) {
    if (!response) return Finish(to_grpc_status(response.error()));
    const grpc::Slice slice = slice_of(encode(codec, *response));
    response_ = grpc::ByteBuffer(&slice, 1);
    StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
}

void UnaryCall::end(grpc::Status status) {
    if (may_end()) Finish(std::move(status));
}

void UnaryCall::on_cancel() {
    end(grpc::Status::CANCELLED);
}

void UnaryCall::sweep(SteadyTime now) {
    if (!is_late(now)) return;
    if (ending_.load()) return context_.cancel();
    service_.counters.timed_out.add();
    end(status_of(grpc::StatusCode::DEADLINE_EXCEEDED, "the call took too long"));
}

void UnaryCall::on_register(Codec codec, BytesView payload) {
    const auto request = message_or_end<RegisterRequest>(codec, payload);
    if (!request) return;
    const auto id = speaker(request->agent_id);
    if (!id) return end(to_grpc_status(id.error()));
    if (id->empty()) return answer<RegisterResponse>(codec, RegisterResponse{false, "agent_id is required", 0});
    if (!is_valid_agent_id(*id)) {
        return end(status_of(grpc::StatusCode::INVALID_ARGUMENT,
                             "bad request: agent_id: 1 to 128 visible ASCII characters without a space"));
    }
    service_.link.register_agent(
        *id, *request, [call = shared_unary(), codec, id = *id](const Result<RegisterResponse>& response) {
            call->on_registered(codec, id, response);
        });
}

void UnaryCall::on_registered(Codec codec, const std::string& id, const Result<RegisterResponse>& response) {
    // Until the call is ended here, the server waits for it. Afterwards there may be no server any more.
    if (!may_end()) return;
    if (!response) {
        service_.refused(id, address(), response.error());
    } else if (!response->accepted) {
        service_.refused(id, address(),
                         Error{ErrorCode::failed_precondition, "cannot register", {}, response->reason, {}});
    } else {
        service_.presence.heard(id, connection(), address(), steady_clock::now());
    }
    end_with(codec, response);
}

void UnaryCall::on_heartbeat(Codec codec, BytesView payload) {
    const auto request = message_or_end<HeartbeatRequest>(codec, payload);
    if (!request) return;
    const auto id = speaker_or_end(request->agent_id);
    if (!id) return;
    const auto response = service_.link.heartbeat(*id, *request);
    if (response && response->alive) service_.presence.heard(*id, connection(), address(), steady_clock::now());
    answer(codec, response);
}

void UnaryCall::on_submit(Codec codec, BytesView payload) {
    auto batch = message_or_end<BatchResult>(codec, payload);
    if (!batch) return;
    const auto id = speaker(batch->agent_id);
    if (!id) return end(to_grpc_status(id.error()));
    if (is_another(batch->agent_id)) {
        return answer<SubmitResponse>(codec, SubmitResponse{false, "agent_id is not the authenticated agent"});
    }
    service_.link.submit(*id, std::move(*batch),
                         [call = shared_unary(), codec](const Result<SubmitResponse>& response) {
                             call->answer(codec, response);
                         });
}

// ---- refusals

RefusedCall::RefusedCall(const ServiceCounters& counters, grpc::GenericCallbackServerContext* context,
                         std::shared_ptr<Connection> connection, std::size_t header_bytes)
    : counters_(counters),
      context_(context),
      connection_(std::move(connection)),
      header_bytes_(header_bytes),
      begun_(steady_clock::now()) {}

void RefusedCall::start(grpc::Status status) {
    self_ = shared_from_this();
    if (connection_ && !connection_->begin_call(self_, steady_clock::now())) {
        counters_.too_many_calls.add();
    }
    Finish(std::move(status));
}

void RefusedCall::sweep(SteadyTime now) {
    if (now - begun_ > std::chrono::seconds(5)) context_.cancel();
}

void RefusedCall::OnDone() {
    context_.over();
    const bool was_cancelled = cancelled_.load(std::memory_order_relaxed);
    if (connection_) connection_->refused(header_bytes_);
    if (connection_ && !connection_->end_call(this, was_cancelled, 0, steady_clock::now())) {
        counters_.shut_for_resets.add();
    }
    const auto last_owner = std::move(self_);
}

}  // namespace ioswarm::proto
