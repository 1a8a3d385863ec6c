// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <catch2/catch.hpp>

#include "core/crypto/hmac.hpp"
#include "proto/agent_port/agent_server.hpp"
#include "proto/codec/codec.hpp"
#include "test/support/fake_agent_link.hpp"
#include "test/support/grpc_client.hpp"
#include "test/support/h2_raw.hpp"

namespace ioswarm::test {

/// A server on a free loopback port, with a fake coordinator behind it.
struct ServedAgents {
    explicit ServedAgents(AccessSettings access_settings = {kMasterSecret, "", ""},
                          proto::AgentServerSettings settings = {})
        : access(AccessControl::open(std::move(access_settings)).value()) {
        settings.metrics = metrics;
        settings.address = "127.0.0.1";
        auto started = proto::AgentServer::start(settings, link, *access, Log());
        if (!started) FAIL(started.error().text());
        server = std::move(*started);
    }
    [[nodiscard]] std::uint16_t port() const { return server->port(); }

    FakeAgentLink link;
    std::unique_ptr<AccessControl> access;
    metrics::Registry metrics;
    std::unique_ptr<proto::AgentServer> server;
};

struct CallingAgent {
    CallingAgent(std::uint16_t port, std::string name, proto::Codec with)
        : id(std::move(name)), codec(with), headers(credentials_of(id, kMasterSecret)), client(port) {}

    RegisterResponse join() {
        RegisterRequest request;
        request.agent_id = id;
        request.capability = TaskLevel::l2_state_verify;
        auto [status, response] = client.ask<RegisterResponse>("Register", codec, request, headers);
        CHECK(status.error_message() == "");
        REQUIRE(status.ok());
        return response;
    }
    std::unique_ptr<GrpcStream> tasks() {
        GetTasksRequest request;
        request.agent_id = id;
        return client.stream("GetTasks", proto::encode(codec, request), headers);
    }
    std::pair<grpc::Status, SubmitResponse> submit(std::size_t results = 1) {
        BatchResult batch;
        batch.agent_id = id;
        batch.batch_id = "b-1";
        batch.results.resize(results);
        for (auto& result : batch.results)
            result.reject_reason = "reason";
        return client.ask<SubmitResponse>("SubmitResults", codec, batch, headers);
    }
    std::pair<grpc::Status, HeartbeatResponse> heartbeat() {
        HeartbeatRequest request;
        request.agent_id = id;
        return client.ask<HeartbeatResponse>("Heartbeat", codec, request, headers);
    }

    std::string id;
    proto::Codec codec;
    Headers headers;
    GrpcClient client;
};

inline std::string counters_text(const ServedAgents& served) {
    std::string out;
    for (const auto& [name, value] : served.metrics.values()) {
        if (value != 0) out += name + " " + std::to_string(value) + "\n";
    }
    return out;
}

inline TaskBatch batch_of(const std::string& batch_id) {
    TaskBatch batch;
    batch.batch_id = batch_id;
    batch.timestamp = 1'700'000'000'000;
    batch.tasks.resize(2);
    batch.tasks[0].task_id = 7;
    batch.tasks[0].tx_raw = {1, 2, 3};
    batch.tasks[1].task_id = 8;
    return batch;
}

inline std::string text_of(const grpc::Status& status) {
    return std::to_string(status.error_code()) + " " + status.error_message();
}

inline Bytes heartbeat_of(const std::string& id) {
    HeartbeatRequest request;
    request.agent_id = id;
    return proto::encode(proto::Codec::protobuf, request);
}

}  // namespace ioswarm::test
