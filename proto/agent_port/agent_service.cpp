// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/agent_service.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include "proto/agent_port/call_status.hpp"
#include "proto/agent_port/diff_stream_call.hpp"
#include "proto/agent_port/health_call.hpp"
#include "proto/agent_port/task_stream_call.hpp"

namespace ioswarm::proto {
namespace {

constexpr std::string_view kServicePrefix = "/ioswarm.IOSwarm/";
constexpr std::array<std::pair<std::string_view, Method>, 5> kMethods{{
    {"Register", Method::register_agent},
    {"GetTasks", Method::get_tasks},
    {"SubmitResults", Method::submit_results},
    {"Heartbeat", Method::heartbeat},
    {"StreamStateDiffs", Method::stream_state_diffs},
}};
/// Bytes that HTTP/2 adds per header to its name and value when it counts sizes (RFC 9113 section 10.5.1).
constexpr std::size_t kHeaderOverheadBytes = 32;

std::optional<Method> method_of(std::string_view path) {
    if (!path.starts_with(kServicePrefix)) return std::nullopt;
    path.remove_prefix(kServicePrefix.size());
    for (const auto& [name, method] : kMethods) {
        if (name == path) return method;
    }
    return std::nullopt;
}

std::size_t bytes_of(const Metadata& headers) {
    std::size_t total = 0;
    for (const auto& [name, value] : headers)
        total += name.size() + value.size() + kHeaderOverheadBytes;
    return total;
}

}  // namespace

grpc::ServerGenericBidiReactor* AgentService::CreateReactor(grpc::GenericCallbackServerContext* context) {
    service_.counters.calls.add();
    const auto peer = PeerKey::from_grpc_peer(context->peer());
    auto connection = peer ? service_.connections.find(*peer) : nullptr;
    const auto header_bytes = bytes_of(context->client_metadata()) + context->method().size();

    const bool is_open = connection != nullptr && !connection->is_shut();
    const auto health = health_method_of(context->method());
    if (health && is_open && !service_.under_way.is_draining()) {
        const auto call =
            std::make_shared<HealthCall>(service_, context, std::move(connection), *health, header_bytes);
        call->start();
        return call.get();
    }
    const auto method = method_of(context->method());
    std::string verified_id;
    const auto refusal =
        refusal_for(*context, is_open ? peer : std::nullopt, method, header_bytes, verified_id);
    if (refusal) {
        const auto call =
            std::make_shared<RefusedCall>(service_.counters, context, std::move(connection), header_bytes);
        call->start(*refusal);
        return call.get();
    }
    std::shared_ptr<AgentCall> call;
    if (*method == Method::get_tasks) {
        call = std::make_shared<TaskStreamCall>(service_, context, std::move(connection), *method,
                                                std::move(verified_id));
    } else if (*method == Method::stream_state_diffs) {
        call = std::make_shared<DiffStreamCall>(service_, context, std::move(connection), *method,
                                                std::move(verified_id));
    } else {
        call = std::make_shared<UnaryCall>(service_, context, std::move(connection), *method,
                                           std::move(verified_id));
    }
    call->start(header_bytes);
    return call.get();
}

/// Returns the status if the call must be refused. `peer` is empty if the connection was already removed or
/// shut, so the client is gone.
std::optional<grpc::Status> AgentService::refusal_for(const grpc::GenericCallbackServerContext& context,
                                                      const std::optional<PeerKey>& peer,
                                                      std::optional<Method> method, std::size_t header_bytes,
                                                      std::string& verified_id) {
    if (!peer) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the connection is closing");
    const bool is_stream = method == Method::get_tasks || method == Method::stream_state_diffs;
    if (service_.under_way.is_draining() || (is_stream && service_.is_ending_streams)) {
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the coordinator is shutting down");
    }
    if (!method) return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "unknown method");
    auto id = service_.authentication.check(context.client_metadata(), peer->address,
                                            std::chrono::steady_clock::now());
    if (!id) {
        counter_of(id.error().code).add();
        // Failed authentications are logged per address by Authentication.
        if (id.error().code == ErrorCode::permission_denied)
            service_.refused(Authentication::claimed_id(context.client_metadata()),
                             service_.authentication.client_text(context.client_metadata(), *peer), id.error());
        return to_grpc_status(id.error());
    }
    verified_id = std::move(*id);
    if (header_bytes > service_.settings.metadata_bytes) {
        service_.counters.too_large.add();
        return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "metadata too large");
    }
    if (*method == Method::stream_state_diffs && service_.diffs == nullptr) {
        return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "this coordinator serves no state diffs");
    }
    return std::nullopt;
}

const metrics::Counter& AgentService::counter_of(ErrorCode refusal) const {
    if (refusal == ErrorCode::unauthenticated) return service_.counters.unauthenticated;
    return refusal == ErrorCode::resource_exhausted ? service_.counters.auth_limited : service_.counters.denied;
}

}  // namespace ioswarm::proto
