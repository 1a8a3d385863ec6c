// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/agent_server.hpp"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "core/base/try.hpp"
#include "proto/agent_port/agent_service.hpp"
#include "proto/agent_port/agent_transport.hpp"
#include "proto/agent_port/stream_ends.hpp"
#include "proto/agent_port/tls_credentials.hpp"
#include "proto/grpc/log.hpp"

namespace ioswarm::proto {
namespace {

/// One gRPC server. gRPC fixes how many calls a connection may carry when it builds a server. So another limit
/// needs another server: new connections go there, and the open ones stay where they are.
struct GrpcServer {
    explicit GrpcServer(Service& service) : generic(service) {}

    /// Error: unavailable.
    static Result<std::unique_ptr<GrpcServer>> open(
        const AgentServerSettings& settings, Service& service,
        const std::shared_ptr<grpc::ServerCredentials>& credentials) {
        auto out = std::make_unique<GrpcServer>(service);
        grpc::ServerBuilder builder;
        configure_transport(builder, settings);
        builder.RegisterCallbackGenericService(&out->generic);
        out->acceptor = builder.experimental().AddExternalConnectionAcceptor(
            grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, credentials);
        out->server = builder.BuildAndStart();
        if (!out->server)
            return fail(ErrorCode::unavailable, "cannot start the agent port", {}, "gRPC refused to start");
        return out;
    }

    void take(int fd) const {
        grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
        parameters.fd = fd;
        acceptor->HandleNewConnection(&parameters);
    }

    AgentService generic;
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
    std::unique_ptr<grpc::Server> server;
};

/// Maximum number of servers. A server is never removed: a limit that was used before gets its old server
/// again.
constexpr std::size_t kMaxServers = 16;

}  // namespace

struct AgentServer::Parts {
    Parts(AgentServerSettings settings_in, AgentLink& link, const AccessControl& access, DiffLink* diffs,
          Log log_in)
        : settings(std::move(settings_in)),
          log(std::move(log_in)),
          authentication(access, settings.accept.proxies, log.of(LogModule::agents)),
          news(log.of(LogModule::agents)),
          presence(link, news, connections),
          service{settings,
                  link,
                  diffs,
                  access,
                  authentication,
                  is_ending_streams,
                  connections,
                  counters,
                  health_watches,
                  under_way,
                  bodies_in_work,
                  task_stream_writes,
                  diff_streams,
                  decode_queue,
                  news,
                  presence,
                  log} {}

    /// The server whose connections may carry so many calls. Builds it if there is none yet.
    Result<GrpcServer*> server_for(std::uint32_t calls) {
        const auto locked = servers.lock();
        if (const auto built = locked->find(calls); built != locked->end()) return built->second.get();
        if (locked->size() >= kMaxServers) {
            return fail(ErrorCode::unavailable, "cannot change maxStreamsPerConnection", std::to_string(calls),
                        "it has been changed too often since the start", "restart ioswarm serve");
        }
        AgentServerSettings with = settings;
        with.streams_per_connection = calls;
        IOSWARM_TRY(auto grpc_server, GrpcServer::open(with, service, credentials));
        return locked->emplace(calls, std::move(grpc_server)).first->second.get();
    }

    [[nodiscard]] ConnectionBounds bounds_for(std::uint32_t calls) const {
        return settings.accept.connection.for_streams(calls, settings.accept.held_bytes / 2);
    }

    const AgentServerSettings settings;
    const Log log;
    Authentication authentication;
    std::atomic<bool> is_ending_streams{false};
    const ServiceCounters counters{settings.metrics};
    std::atomic<std::size_t> health_watches{0};
    CallsUnderWay under_way;
    std::atomic<std::uint64_t> bodies_in_work{0};
    ConnectionTable connections;
    AgentNews news;
    AgentPresence presence;
    WorkQueue task_stream_writes;
    WorkQueue diff_streams;
    WorkQueue decode_queue;
    Service service;
    std::uint16_t port = 0;
    std::shared_ptr<TlsCredentials> tls;
    std::shared_ptr<grpc::ServerCredentials> credentials;
    Guarded<std::map<std::uint32_t, std::unique_ptr<GrpcServer>>> servers;  ///< by calls per connection
    std::unique_ptr<Acceptor> acceptor;
    std::once_flag shut_down;
    metrics::ReadHook update_gauges_hook;  ///< declared last, because update_gauges() uses what is above

    void update_gauges(const std::optional<TlsCounters>& of_tls) const {
        const AcceptorCounters& accepted = acceptor->counters();
        accepted.open.set(connections.size());
        accepted.failed_auth_addresses_dropped.raise_to(authentication.addresses_dropped());
        counters.health_watches_open.set(health_watches);
        if (!of_tls) return;
        of_tls->reloads.raise_to(tls->reloads());
        of_tls->refused_reloads.raise_to(tls->refused_reloads());
    }
};

Result<std::unique_ptr<AgentServer>> AgentServer::start(AgentServerSettings settings, AgentLink& link,
                                                        const AccessControl& access, Log log, DiffLink* diffs) {
    if (settings.tls_cert_file.empty() != settings.tls_key_file.empty()) {
        return fail(ErrorCode::config, "cannot use TLS", "tls.cert, tls.key", "only one of the two is set",
                    "set both, or neither for plain text behind a TLS proxy");
    }
    send_grpc_log_to(log);
    auto parts = std::make_unique<Parts>(std::move(settings), link, access, diffs, log);
    const auto& with = parts->settings;
    AcceptorBounds accept = with.accept;
    accept.has_tls = !with.tls_cert_file.empty();
    accept.connection = parts->bounds_for(with.streams_per_connection);
    (void)raise_file_limit(std::uint64_t{2} * with.accept.connections + with.accept.reserved_files);

    if (!with.tls_cert_file.empty()) {
        IOSWARM_TRY(auto tls, TlsCredentials::open(with.tls_cert_file, with.tls_key_file, log));
        parts->tls = std::move(tls);
        parts->credentials = TlsCredentials::for_server(parts->tls);
    } else {
        parts->credentials = grpc::InsecureServerCredentials();
    }
    IOSWARM_TRY(auto listening, listen_on(with.address, with.port));
    parts->port = listening.port;

    IOSWARM_TRY(GrpcServer* const grpc_server, parts->server_for(with.streams_per_connection));
    parts->acceptor = std::make_unique<Acceptor>(
        std::move(listening), std::move(accept), parts->connections,
        [grpc_server](int fd) { grpc_server->take(fd); }, std::move(log),
        AcceptorHooks{[p = parts.get()](const Connection& connection, SteadyTime now) {
                          p->presence.connection_closed(connection, now);
                      },
                      [p = parts.get()](SteadyTime now) { p->news.tick(now); }},
        with.metrics);
    std::optional<TlsCounters> of_tls;
    if (parts->tls) of_tls.emplace(with.metrics);
    parts->update_gauges_hook = with.metrics.on_read([p = parts.get(), of_tls] { p->update_gauges(of_tls); });
    return std::unique_ptr<AgentServer>(new AgentServer(std::move(parts)));
}

AgentServer::AgentServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

AgentServer::~AgentServer() {
    shutdown(std::chrono::milliseconds(0));
}

std::uint16_t AgentServer::port() const noexcept {
    return parts_->port;
}

bool AgentServer::uses_tls() const noexcept {
    return parts_->tls != nullptr;
}

Status AgentServer::change_streams_per_connection(std::uint32_t streams) {
    IOSWARM_TRY(GrpcServer* const grpc_server, parts_->server_for(streams));
    parts_->acceptor->change_admission(parts_->bounds_for(streams),
                                       [grpc_server](int fd) { grpc_server->take(fd); });
    return {};
}

void AgentServer::stop_accepting() {
    parts_->news.quiet();
    parts_->acceptor->stop_accepting();
}

void AgentServer::end_streams(std::chrono::milliseconds over) {
    if (parts_->is_ending_streams.exchange(true)) return;
    std::vector<std::shared_ptr<LiveCall>> streams;
    for (const auto& connection : parts_->connections.all()) {
        for (auto& call : connection->live_calls()) {
            if (call->is_agent_stream() && !call->is_answered()) streams.push_back(std::move(call));
        }
    }
    std::mt19937_64 random(std::random_device{}());
    std::shuffle(streams.begin(), streams.end(), random);
    const auto begin = std::chrono::steady_clock::now();
    const auto times = stream_end_times(streams.size(), over, random);
    for (std::size_t i = 0; i < streams.size(); ++i) {
        std::this_thread::sleep_until(begin + times[i]);
        streams[i]->end_for_shutdown();
        streams[i].reset();
    }
}

void AgentServer::shutdown(std::chrono::milliseconds within) {
    std::call_once(parts_->shut_down, [&] {
        // First refuse new connections and calls. Then end the streams, which would never end by themselves,
        // and give the other calls their time. Then gRPC cancels the remaining calls and returns after its last
        // callback. The acceptor still runs meanwhile, because it ends streams that are stuck.
        parts_->news.quiet();
        parts_->acceptor->stop_accepting();
        parts_->under_way.drain(std::chrono::milliseconds(0));
        for (const auto& connection : parts_->connections.all()) {
            for (const auto& call : connection->live_calls())
                call->end_for_shutdown();
        }
        parts_->under_way.drain(within);
        const auto servers = parts_->servers.lock();
        for (const auto& [streams, grpc_server] : *servers)
            grpc_server->server->Shutdown(std::chrono::system_clock::now());
        for (const auto& [streams, grpc_server] : *servers)
            grpc_server->server->Wait();
        parts_->acceptor->stop();
        parts_->task_stream_writes.stop();
        parts_->diff_streams.stop();
        parts_->decode_queue.stop();
    });
}

}  // namespace ioswarm::proto
