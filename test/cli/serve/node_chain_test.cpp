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

    ServedNode() {
        ServeConfig config;
        config.node_grpc = node.grpc();
        config.node_web3 = node.web3();
        const auto bind = [](const ChainIdentity& found) -> Status {
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
