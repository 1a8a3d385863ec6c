// SPDX-License-Identifier: Apache-2.0
// The node of serve, when a part of it does not answer.
#include "cli/serve/node_chain.hpp"

#include <catch2/catch.hpp>

#include "test/support/node_world.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using test::FakeNode;

namespace {

/// A fake node as serve uses it, for a data directory of IoTeX mainnet.
struct ServedNode {
    FakeNode node;
    test::LogLines lines;
    std::shared_ptr<NodeChain> chain;
    ChainPorts ports;
    int bound = 0;  ///< calls of the gate's bind function

    ServedNode() {
        ServeConfig config;
        config.node_grpc = node.grpc();
        config.node_web3 = node.web3();
        const auto bind = [this](const ChainIdentity& found) -> Status {
            ++bound;
            if (found == ChainIdentity{4689, 1}) return {};
            return fail(ErrorCode::config, "another chain");
        };
        chain = std::move(*NodeChain::create(config, bind, lines.log(), metrics::Registry()));
        ports = NodeChain::ports(chain);
        push(10);
    }
    void push(std::uint64_t height) { node.push_block(height, test::make_block_info(height)); }
    std::string reasons() const {
        Reasons out;
        chain->add_reasons(out);
        return to_text(out);
    }
};

}  // namespace

TEST_CASE("while web3 is away, a failed gRPC call stops neither pool nor blocks", "[serve]") {
    ServedNode served;
    REQUIRE(served.ports.pool->tip());
    REQUIRE(served.ports.pool->pending());
    served.node.set_web3(FakeNode::Web3::http_500);
    served.node.set_grpc(FakeNode::Grpc::refuse);
    CHECK_FALSE(served.ports.pool->tip());
    served.node.set_grpc(FakeNode::Grpc::normal);
    CHECK(served.ports.pool->tip());
    CHECK(served.ports.pool->pending());
    CHECK(served.ports.blocks->next(10, {}));
}

TEST_CASE("before web3 has answered, nothing is taken from a node for a data directory without a chain",
          "[serve]") {
    ServedNode served;
    served.node.set_web3(FakeNode::Web3::http_500);
    CHECK_FALSE(served.ports.pool->tip());
    CHECK_FALSE(served.ports.blocks->next(10, {}));
    CHECK(served.bound == 0);
}

TEST_CASE("a node whose web3 is away from the start serves a data directory of its chain", "[serve]") {
    ServedNode served;
    served.node.set_web3(FakeNode::Web3::http_500);
    served.chain->assume({4689, 1});
    CHECK(served.ports.pool->tip());
    CHECK(served.ports.pool->pending());
    CHECK(served.ports.blocks->next(10, {}));
    for (int i = 0; i < 3; ++i)
        CHECK(served.ports.pool->tip());
    CHECK(served.reasons().find("web3") != std::string::npos);
    // Another node is not taken for it, and nothing is bound to that one's chain.
    const int bound = served.bound;
    served.node.set_grpc(FakeNode::Grpc::refuse);
    CHECK_FALSE(served.ports.pool->tip());
    served.node.set_grpc(FakeNode::Grpc::normal);
    served.node.set_node_chain_id(2);
    CHECK_FALSE(served.ports.pool->tip());
    CHECK(served.bound == bound);
}

TEST_CASE("while web3 is away, a node of another chain is refused, and a later answer of web3 counts",
          "[serve]") {
    ServedNode served;
    REQUIRE(served.ports.pool->tip());
    served.node.set_web3(FakeNode::Web3::http_500);
    served.node.set_grpc(FakeNode::Grpc::refuse);
    CHECK_FALSE(served.ports.pool->tip());
    served.node.set_grpc(FakeNode::Grpc::normal);
    served.node.set_node_chain_id(2);
    CHECK(served.ports.pool->tip().error().code == ErrorCode::config);
    CHECK(served.reasons().find("another chain") != std::string::npos);
    served.node.set_node_chain_id(1);
    CHECK(served.ports.pool->tip());
    // Now web3 turns out to be another chain's.
    served.node.set_chain_id(4690);
    served.node.set_web3(FakeNode::Web3::normal);
    CHECK(served.ports.pool->tip().error().code == ErrorCode::config);
    served.node.set_chain_id(4689);
    CHECK(served.ports.pool->tip());
}
