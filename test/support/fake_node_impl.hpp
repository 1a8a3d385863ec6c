// SPDX-License-Identifier: Apache-2.0
#pragma once

// Included by fake_node*.cpp only.

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "test/support/fake_node.hpp"
#include "test/support/scripted_http.hpp"

namespace ioswarm::test {

class FakeNodeCall;

struct FakeNode::Impl {
    struct Account {
        U256 balance;
        std::uint64_t nonce = 0;
        Bytes code;
    };
    class Service final : public grpc::CallbackGenericService {
      public:
        explicit Service(Impl& impl) : impl_(impl) {}
        grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

      private:
        Impl& impl_;
    };

    Impl()
        : http([this](HttpConnection& connection, const std::string& body) { return post(connection, body); }) {
        start();
    }
    ~Impl() { stop(); }

    void start() {
        grpc::ServerBuilder builder;
        // Otherwise a second server could bind the port while the first one still holds it.
        builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
        builder.SetMaxSendMessageSize(-1);
        builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(), &port);
        service = std::make_unique<Service>(*this);  // gRPC uses a service object for one server only
        builder.RegisterCallbackGenericService(service.get());
        server = builder.BuildAndStart();
        if (!server) throw std::runtime_error("cannot start the fake node");
    }

    void stop() {
        if (!server) return;
        server->Shutdown(std::chrono::system_clock::now());
        server->Wait();
        server.reset();
    }

    /// The answer to a unary call. Called with the lock held.
    std::pair<grpc::Status, Bytes> answer(const std::string& method, BytesView request);
    std::pair<grpc::Status, Bytes> raw_blocks(BytesView request);
    Grpc mode_of(const std::string& method) const {
        const auto own = grpc_modes.find(method);
        return own != grpc_modes.end() ? own->second : grpc_mode;
    }
    std::uint64_t tip() const { return blocks.empty() ? 0 : blocks.rbegin()->first; }

    bool post(HttpConnection& connection, const std::string& body);
    nlohmann::json answer_web3(const nlohmann::json& request);
    std::string answer_single(const nlohmann::json& request, Web3 mode);
    std::string answer_batch(const std::string& body, Web3 mode);

    mutable std::mutex mutex;
    std::condition_variable changed;
    // guarded by mutex
    std::vector<Bytes> pool;
    std::map<std::uint64_t, Bytes> blocks;
    std::map<std::string, Account> accounts;
    std::set<std::string> failing;
    std::optional<std::uint64_t> chain_meta_height;
    std::uint64_t pruned_below = 0;
    std::optional<std::uint64_t> calls_until_move;
    std::size_t batch_limit = 100;
    std::optional<int> batch_status;
    std::size_t posts_to_fail = 0;
    std::uint64_t chain_id = 4689;
    std::uint64_t node_chain_id = 1;
    std::string version;
    Grpc grpc_mode = Grpc::normal;
    std::map<std::string, Grpc> grpc_modes;
    Web3 web3_mode = Web3::normal;
    std::set<FakeNodeCall*> streams;
    std::size_t streams_opened = 0;
    std::map<std::string, std::size_t> calls;
    std::size_t web3_posts = 0;
    std::size_t largest_batch = 0;
    std::size_t refused_batches = 0;

    int port = 0;
    std::unique_ptr<Service> service;
    std::unique_ptr<grpc::Server> server;
    ScriptedHttp http;  // last, because its threads use all members above
};

}  // namespace ioswarm::test
