// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/health_call.hpp"

#include <string>
#include <utility>

#include "core/base/wire.hpp"

namespace ioswarm::proto {
namespace {

/// Maximum size of a request, which has only the name of a service. (This project's choice.)
constexpr std::uint32_t kMaxRequestBytes = 1'024;
constexpr std::chrono::seconds kAnswerWithin{5};
constexpr std::string_view kAgentService = "ioswarm.IOSwarm";

/// Reads a HealthCheckRequest. Empty if it is malformed.
std::optional<std::string> service_in(BytesView request) {
    std::string service;
    wire::Reader reader(request);
    while (const auto field = reader.next()) {
        if (field->number != 1) continue;
        if (field->type != wire::WireType::length_delimited) return std::nullopt;
        service.assign(field->bytes.begin(), field->bytes.end());
    }
    return reader.ok() ? std::optional(std::move(service)) : std::nullopt;
}

grpc::ByteBuffer health_response(std::uint64_t status) {
    Bytes bytes;
    wire::Writer(bytes).put_uint(1, status);
    const grpc::Slice slice = slice_of(std::move(bytes));
    return {&slice, 1};
}

}  // namespace

std::optional<HealthMethod> health_method_of(std::string_view path) noexcept {
    if (path == "/grpc.health.v1.Health/Check") return HealthMethod::check;
    if (path == "/grpc.health.v1.Health/Watch") return HealthMethod::watch;
    return std::nullopt;
}

HealthCall::HealthCall(Service& service, grpc::GenericCallbackServerContext* context,
                       std::shared_ptr<Connection> connection, HealthMethod method, std::size_t header_bytes)
    : service_(service),
      context_(context),
      connection_(std::move(connection)),
      method_(method),
      header_bytes_(header_bytes),
      begun_(std::chrono::steady_clock::now()) {}

void HealthCall::start() {
    self_ = shared_from_this();
    service_.under_way.begin();
    connection_->begin_body(kMaxRequestBytes);
    const bool is_kept = connection_->begin_call(self_, begun_);
    StartRead(&body_);
    if (is_kept) return;
    service_.counters.too_many_calls.add();
    end({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls on this connection"});
}

void HealthCall::OnReadDone(bool ok) {
    const auto size = body_.Length();
    connection_->end_body(kMaxRequestBytes, size);
    reading_.store(false, std::memory_order_release);
    if (!ok) return end({grpc::StatusCode::INVALID_ARGUMENT, "the call carries no message"});
    if (size > kMaxRequestBytes) return end({grpc::StatusCode::RESOURCE_EXHAUSTED, "message too large"});
    grpc::Slice slice;
    if (!body_.DumpToSingleSlice(&slice).ok())
        return end({grpc::StatusCode::INVALID_ARGUMENT, "the message cannot be read"});
    on_request(BytesView(slice.begin(), slice.size()));
}

void HealthCall::on_request(BytesView payload) {
    const auto service = service_in(payload);
    if (!service) return end({grpc::StatusCode::INVALID_ARGUMENT, "the message is not a HealthCheckRequest"});
    knows_service_ = service->empty() || *service == kAgentService;
    service_.counters.health_checks.add();
    method_ == HealthMethod::check ? answer_check() : begin_watch();
}

HealthCall::Serving HealthCall::serving_now() const {
    if (!knows_service_) return Serving::service_unknown;
    const auto& is_ready = service_.settings.is_ready;
    return !is_ready || is_ready() ? Serving::serving : Serving::not_serving;
}

void HealthCall::answer_check() {
    if (!knows_service_) return end({grpc::StatusCode::NOT_FOUND, "unknown service"});
    const Serving serving = serving_now();
    {
        const std::lock_guard lock(mutex_);
        if (finished_) return;
        finished_ = true;
    }
    out_ = health_response(static_cast<std::uint64_t>(serving));
    StartWriteAndFinish(&out_, grpc::WriteOptions(), grpc::Status::OK);
}

void HealthCall::begin_watch() {
    counts_as_watch_ = true;
    if (service_.health_watches.fetch_add(1, std::memory_order_relaxed) >= kMaxWatches)
        return end({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many health watches; use Check"});
    {
        const std::lock_guard lock(mutex_);
        watching_ = true;
    }
    write_if_changed();
}

void HealthCall::write_if_changed() {
    const Serving serving = serving_now();
    {
        const std::lock_guard lock(mutex_);
        if (!watching_ || writing_ || finished_ || ending_ || written_ == serving) return;
        writing_ = true;
        written_ = serving;
        out_ = health_response(static_cast<std::uint64_t>(serving));
    }
    StartWrite(&out_);
}

void HealthCall::OnWriteDone(bool ok) {
    std::optional<grpc::Status> ending;
    {
        const std::lock_guard lock(mutex_);
        if (finished_) return;  // the answer to Check
        writing_ = false;
        if (!ok && !ending_) ending_ = grpc::Status::CANCELLED;
        ending = ending_;
        finished_ = ending.has_value();
    }
    if (ending) return Finish(std::move(*ending));
    write_if_changed();
}

void HealthCall::end(grpc::Status status) {
    {
        const std::lock_guard lock(mutex_);
        if (finished_) return;
        if (writing_) {
            if (!ending_) ending_ = std::move(status);
            return;
        }
        finished_ = true;
    }
    Finish(std::move(status));
}

void HealthCall::sweep(SteadyTime now) {
    bool is_watching = false;
    bool is_finished = false;
    {
        const std::lock_guard lock(mutex_);
        is_watching = watching_;
        is_finished = finished_;
    }
    if (is_watching && !is_finished) return write_if_changed();
    if (now - begun_ <= kAnswerWithin) return;
    // A Check whose answer the client does not take is cancelled. A finished Watch is left alone: it may have
    // begun long ago, so its age does not show how long its last answer has been waiting.
    if (is_finished) return is_watching ? void() : context_.cancel();
    end({grpc::StatusCode::DEADLINE_EXCEEDED, "the call took too long"});
}

void HealthCall::refuse_body() {
    if (reading_.load(std::memory_order_acquire))
        end({grpc::StatusCode::RESOURCE_EXHAUSTED, "message too large"});
}

bool HealthCall::is_answered() const {
    const std::lock_guard lock(mutex_);
    return finished_;
}

void HealthCall::end_for_shutdown() {
    end({grpc::StatusCode::UNAVAILABLE, "the coordinator is shutting down"});
}

void HealthCall::OnCancel() {
    cancelled_.store(true, std::memory_order_relaxed);
    end(grpc::Status::CANCELLED);
}

void HealthCall::OnDone() {
    context_.over();
    if (counts_as_watch_) service_.health_watches.fetch_sub(1, std::memory_order_relaxed);
    // Anybody may make these calls without a key. So their bytes count as unexplained, and the connection is
    // shut if there are too many, unless agents share it.
    connection_->refused(header_bytes_);
    const bool was_cancelled = cancelled_.load(std::memory_order_relaxed);
    if (!connection_->end_call(this, was_cancelled, 0, std::chrono::steady_clock::now()))
        service_.counters.shut_for_resets.add();
    service_.under_way.end();
    const auto last_owner = std::move(self_);
}

}  // namespace ioswarm::proto
