// SPDX-License-Identifier: Apache-2.0
// How NodeSource reads the pool and the tip, also from a node that sends wrong data, stalls or repeats actions.
#include "proto/node/source.hpp"

#include <catch2/catch.hpp>

#include "core/base/wire.hpp"
#include "test/support/node_world.hpp"
#include "test/support/scripted_http.hpp"

using namespace ioswarm;
using namespace ioswarm::proto;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using World = NodeWorld;
using Web3 = FakeNode::Web3;

TEST_CASE("node: the error for a missing or malformed address says what it is for") {
    const auto refused = [](const char* grpc, const char* web3, const char* which) {
        NodeSettings settings;
        settings.grpc = grpc;
        settings.web3 = web3;
        const auto source = NodeSource::create(settings, {});
        return !source && source.error().code == ErrorCode::config && source.error().which == which &&
               !source.error().hint.empty();
    };
    CHECK(refused("", "http://127.0.0.1:15014", "node.grpc"));
    CHECK(refused("127.0.0.1:14014", "", "node.web3"));
    CHECK(refused("127.0.0.1", "http://127.0.0.1:15014", "node.grpc"));
    CHECK(refused("127.0.0.1:0", "http://127.0.0.1:15014", "node.grpc"));
    CHECK(refused("http://127.0.0.1:14014", "http://127.0.0.1:15014", "node.grpc"));
    CHECK(refused("127.0.0.1:14014", "127.0.0.1:15014", "node.web3"));
}

TEST_CASE("node: the chain's ids are read anew at each call") {
    World world;
    const auto first = world.source->chain();
    REQUIRE(first);
    CHECK(first->evm == 4689);
    CHECK(first->node == 1);
    world.node.set_chain_id(4690);
    CHECK(world.source->chain()->evm == 4690);
}

TEST_CASE("node: the chain is not known before web3 and gRPC have both told their ids") {
    World world;
    world.node.set_web3(Web3::close);
    CHECK_FALSE(world.source->chain());
    world.node.set_web3(Web3::normal);
    world.node.set_grpc(FakeNode::Grpc::refuse);
    CHECK_FALSE(world.source->chain());
    world.node.set_grpc(FakeNode::Grpc::normal);
    world.node.set_web3(Web3::close);
    CHECK_FALSE(world.source->chain());
    world.node.set_web3(Web3::normal);
    CHECK(world.source->chain());
}

TEST_CASE("node: while web3 is away, gRPC alone tells whether the chain is still the same") {
    World world;
    REQUIRE(world.source->chain());
    CHECK_FALSE(world.source->should_ask_chain_again());
    world.node.set_web3(Web3::http_500);
    for (int i = 0; i < 5; ++i)
        CHECK(world.source->chain() == ChainIdentity{4689, 1});
    CHECK(world.lines.count(LogLevel::warn, "EVM chain id 4689 is assumed") == 1);
    // The endpoint counts as away by now, and is not waited for any more.
    const std::size_t posts = world.node.web3_posts();
    CHECK(world.source->chain());
    CHECK(world.node.web3_posts() == posts);
    CHECK_FALSE(world.source->should_ask_chain_again());
    // Another node has taken the place of the first.
    world.node.set_node_chain_id(2);
    CHECK(world.source->chain() == ChainIdentity{4689, 2});
    // Nothing tells the chain any more.
    world.node.set_node_chain_id(0);
    CHECK_FALSE(world.source->chain());
    world.node.set_node_chain_id(1);
    world.node.set_grpc(FakeNode::Grpc::refuse);
    CHECK_FALSE(world.source->chain());
    world.node.set_grpc(FakeNode::Grpc::normal);
    // web3 is back, and on another chain.
    world.node.set_chain_id(4690);
    world.node.set_web3(Web3::normal);
    world.push(5);
    CHECK(world.account(kPlain, 5));
    CHECK(world.source->should_ask_chain_again());
    CHECK(world.source->chain() == ChainIdentity{4690, 1});
    CHECK_FALSE(world.source->should_ask_chain_again());
}

TEST_CASE("node: before web3 has answered once, the expected chain counts if gRPC tells its id") {
    World world;
    world.node.set_pool(recorded_pool());
    world.node.set_web3(Web3::http_500);
    world.push(5);
    world.source->assume({4689, 1});
    world.node.set_node_chain_id(2);
    CHECK_FALSE(world.source->chain());
    CHECK_FALSE(world.source->pool().pending());
    world.node.set_node_chain_id(0);  // it does not tell
    CHECK_FALSE(world.source->chain());
    world.node.set_node_chain_id(1);
    CHECK(world.source->chain() == ChainIdentity{4689, 1});
    CHECK(world.source->chain() == ChainIdentity{4689, 1});
    CHECK(world.lines.count(LogLevel::warn, "the data directory belongs to that chain") == 1);
    CHECK(world.source->pool().pending());
    CHECK(world.next(5));
    // web3 is back, and on another chain than expected.
    world.node.set_chain_id(4690);
    world.node.set_web3(Web3::normal);
    CHECK(world.account(kPlain, 5));
    CHECK(world.source->should_ask_chain_again());
    CHECK(world.source->chain() == ChainIdentity{4690, 1});
}

TEST_CASE("node: an expected chain without a node id does not replace web3") {
    World world;
    world.node.set_web3(Web3::http_500);
    world.source->assume({4689, std::nullopt});
    CHECK_FALSE(world.source->chain());
    world.source->assume({4689, 0});  // the embedded chain
    CHECK_FALSE(world.source->chain());
}

TEST_CASE("node: the recorded pool lists each action once, and later as the same object") {
    World world;
    auto pool = recorded_pool();
    pool.push_back(pool.front());  // the node lists one action twice
    world.node.set_pool(pool);
    const auto first = world.source->pool().pending();
    REQUIRE(first);
    CHECK(first->size() == 10);
    const auto second = world.source->pool().pending();
    REQUIRE(second);
    CHECK(*first == *second);  // compares pointers
    for (std::size_t i = 0; i < first->size(); ++i)
        CHECK((*first)[i]->raw == pool[i]);
}

TEST_CASE("node: bytes that are not an action are left out, counted and logged once [defect-22]",
          "[defect-22]") {
    World world;
    auto pool = recorded_pool();
    pool.insert(pool.begin(), Bytes{0xff, 0xff});
    world.node.set_pool(pool);
    for (int i = 0; i < 3; ++i) {
        const auto pending = world.source->pool().pending();
        REQUIRE(pending);
        CHECK(pending->size() == 10);
    }
    CHECK(world.source->counters().unreadable_actions.value() == 1);
    CHECK(world.lines.count(LogLevel::warn, "left out") == 1);
}

TEST_CASE("node: an action of an unknown kind is listed with its bytes, without a hash, and logged once") {
    World world;
    // Field 99 of the core is no known kind of action. Encoding 1 is Ethereum's.
    Bytes core;
    wire::Writer(core).put_uint(1, 1);
    wire::Writer(core).put_uint(2, 7);
    wire::Writer(core).always_bytes(99, Bytes{1, 2, 3});
    Bytes action;
    wire::Writer(action).put_bytes(1, core);
    wire::Writer(action).put_bytes(2, hex("04ba5734d8f7091719471e7f7ed6b9df170dc70cc661ca05e688601ad984f068b0"
                                          "d67351e5f06073092499336ab0839ef8a521afd334e53807205fa2f08eec74f4"));
    wire::Writer(action).put_bytes(3, Bytes(65, 1));
    wire::Writer(action).put_uint(4, 1);
    world.node.set_pool({action});
    for (int i = 0; i < 2; ++i) {
        const auto pending = world.source->pool().pending();
        REQUIRE(pending);
        REQUIRE(pending->size() == 1);
        CHECK(pending->front()->raw == action);
        CHECK(pending->front()->sender == kOther);
        CHECK_FALSE(pending->front()->hash);
    }
    CHECK(world.source->counters().unhashable_actions.value() == 1);
    world.node.push_block(5, make_block_info(5, {action}, {{Bytes(32, 0x77)}}));
    const auto block = world.next(5);
    REQUIRE(block);
    CHECK(block->unhashable_actions == 1);
    CHECK(block->unmatched_actions == 0);
    CHECK(world.lines.count(LogLevel::warn, "answers are not compared") == 1);
}

TEST_CASE("node: a pool over gRPC's default of 4 MiB is accepted, one over 64 MiB refused") {
    World world(30s);
    // An action with an unknown field of 6 MB is passed on unchanged.
    Bytes action = recorded_pool().front();
    const Bytes filler(std::size_t{6} << 20U, 0x11);
    const Bytes tag{0xca, 0x3e};  // field 1001, length-delimited
    action.insert(action.end(), tag.begin(), tag.end());
    for (std::size_t size = filler.size(); size != 0; size >>= 7U) {
        action.push_back(static_cast<std::uint8_t>((size & 0x7fU) | (size > 0x7f ? 0x80U : 0U)));
    }
    action.insert(action.end(), filler.begin(), filler.end());
    world.node.set_pool({action});
    const auto pending = world.source->pool().pending();
    REQUIRE(pending);
    REQUIRE(pending->size() == 1);
    CHECK(pending->front()->raw == action);

    world.node.set_grpc("GetActPoolActions", FakeNode::Grpc::huge);
    const auto refused = world.source->pool().pending();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::bad_data);
}

TEST_CASE("node: cut, garbage and refused pool answers are errors, and the reader recovers") {
    World world(60s);
    world.node.set_pool(recorded_pool());
    REQUIRE(world.source->pool().pending());
    for (const auto& [mode, code] : {std::pair{FakeNode::Grpc::half, ErrorCode::bad_data},
                                     std::pair{FakeNode::Grpc::garbage, ErrorCode::bad_data},
                                     std::pair{FakeNode::Grpc::refuse, ErrorCode::unavailable}}) {
        world.node.set_grpc(mode);
        const auto pending = world.source->pool().pending();
        REQUIRE_FALSE(pending);
        CHECK(pending.error().code == code);
        CHECK_FALSE(world.source->pool().tip());
    }
    world.node.set_grpc(FakeNode::Grpc::normal);
    CHECK(world.source->pool().pending());
}

TEST_CASE("node: a node that does not answer times out") {
    World world(300ms);
    world.push(5);
    REQUIRE(world.insist(5).height == 5);
    world.node.set_grpc(FakeNode::Grpc::stall);
    const auto pending = world.source->pool().pending();
    REQUIRE_FALSE(pending);
    CHECK(pending.error().code == ErrorCode::timed_out);
    const auto tip = world.source->pool().tip();
    REQUIRE_FALSE(tip);
    CHECK(tip.error().code == ErrorCode::timed_out);
    const auto block = world.next(5);
    REQUIRE_FALSE(block);
    CHECK(block.error().code == ErrorCode::timed_out);
}

TEST_CASE("node: the tip is the height with the block's own time and base fee") {
    World world;
    world.push(5);
    const auto tip = world.source->pool().tip();
    REQUIRE(tip);
    CHECK(tip->height == 5);
    CHECK(tip->base_fee_rau == U256(1'000'000'000'000));
    const auto block = world.next(5);
    REQUIRE(block);
    CHECK(tip->time == block->time);
}

TEST_CASE("node: a tip whose block cannot be read, or is another, is an error [defect-23]", "[defect-23]") {
    World world;
    world.push(5);
    world.node.set_chain_meta_height(9);  // the node reports a height whose block it does not have
    const auto tip = world.source->pool().tip();
    REQUIRE_FALSE(tip);
    CHECK(tip.error().code == ErrorCode::bad_data);
    world.node.push_block_silently(9, make_block_info(8));
    CHECK_FALSE(world.source->pool().tip());
}

TEST_CASE("node: a height that the stream has not announced is the tip only after the settle time") {
    World world;
    world.push(5);
    REQUIRE(world.next(5));
    std::jthread reader([&] { (void)world.next(6); });
    world.node.wait_for_streams(1);
    world.push(6);
    reader.join();
    world.node.push_block_silently(7, make_block_info(7));  // block 7 is stored, but its state is not
    auto tip = world.source->pool().tip();
    REQUIRE(tip);
    CHECK(tip->height == 6);
    while (tip && tip->height == 6)
        tip = world.source->pool().tip();
    REQUIRE(tip);
    CHECK(tip->height == 7);
}

TEST_CASE("node: a newest block far above the last one is not the tip at once") {
    World world;
    world.push(5);
    REQUIRE(world.source->pool().tip()->height == 5);
    SECTION("over gRPC") {}
    SECTION("over web3, when gRPC speaks JSON") {
        world.node.set_grpc(FakeNode::Grpc::json_answer);
        REQUIRE(world.source->pool().tip()->height == 5);
    }
    world.node.push_block_silently(1'000'005, make_block_info(1'000'005));
    auto tip = world.source->pool().tip();
    REQUIRE(tip);
    CHECK(tip->height == 5);
    CHECK(world.source->counters().doubted_tips.value() == 1);
    CHECK(world.lines.count(LogLevel::warn, "it tells block 1000005 as its newest") == 1);
}

TEST_CASE("node: a jump of the tip that the node goes on telling is taken in the end") {
    World world;
    world.push(5);
    REQUIRE(world.source->pool().tip()->height == 5);
    world.push(900);
    auto tip = world.source->pool().tip();
    while (tip && tip->height == 5)
        tip = world.source->pool().tip();
    REQUIRE(tip);
    CHECK(tip->height == 900);
}

TEST_CASE("node: after the node was away its tip is taken as it is") {
    World world;
    world.push(5);
    REQUIRE(world.source->pool().tip()->height == 5);
    world.node.set_grpc(FakeNode::Grpc::refuse);
    REQUIRE_FALSE(world.source->pool().tip());
    world.node.set_grpc(FakeNode::Grpc::normal);
    world.push(900);
    CHECK(world.source->pool().tip()->height == 900);
}

TEST_CASE("node: a server that does not speak gRPC is an error") {
    ScriptedHttp other(
        [](HttpConnection& connection, const std::string&) { return connection.answer("hello"); });
    FakeNode node;
    NodeSettings settings;
    settings.grpc = other.url().substr(std::string("http://").size());
    settings.web3 = node.web3();
    settings.call_timeout = 300ms;
    const auto source = std::move(*NodeSource::create(settings, {}));
    const auto pending = source->pool().pending();
    REQUIRE_FALSE(pending);
    CHECK((pending.error().code == ErrorCode::unavailable || pending.error().code == ErrorCode::timed_out));
}

TEST_CASE("node: without web3 the pool is an error until the chain id has been read once") {
    World world;
    world.node.set_pool(recorded_pool());
    world.node.set_web3(Web3::http_500);
    const auto pending = world.source->pool().pending();
    REQUIRE_FALSE(pending);
    CHECK(pending.error().code == ErrorCode::unavailable);
    world.node.set_web3(Web3::normal);
    CHECK(world.source->pool().pending());
    world.node.set_web3(Web3::http_500);
    CHECK(world.source->pool().pending());
}

TEST_CASE("node: the version is the one the node reports, and empty when it reports none") {
    World world;
    CHECK(world.source->version().empty());
    world.node.set_version("v2.4.1");
    CHECK(world.source->version() == "v2.4.1");
    world.node.set_grpc(FakeNode::Grpc::garbage);
    CHECK(world.source->version().empty());
}
