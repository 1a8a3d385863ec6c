// SPDX-License-Identifier: Apache-2.0
// How NodeSource reads blocks, also from a node that sends wrong data, stalls, dies, repeats blocks or skips
// some.
#include "proto/node/source.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <optional>
#include <thread>

#include "test/support/node_world.hpp"

using namespace ioswarm;
using namespace ioswarm::proto;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using World = NodeWorld;

TEST_CASE("node: the next new block comes although the node first told a tip far above the true one") {
    World world;
    world.push(19);  // the node has every block from here on
    world.node.set_chain_meta_height(1'000'000);
    std::atomic<bool> has_ended = false;
    std::optional<Result<ExecutedBlock>> block;
    std::jthread reader([&] {
        block = world.next(0);
        has_ended = true;
    });
    world.node.wait_for_streams(1);
    world.node.set_chain_meta_height(std::nullopt);
    for (std::uint64_t height = 20; !has_ended; ++height) {
        world.push(height);
        std::this_thread::sleep_for(1ms);  // so that not too many blocks are made
    }
    reader.join();
    REQUIRE(*block);
    CHECK((*block)->height >= 20);
    CHECK((*block)->height <= world.node.tip());
}

TEST_CASE("node: in recorded blocks every action has its receipt") {
    World world;
    const auto infos = split_field_1(to_bytes(as_bytes(read_data("node/GetRawBlocks.bin"))));
    for (std::uint64_t height = 4; height <= 7; ++height)
        world.node.push_block(height, infos[height - 4]);
    std::size_t receipts = 0;
    for (std::uint64_t height = 4; height <= 7; ++height) {
        const auto block = world.next(height);
        REQUIRE(block);
        CHECK(block->height == height);
        CHECK(block->unmatched_actions == 0);
        CHECK(block->unhashable_actions == 0);
        receipts += block->receipts.size();
    }
    CHECK(receipts == 14);
}

TEST_CASE("node: receipts with other hashes raise an alarm") {
    World world;
    const auto action = recorded_pool().front();
    world.node.push_block(5, make_block_info(5, {action}, {{Bytes(32, 0x77)}}));
    const auto block = world.next(5);
    REQUIRE(block);
    CHECK(block->unmatched_actions == 1);
    CHECK(world.lines.count(LogLevel::error, "no receipt") == 1);
}

TEST_CASE("node: streamed blocks come one after the other, without separate requests") {
    World world(30s, 60s);
    world.push(5);
    REQUIRE(world.next(5));
    std::jthread reader([&] {
        for (std::uint64_t height = 6; height <= 30; ++height)
            (void)world.insist(height);
    });
    world.node.wait_for_streams(1);
    for (std::uint64_t height = 6; height <= 30; ++height)
        world.push(height);
    reader.join();
    CHECK(world.source->counters().fetched_blocks.value() <= 2);
    CHECK(world.source->counters().stream_ends.value() == 0);
}

TEST_CASE("node: height 0 returns the next new block") {
    World world(30s, 60s);
    world.push(5);
    std::optional<Result<ExecutedBlock>> block;
    std::jthread reader([&] { block = world.next(0); });
    world.node.wait_for_streams(1);
    world.push(6);
    reader.join();
    REQUIRE(*block);
    CHECK((*block)->height == 6);
}

TEST_CASE("node: a block that the stream does not announce is still found") {
    World world;
    world.push(5);
    std::optional<ExecutedBlock> block;
    std::jthread reader([&] { block = world.insist(0); });
    world.node.wait_for_streams(1);
    world.node.push_block_silently(6, make_block_info(6));
    world.node.push_block_silently(7, make_block_info(7));
    reader.join();
    CHECK(block->height == 6);
    CHECK(world.insist(7).height == 7);
}

TEST_CASE("node: the next new block stays the same while the stream ends again and again") {
    World world(30s, 60s);
    world.push(5);
    std::optional<ExecutedBlock> block;
    std::jthread reader([&] { block = world.insist(0); });
    world.node.wait_for_streams(1);
    world.node.push_block_silently(6, make_block_info(6));
    world.node.push_block_silently(7, make_block_info(7));
    world.node.end_streams();
    reader.join();
    CHECK(block->height == 6);
}

TEST_CASE("node: blocks missed by a lost stream are fetched, each once and in order") {
    World world;
    world.push(5);
    REQUIRE(world.next(5));
    for (std::uint64_t height = 6; height <= 60; ++height) {
        // The stream sends only some of the blocks, and ends now and then.
        if (height % 3 == 0) {
            world.push(height);
        } else {
            world.node.push_block_silently(height, make_block_info(height));
        }
        if (height % 10 == 0) world.node.end_streams();
    }
    for (std::uint64_t height = 6; height <= 60; ++height)
        CHECK(world.insist(height).height == height);
}

TEST_CASE("node: a repeated block is returned once") {
    World world(30s, 60s);
    world.push(5);
    REQUIRE(world.next(5));
    std::optional<ExecutedBlock> block;
    std::jthread reader([&] { block = world.insist(6); });
    world.node.wait_for_streams(1);
    for (int i = 0; i < 3; ++i)
        world.node.stream(make_stream_block(make_block_info(5), 5));
    world.push(6);
    reader.join();
    CHECK(block->height == 6);
    CHECK(world.source->counters().repeated_blocks.value() == 3);
}

TEST_CASE("node: skipped heights are fetched before the announced one") {
    World world(30s, 60s);
    world.push(5);
    REQUIRE(world.next(5));
    std::vector<std::uint64_t> heights;
    std::jthread reader([&] {
        for (std::uint64_t height = 6; height <= 9; ++height)
            heights.push_back(world.insist(height).height);
    });
    world.node.wait_for_streams(1);
    for (std::uint64_t height = 6; height <= 8; ++height)
        world.node.push_block_silently(height, make_block_info(height));
    world.push(9);
    reader.join();
    CHECK(heights == std::vector<std::uint64_t>{6, 7, 8, 9});
}

TEST_CASE("node: a stream that sends nonsense is an error, and the true block is fetched") {
    for (const Bytes& lie : {Bytes{0xff, 0xff, 0xff}, make_stream_block(make_block_info(6), 7),
                             make_stream_block(make_block_info(1'000'000'000), 1'000'000'000),
                             make_stream_block(make_block_info(6, {}, {{Bytes(31, 1)}}), 6), Bytes{}}) {
        World world(30s, 60s);
        world.push(5);
        REQUIRE(world.next(5));
        std::optional<Result<ExecutedBlock>> block;
        std::jthread reader([&] { block = world.next(6); });
        world.node.wait_for_streams(1);
        world.node.stream(lie);
        reader.join();
        REQUIRE_FALSE(*block);
        CHECK(block->error().code == ErrorCode::bad_data);
        world.push(6);
        CHECK(world.insist(6).height == 6);
    }
}

TEST_CASE("node: a stream that goes quiet while the chain continues is replaced") {
    World world;
    world.push(5);
    REQUIRE(world.next(5));
    std::optional<ExecutedBlock> block;
    std::jthread reader([&] { block = world.insist(6); });
    world.node.wait_for_streams(1);
    world.node.push_block_silently(6, make_block_info(6));
    reader.join();
    CHECK(block->height == 6);
    CHECK(world.source->counters().stream_ends.value() == 1);
}

TEST_CASE("node: cut, garbage, huge and refused blocks are errors, and the reader recovers") {
    World world(60s);
    world.push(5);
    for (const FakeNode::Grpc mode : {FakeNode::Grpc::half, FakeNode::Grpc::garbage, FakeNode::Grpc::refuse,
                                      FakeNode::Grpc::empty, FakeNode::Grpc::huge}) {
        world.node.set_grpc(mode);
        const auto block = world.next(5);
        REQUIRE_FALSE(block);
        CHECK((block.error().code == ErrorCode::bad_data || block.error().code == ErrorCode::unavailable));
    }
    world.node.set_grpc(FakeNode::Grpc::normal);
    CHECK(world.insist(5).height == 5);
}

TEST_CASE("node: reads fail while a node is away, and afterwards no block is missing [defect-23]",
          "[defect-23]") {
    World world(2s);
    world.node.set_pool(recorded_pool());
    world.push(5);
    REQUIRE(world.next(5));
    REQUIRE(world.source->pool().pending());
    world.node.stop_grpc();
    CHECK_FALSE(world.source->pool().tip());
    CHECK_FALSE(world.source->pool().pending());
    CHECK_FALSE(world.next(6));
    for (std::uint64_t height = 6; height <= 9; ++height)
        world.node.push_block_silently(height, make_block_info(height));
    world.node.start_grpc();
    for (std::uint64_t height = 6; height <= 9; ++height)
        CHECK(world.insist(height).height == height);
    while (!world.source->pool().tip()) {
    }
    CHECK(world.source->pool().tip()->height == 9);
    CHECK(world.source->pool().pending());
}

TEST_CASE("node: a gRPC API that answers JSON is reported with the version to upgrade to, and web3 continues") {
    for (const FakeNode::Grpc mode : {FakeNode::Grpc::json_request, FakeNode::Grpc::json_answer}) {
        World world;
        world.push(5);
        world.node.set_account(kPlain, U256(7), 1);
        world.node.set_grpc(mode);
        const auto pending = world.source->pool().pending();
        REQUIRE_FALSE(pending);
        CHECK(pending.error().code == ErrorCode::bad_data);
        CHECK(pending.error().why.find("JSON") != std::string::npos);
        CHECK(pending.error().hint.find("v2.3.8 or later") != std::string::npos);
        CHECK(world.source->speaks_json());
        CHECK(world.lines.count(LogLevel::error, "v2.3.8 or later") == 1);

        const auto tip = world.source->pool().tip();
        REQUIRE(tip);
        CHECK(tip->height == 5);
        CHECK(tip->base_fee_rau == U256(1'000'000'000'000));
        CHECK(world.account(kPlain, 5));
        const auto block = world.next(5);
        REQUIRE(block);
        CHECK((block->height == 5 && block->receipts.size() == 1));
        std::optional<ExecutedBlock> later;
        std::jthread reader([&] { later = world.insist(6); });
        world.push(6);
        reader.join();
        CHECK(later->height == 6);
        CHECK_FALSE(world.source->pool().pending());
        CHECK(world.lines.count(LogLevel::error, "v2.3.8 or later") == 1);

        world.node.set_grpc(FakeNode::Grpc::normal);  // the node was replaced by one whose API is protobuf
        CHECK(world.source->pool().pending());
        CHECK_FALSE(world.source->speaks_json());
        world.push(7);
        CHECK(world.insist(7).height == 7);
    }
}

TEST_CASE("node: a JSON API is reported by the reader that meets it first") {
    World world;
    world.push(5);
    world.node.set_grpc(FakeNode::Grpc::json_request);
    SECTION("the reader of blocks") {
        CHECK(world.insist(5).height == 5);
    }
    SECTION("the reader of blocks by its stream alone") {
        std::atomic<bool> done{false};
        std::jthread reader([&] {
            (void)world.insist(0);
            done = true;
        });
        // Which of these blocks is returned depends on when the reader asks.
        for (std::uint64_t height = 6; !done; ++height) {
            world.push(height);
            std::this_thread::yield();
        }
    }
    SECTION("the reader of the tip") {
        CHECK(world.source->pool().tip());
    }
    CHECK(world.source->speaks_json());
    CHECK(world.lines.count(LogLevel::error, "v2.3.8 or later") == 1);
}

TEST_CASE("node: a stop request ends a read that waits, and closing the source ends an open stream") {
    auto world = std::make_unique<World>(60s, 60s);
    world->push(5);
    std::optional<Result<ExecutedBlock>> block;
    std::jthread reader([&] { block = world->next(6); });
    world->node.wait_for_streams(1);
    world->stop.request_stop();
    reader.join();
    REQUIRE_FALSE(*block);
    CHECK(block->error().code == ErrorCode::cancelled);

    world->node.set_grpc("GetChainMeta", FakeNode::Grpc::stall);
    const std::size_t before = world->node.calls("GetChainMeta");
    world->stop = {};
    std::jthread caller([&] { block = world->next(6); });
    while (world->node.calls("GetChainMeta") == before)
        std::this_thread::yield();
    world->stop.request_stop();
    caller.join();
    CHECK(block->error().code == ErrorCode::cancelled);
    world->source.reset();
}
