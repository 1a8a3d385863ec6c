// SPDX-License-Identifier: Apache-2.0
// A NodeSource beside a node that lies, stalls, dies, repeats itself and skips.
#include "proto/node_source.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "core/base/wire.hpp"
#include "core/crypto/keccak.hpp"
#include "test/support/fake_node.hpp"
#include "test/support/scripted_http.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::proto;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using Grpc = FakeNode::Grpc;
using Web3 = FakeNode::Web3;

namespace {

const Address kPlain = fixed<Address>("f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
const Address kContract = fixed<Address>("5fbdb2315678afecb367f032d93f642f64180aa3");
const Address kOther = fixed<Address>("70997970c51812dc3a010c7d01b50e0d17dc79c8");

/// What was logged.
struct Lines {
    std::mutex mutex;
    std::vector<std::pair<LogLevel, std::string>> all;

    Log log() {
        return Log(LogLevel::debug, [this](LogLevel level, std::string_view text) {
            const std::lock_guard lock(mutex);
            all.emplace_back(level, text);
        });
    }
    std::size_t count(LogLevel level, const std::string& part) {
        const std::lock_guard lock(mutex);
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& line) {
            return line.first == level && line.second.find(part) != std::string::npos;
        }));
    }
};

struct World {
    Lines lines;
    FakeNode node;
    std::unique_ptr<NodeSource> source;
    std::stop_source stop;

    explicit World(std::chrono::milliseconds call_timeout = 5s, std::chrono::milliseconds quiet_time = 100ms) {
        NodeSettings settings;
        settings.grpc = node.grpc();
        settings.web3 = node.web3();
        settings.call_timeout = call_timeout;
        settings.quiet_time = quiet_time;
        settings.first_backoff = 5ms;
        settings.max_backoff = 20ms;
        settings.web3_poll = 10ms;
        settings.settle_time = 50ms;
        source = std::move(*NodeSource::create(settings, lines.log()));
    }
    Result<ExecutedBlock> next(std::uint64_t height) { return source->blocks().next(height, stop.get_token()); }
    /// Asks again, as the coordinator does, until the block comes.
    ExecutedBlock insist(std::uint64_t height) {
        while (true) {
            auto block = next(height);
            if (block) return std::move(*block);
        }
    }
    void push(std::uint64_t height) { node.push_block(height, make_block_info(height)); }
    Result<AccountState> account(const Address& address, std::uint64_t height) {
        return source->state().accounts({&address, 1}, height).front();
    }
};

std::vector<Bytes> recorded_pool() {
    return split_field_1(to_bytes(as_bytes(read_data("node/GetActPoolActions.bin"))));
}

}  // namespace

TEST_CASE("node: a missing or malformed address says what it is for") {
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

TEST_CASE("node: the recorded pool is listed, each action once and as the same object again") {
    World world;
    auto pool = recorded_pool();
    pool.push_back(pool.front());  // the node repeats itself
    world.node.set_pool(pool);
    const auto first = world.source->pool().pending();
    REQUIRE(first);
    CHECK(first->size() == 10);
    const auto second = world.source->pool().pending();
    REQUIRE(second);
    CHECK(*first == *second);  // pointers
    for (std::size_t i = 0; i < first->size(); ++i)
        CHECK((*first)[i]->raw == pool[i]);
}

TEST_CASE("node: what is no action is left out, counted and logged once, the rest goes out [defect-22]",
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
    CHECK(world.source->counters().unreadable_actions == 1);
    CHECK(world.lines.count(LogLevel::warn, "left out") == 1);
}

TEST_CASE("node: an action of a kind yet to come goes out with its bytes, without a hash, named once") {
    World world;
    // Field 99 of the core is no kind that is known; encoding 1 is that of Ethereum.
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
    CHECK(world.source->counters().unhashable_actions == 1);
    world.node.push_block(5, make_block_info(5, {action}, {{Bytes(32, 0x77)}}));
    const auto block = world.next(5);
    REQUIRE(block);
    CHECK(block->unhashable_actions == 1);
    CHECK(block->unmatched_actions == 0);
    CHECK(world.lines.count(LogLevel::warn, "without comparison") == 1);
}

TEST_CASE("node: a pool over gRPC's usual 4 MiB is taken, one over 64 MiB refused") {
    World world(30s);
    // An unknown kind (field 200 of the core) with a payload of 6 MB passes as it is.
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

    world.node.set_grpc("GetActPoolActions", Grpc::huge);
    const auto refused = world.source->pool().pending();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::bad_data);
}

TEST_CASE("node: pool answers that are cut, garbage or refused are errors, and it recovers") {
    World world(60s);
    world.node.set_pool(recorded_pool());
    REQUIRE(world.source->pool().pending());
    for (const auto& [mode, code] :
         {std::pair{Grpc::half, ErrorCode::bad_data}, std::pair{Grpc::garbage, ErrorCode::bad_data},
          std::pair{Grpc::refuse, ErrorCode::unavailable}}) {
        world.node.set_grpc(mode);
        const auto pending = world.source->pool().pending();
        REQUIRE_FALSE(pending);
        CHECK(pending.error().code == code);
        CHECK_FALSE(world.source->pool().tip());
    }
    world.node.set_grpc(Grpc::normal);
    CHECK(world.source->pool().pending());
}

TEST_CASE("node: a node that says nothing is left at the time-out") {
    World world(300ms);
    world.push(5);
    REQUIRE(world.insist(5).height == 5);
    world.node.set_grpc(Grpc::stall);
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

TEST_CASE("node: a tip whose block cannot be had, or is another, is an error [defect-23]", "[defect-23]") {
    World world;
    world.push(5);
    world.node.set_chain_meta_height(9);  // a node that counts blocks it does not have
    const auto tip = world.source->pool().tip();
    REQUIRE_FALSE(tip);
    CHECK(tip.error().code == ErrorCode::bad_data);
    world.node.push_block_silently(9, make_block_info(8));
    CHECK_FALSE(world.source->pool().tip());
}

TEST_CASE("node: a height that the stream has not told of is the tip only after the settle time") {
    World world;
    world.push(5);
    REQUIRE(world.next(5));
    std::jthread reader([&] { (void)world.next(6); });
    world.node.wait_for_streams(1);
    world.push(6);
    reader.join();
    world.node.push_block_silently(7, make_block_info(7));  // stored, its state not yet
    auto tip = world.source->pool().tip();
    REQUIRE(tip);
    CHECK(tip->height == 6);
    while (tip && tip->height == 6)
        tip = world.source->pool().tip();
    REQUIRE(tip);
    CHECK(tip->height == 7);
}

TEST_CASE("node: accounts come in batches of at most 100, in order") {
    World world;
    world.push(5);
    std::vector<Address> addresses(250);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        addresses[i].bytes[18] = static_cast<std::uint8_t>(i / 256);
        addresses[i].bytes[19] = static_cast<std::uint8_t>(i % 256);
        world.node.set_account(addresses[i], U256(i) * 1'000'000'000, i);
    }
    const auto accounts = world.source->state().accounts(addresses, 5);
    REQUIRE(accounts.size() == 250);
    for (std::size_t i = 0; i < accounts.size(); ++i) {
        REQUIRE(accounts[i]);
        CHECK(accounts[i]->balance_rau == U256(i) * 1'000'000'000);
        CHECK(accounts[i]->nonce == i);
    }
    CHECK(world.node.largest_batch() == 100);
    CHECK(world.node.web3_posts() == 8);
}

TEST_CASE("node: a contract's code hash is keccak256 of its code, no code is none") {
    World world;
    world.push(5);
    const Bytes code{0x60, 0x80, 0x60, 0x40};
    world.node.set_account(kContract, U256(0), 1, code);
    world.node.set_account(kPlain, ~U256(0), ~std::uint64_t{0});
    const auto contract = world.account(kContract, 5);
    REQUIRE(contract);
    CHECK(contract->code_hash == keccak256(code));
    const auto plain = world.account(kPlain, 5);
    REQUIRE(plain);
    CHECK_FALSE(plain->code_hash);
    CHECK(plain->balance_rau == ~U256(0));
    CHECK(plain->nonce == ~std::uint64_t{0});
}

TEST_CASE("node: accounts read while the tip moved on are out_of_range, and right at the new height") {
    World world;
    world.push(5);
    world.node.set_account(kPlain, U256(1), 1);
    world.node.move_tip_after_calls(1);
    const auto moved = world.account(kPlain, 5);
    REQUIRE_FALSE(moved);
    CHECK(moved.error().code == ErrorCode::out_of_range);
    CHECK(world.source->counters().stale_reads == 1);
    CHECK(world.account(kPlain, 6));
    // v2.3.x answers an older height with the state of the tip, without a word.
    const auto older = world.account(kPlain, 5);
    REQUIRE_FALSE(older);
    CHECK(older.error().code == ErrorCode::out_of_range);
}

TEST_CASE("node: a node with a lower batch limit gets smaller batches") {
    World world;
    world.push(5);
    world.node.set_batch_limit(10);
    const std::vector<Address> addresses(50, kPlain);
    const auto accounts = world.source->state().accounts(addresses, 5);
    REQUIRE(accounts.size() == 50);
    for (const auto& account : accounts)
        CHECK(account);
    world.node.set_batch_limit(2);  // less than one address takes
    for (const auto& account : world.source->state().accounts(addresses, 5)) {
        REQUIRE_FALSE(account);
        CHECK(account.error().code == ErrorCode::bad_data);
    }
}

TEST_CASE("node: one address that cannot be read costs its own entry [defect-22]", "[defect-22]") {
    World world;
    world.push(5);
    world.node.fail_address(kOther, true);
    const std::vector<Address> asked{kPlain, kOther, kContract};
    const auto accounts = world.source->state().accounts(asked, 5);
    REQUIRE(accounts.size() == 3);
    CHECK(accounts[0]);
    REQUIRE_FALSE(accounts[1]);
    CHECK(accounts[1].error().code == ErrorCode::unavailable);
    CHECK(accounts[2]);
}

TEST_CASE("node: web3 that says nothing, or drips, is left at the time-out") {
    World world(300ms);
    world.push(5);
    for (const Web3 mode : {Web3::stall, Web3::drip}) {
        world.node.set_web3(mode);
        const auto account = world.account(kPlain, 5);
        REQUIRE_FALSE(account);
        CHECK(account.error().code == ErrorCode::timed_out);
    }
}

TEST_CASE("node: web3 answers of every bad kind fail the entries, and it recovers") {
    World world(60s);
    world.push(5);
    world.node.set_account(kPlain, U256(1), 1);
    for (const auto& [mode, code] :
         {std::pair{Web3::close, ErrorCode::unavailable}, std::pair{Web3::half, ErrorCode::unavailable},
          std::pair{Web3::garbage, ErrorCode::bad_data}, std::pair{Web3::huge, ErrorCode::bad_data},
          std::pair{Web3::http_429, ErrorCode::unavailable}, std::pair{Web3::http_500, ErrorCode::unavailable},
          std::pair{Web3::one_error, ErrorCode::unavailable},
          std::pair{Web3::missing_last, ErrorCode::bad_data}, std::pair{Web3::doubled, ErrorCode::bad_data},
          std::pair{Web3::wrong_ids, ErrorCode::bad_data}, std::pair{Web3::wrong_types, ErrorCode::bad_data}}) {
        INFO("mode " << static_cast<int>(mode));
        world.node.set_web3(mode);
        const auto account = world.account(kPlain, 5);
        REQUIRE_FALSE(account);
        CHECK(account.error().code == code);
    }
    world.node.set_web3(Web3::reversed);
    const auto account = world.account(kPlain, 5);
    REQUIRE(account);
    CHECK(account->nonce == 1);
    world.node.set_web3(Web3::normal);
    CHECK(world.account(kPlain, 5));
}

TEST_CASE("node: recorded blocks come with every action matched") {
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

TEST_CASE("node: receipts with other hashes are an alarm, not a silent miss") {
    World world;
    const auto action = recorded_pool().front();
    world.node.push_block(5, make_block_info(5, {action}, {{Bytes(32, 0x77)}}));
    const auto block = world.next(5);
    REQUIRE(block);
    CHECK(block->unmatched_actions == 1);
    CHECK(world.lines.count(LogLevel::error, "no receipt") == 1);
}

TEST_CASE("node: streamed blocks come one after the other, without asking for them") {
    World world(5s, 60s);
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
    CHECK(world.source->counters().fetched_blocks <= 2);
    CHECK(world.source->counters().stream_ends == 0);
}

TEST_CASE("node: height 0 is the next block to come") {
    World world(5s, 60s);
    world.push(5);
    std::optional<Result<ExecutedBlock>> block;
    std::jthread reader([&] { block = world.next(0); });
    world.node.wait_for_streams(1);
    world.push(6);
    reader.join();
    REQUIRE(*block);
    CHECK((*block)->height == 6);
}

TEST_CASE("node: what a lost stream missed is fetched, each block once and in order") {
    World world;
    world.push(5);
    REQUIRE(world.next(5));
    for (std::uint64_t height = 6; height <= 60; ++height) {
        // Some are told, some are not, and the stream dies on the way.
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

TEST_CASE("node: repeated blocks are taken once") {
    World world(5s, 60s);
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
    CHECK(world.source->counters().repeated_blocks == 3);
}

TEST_CASE("node: skipped heights are fetched before the one that was told") {
    World world(5s, 60s);
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

TEST_CASE("node: a stream that tells nonsense is an error, and the true block is fetched") {
    for (const Bytes& lie : {Bytes{0xff, 0xff, 0xff}, make_stream_block(make_block_info(6), 7),
                             make_stream_block(make_block_info(1'000'000'000), 1'000'000'000),
                             make_stream_block(make_block_info(6, {}, {{Bytes(31, 1)}}), 6), Bytes{}}) {
        World world(5s, 60s);
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

TEST_CASE("node: a stream that goes quiet while the chain goes on is replaced") {
    World world;
    world.push(5);
    REQUIRE(world.next(5));
    std::optional<ExecutedBlock> block;
    std::jthread reader([&] { block = world.insist(6); });
    world.node.wait_for_streams(1);
    world.node.push_block_silently(6, make_block_info(6));
    reader.join();
    CHECK(block->height == 6);
    CHECK(world.source->counters().stream_ends == 1);
}

TEST_CASE("node: blocks whose answer is cut, garbage, huge or refused are errors, and it recovers") {
    World world(60s);
    world.push(5);
    for (const Grpc mode : {Grpc::half, Grpc::garbage, Grpc::refuse, Grpc::empty, Grpc::huge}) {
        world.node.set_grpc(mode);
        const auto block = world.next(5);
        REQUIRE_FALSE(block);
        CHECK((block.error().code == ErrorCode::bad_data || block.error().code == ErrorCode::unavailable));
    }
    world.node.set_grpc(Grpc::normal);
    CHECK(world.insist(5).height == 5);
}

TEST_CASE(
    "node: a node that goes away and comes back: errors meanwhile, nothing missing afterwards [defect-23]",
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

TEST_CASE("node: a gRPC API that answers JSON is named, with the version to move to, and web3 goes on") {
    for (const Grpc mode : {Grpc::json_request, Grpc::json_answer}) {
        World world;
        world.push(5);
        world.node.set_account(kPlain, U256(7), 1);
        world.node.set_grpc(mode);
        const auto pending = world.source->pool().pending();
        REQUIRE_FALSE(pending);
        CHECK(pending.error().code == ErrorCode::bad_data);
        CHECK(pending.error().why.find("JSON") != std::string::npos);
        CHECK(pending.error().hint.find("v2.3.8 or later") != std::string::npos);
        CHECK(world.source->counters().json_api);
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

        world.node.set_grpc(Grpc::normal);  // the node was replaced
        CHECK(world.source->pool().pending());
        CHECK_FALSE(world.source->counters().json_api);
        world.push(7);
        CHECK(world.insist(7).height == 7);
    }
}

TEST_CASE("node: a JSON API is noticed by whoever speaks to it first") {
    World world;
    world.push(5);
    world.node.set_grpc(Grpc::json_request);
    SECTION("the reader of blocks") {
        CHECK(world.insist(5).height == 5);
    }
    SECTION("the reader of blocks, by the stream alone") {
        std::atomic<bool> done{false};
        std::jthread reader([&] {
            (void)world.insist(0);
            done = true;
        });
        // Which of them is the next to come depends on when the reader looks.
        for (std::uint64_t height = 6; !done; ++height) {
            world.push(height);
            std::this_thread::yield();
        }
    }
    SECTION("the reader of the tip") {
        CHECK(world.source->pool().tip());
    }
    CHECK(world.source->counters().json_api);
    CHECK(world.lines.count(LogLevel::error, "v2.3.8 or later") == 1);
}

TEST_CASE("node: a peer that is no gRPC server at all is an error") {
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

TEST_CASE("node: without web3 the pool is an error until the chain id is known, and not asked for again") {
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

TEST_CASE("node: a stop request ends a read that waits, and closing the source a stream that is open") {
    auto world = std::make_unique<World>(60s, 60s);
    world->push(5);
    std::optional<Result<ExecutedBlock>> block;
    std::jthread reader([&] { block = world->next(6); });
    world->node.wait_for_streams(1);
    world->stop.request_stop();
    reader.join();
    REQUIRE_FALSE(*block);
    CHECK(block->error().code == ErrorCode::cancelled);

    world->node.set_grpc("GetChainMeta", Grpc::stall);
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
