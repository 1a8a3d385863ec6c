// SPDX-License-Identifier: Apache-2.0
// Decodes a node's messages. test/data/node/ORIGIN says how they were recorded.
#include "proto/node/wire.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "core/base/wire.hpp"
#include "core/net/json_rpc.hpp"
#include "proto/node/web3.hpp"
#include "test/support/fake_node.hpp"
#include "test/support/test_data.hpp"

#include <nlohmann/json.hpp>

using namespace ioswarm;
using namespace ioswarm::proto;
using namespace ioswarm::test;

namespace {

const ChainIds kIds{4689};

Bytes recording(const std::string& name) {
    return to_bytes(as_bytes(read_data("node/" + name)));
}

/// Native transfers of actions.json: their bytes and right hashes.
struct Vector {
    Bytes raw;
    Bytes hash;
};
std::vector<Vector> native_actions() {
    std::vector<Vector> out;
    const nlohmann::json json = nlohmann::json::parse(read_data("node/actions.json"));
    for (const nlohmann::json& vector : json["vectors"]) {
        if (vector["encoding"] == 0) out.push_back({hex(vector["action"]), hex(vector["hash"])});
    }
    REQUIRE(out.size() >= 3);
    return out;
}

bool is_bad_data(const Error& error) {
    return error.code == ErrorCode::bad_data && !error.which.empty();
}

}  // namespace

TEST_CASE("node wire: the recorded chain meta and pool are read") {
    const auto meta = read_chain_meta(recording("GetChainMeta.bin"));
    REQUIRE(meta);
    CHECK((meta->height == 4 && meta->chain_id == 1));

    const Bytes pool = recording("GetActPoolActions.bin");
    const auto actions = read_act_pool(pool);
    REQUIRE(actions);
    CHECK(actions->size() == 10);
    for (const BytesView raw : *actions) {
        const auto action = read_action(to_bytes(raw), kIds);
        REQUIRE(action);
        CHECK(action->hash);
    }
}

TEST_CASE("node wire: every action of the recorded blocks has a receipt under the hash computed here") {
    const auto blocks = read_raw_blocks(recording("GetRawBlocks.bin"), 4, 10, kIds);
    REQUIRE(blocks);
    REQUIRE(blocks->size() == 4);
    std::vector<std::size_t> receipts;
    for (const NodeBlock& block : *blocks) {
        CHECK(block.block.unmatched_actions == 0);
        CHECK(block.block.unhashable_actions == 0);
        CHECK(block.block.receipts.size() == block.actions);
        CHECK(block.block.base_fee_rau == U256(1'000'000'000'000));
        CHECK(block.block.delta_state_digest.size() == 32);
        receipts.push_back(block.block.receipts.size());
    }
    CHECK(receipts == std::vector<std::size_t>{1, 11, 1, 1});

    // According to manifest.json, these are the reverting call and the staking error.
    const auto status_of = [&](const char* hash) {
        const auto& all = (*blocks)[1].block.receipts;
        const auto found = std::find_if(all.begin(), all.end(), [&](const Receipt& receipt) {
            return receipt.action_hash == fixed<Hash256>(hash);
        });
        REQUIRE(found != all.end());
        return found->status;
    };
    CHECK(status_of("f6c7219eace76173f1c9955e1edc11107f693345dd07e5e778de9f45f77133d6") == 106);
    CHECK(status_of("394b23b2458396ca8b0aa4b4d5bd8fdef80e42c02722b4be13d5de87822a357b") == 205);
    CHECK(status_of("c18e71f954dbdd2754797a841bc711826f4b5e4570e7686e9bd4ec6e62387dcb") == kReceiptSuccess);
}

TEST_CASE("node wire: streamed blocks equal fetched ones") {
    const auto fetched = read_raw_blocks(recording("GetRawBlocks.bin"), 4, 4, kIds);
    REQUIRE(fetched);
    for (const std::uint64_t height : {5U, 6U, 7U}) {
        const auto streamed =
            read_stream_block(recording("StreamBlocks-" + std::to_string(height) + ".bin"), kIds);
        REQUIRE(streamed);
        const ExecutedBlock& other = (*fetched)[height - 4].block;
        CHECK(streamed->block.height == height);
        CHECK(streamed->block.time == other.time);
        CHECK(streamed->block.unmatched_actions == 0);
        CHECK(streamed->block.receipts.size() == other.receipts.size());
    }
}

TEST_CASE("node wire: web3 has the same receipts for a block, with a status of only success or failure") {
    const auto fetched = read_raw_blocks(recording("GetRawBlocks.bin"), 4, 4, kIds);
    REQUIRE(fetched);
    const ExecutedBlock& block = (*fetched)[1].block;
    for (const nlohmann::json& pair : nlohmann::json::parse(read_data("node/web3.json"))) {
        if (pair["note"] == "receipts of a block") {
            const auto receipts = read_web3_receipts(pair["response"]["result"].dump(), 5);
            REQUIRE(receipts);
            REQUIRE(receipts->size() == block.receipts.size());
            for (std::size_t i = 0; i < receipts->size(); ++i) {
                CHECK((*receipts)[i].action_hash == block.receipts[i].action_hash);
                CHECK((*receipts)[i].gas_consumed == block.receipts[i].gas_consumed);
                CHECK(((*receipts)[i].status == 1) == (block.receipts[i].status == 1));
            }
        }
        if (pair["note"] == "block, hashes only") {
            const auto tip = read_web3_block(pair["response"]["result"].dump());
            REQUIRE(tip);
            CHECK(tip->height == 5);
            CHECK(tip->base_fee_rau == block.base_fee_rau);
            CHECK(tip->time == std::chrono::floor<std::chrono::seconds>(block.time));
        }
    }
}

TEST_CASE("node wire: all requests over web3 work on a node without the gateway plugin") {
    const nlohmann::json pairs = nlohmann::json::parse(read_data("node/web3-without-gateway.json"));
    std::set<std::string> answered;
    for (const nlohmann::json& pair : pairs) {
        if (!pair["request"].is_object()) continue;
        const std::string method = pair["request"]["method"];
        const auto replies = read_rpc_batch("[" + pair["response"].dump() + "]", 1, 1);
        REQUIRE(replies[0]);
        if (replies[0]->kind == RpcReply::Kind::text) answered.insert(method);
        if (replies[0]->kind != RpcReply::Kind::json) continue;
        if (method == "eth_getBlockByNumber") {
            const auto block = read_web3_block(replies[0]->value);
            REQUIRE(block);
            CHECK(block->height == 5);
            answered.insert(method);
        }
        if (method == "eth_getBlockReceipts") {
            const auto receipts = read_web3_receipts(replies[0]->value, 5);
            REQUIRE(receipts);
            CHECK_FALSE(receipts->empty());
            answered.insert(method);
        }
    }
    for (const char* needed : {"eth_chainId", "eth_blockNumber", "eth_getBalance", "eth_getTransactionCount",
                               "eth_getCode", "eth_getBlockByNumber", "eth_getBlockReceipts"}) {
        INFO(needed);
        CHECK(answered.contains(needed));
    }
}

TEST_CASE("node wire: an action without a receipt is counted and named") {
    const auto actions = native_actions();
    Bytes wrong = actions[1].hash;
    wrong[0] = static_cast<std::uint8_t>(wrong[0] ^ 1U);
    const Bytes info = make_block_info(9, {actions[0].raw, actions[1].raw}, {{actions[0].hash}, {wrong}});
    const auto block = read_block_info(info, kIds);
    REQUIRE(block);
    CHECK(block->block.unmatched_actions == 1);
    CHECK(block->first_unmatched == to_hex(actions[1].hash));
    CHECK(block->block.unhashable_actions == 0);
    CHECK(block->block.receipts.size() == 2);
}

TEST_CASE("node wire: bytes that are not an action count as unhashable, and the block's others are compared") {
    const auto actions = native_actions();
    const Bytes info =
        make_block_info(9, {{0xff, 0xff}, actions[1].raw}, {{actions[0].hash}, {actions[1].hash}});
    const auto block = read_block_info(info, kIds);
    REQUIRE(block);
    CHECK(block->block.unmatched_actions == 0);
    CHECK(block->block.unhashable_actions == 1);
    CHECK_FALSE(block->first_unhashable.empty());
}

TEST_CASE("node wire: answers that contradict themselves or the request are bad data") {
    const auto actions = native_actions();
    const Bytes hash = actions[0].hash;
    const auto refused = [](const Bytes& info) {
        const auto block = read_block_info(info, kIds);
        return !block && is_bad_data(block.error());
    };
    CHECK(refused(make_block_info(9, {}, {{hash, 1, 8}})));         // a receipt with another height
    CHECK(refused(make_block_info(9, {}, {{hash}, {hash, 106}})));  // two receipts of the same action
    CHECK(refused(make_block_info(9, {}, {{Bytes(31, 1)}})));
    CHECK(refused(make_block_info(9, {}, {{{}}})));
    CHECK(refused({}));

    const Bytes info = make_block_info(9);
    CHECK(read_stream_block(make_stream_block(info, 9), kIds));
    CHECK_FALSE(read_stream_block(make_stream_block(info, 10), kIds));  // the identifier names another height

    Bytes response;
    wire::Writer(response).always_bytes(1, info);
    wire::Writer(response).always_bytes(1, make_block_info(11));
    CHECK_FALSE(read_raw_blocks(response, 9, 10, kIds));  // height 10 is missing
    CHECK_FALSE(read_raw_blocks(response, 8, 10, kIds));
    CHECK_FALSE(read_raw_blocks(response, 9, 1, kIds));  // more blocks than requested
    CHECK_FALSE(read_header_only(response, 9));
    Bytes one;
    wire::Writer(one).always_bytes(1, info);
    CHECK(read_header_only(one, 9));
    CHECK_FALSE(read_header_only(one, 10));
}

TEST_CASE("node wire: a recording cut anywhere is an error or a shorter answer, never a crash") {
    for (const char* name :
         {"GetRawBlocks.bin", "GetChainMeta.bin", "GetActPoolActions.bin", "StreamBlocks-5.bin"}) {
        const Bytes whole = recording(name);
        std::size_t refused = 0;
        for (std::size_t size = 0; size < whole.size(); ++size) {
            const BytesView part = BytesView(whole).first(size);
            const bool ok = read_raw_blocks(part, 4, 10, kIds).has_value();
            refused += ok ? 0 : 1;
            (void)read_chain_meta(part);
            (void)read_act_pool(part);
            (void)read_stream_block(part, kIds);
        }
        CHECK(refused > 0);
    }
}

TEST_CASE("node wire: lists, times and fees are limited") {
    Bytes crowd;
    for (int i = 0; i < 200'001; ++i)
        wire::Writer(crowd).always_bytes(1, {});
    CHECK_FALSE(read_act_pool(crowd));

    const auto with_core = [](std::uint32_t field, BytesView value) {
        Bytes core;
        wire::Writer(core).put_uint(2, 9);
        wire::Writer(core).put_bytes(field, value);
        Bytes header;
        wire::Writer(header).put_bytes(1, core);
        Bytes block;
        wire::Writer(block).put_bytes(1, header);
        Bytes info;
        wire::Writer(info).put_bytes(1, block);
        return read_block_info(info, kIds).has_value();
    };
    Bytes year_9999;
    wire::Writer(year_9999).put_uint(1, 253'370'764'800);
    Bytes negative;
    wire::Writer(negative).put_uint(1, ~std::uint64_t{0});
    Bytes nanos;
    wire::Writer(nanos).put_uint(2, 1'000'000'000);
    CHECK_FALSE(with_core(3, year_9999));
    CHECK_FALSE(with_core(3, negative));
    CHECK_FALSE(with_core(3, nanos));
    CHECK_FALSE(with_core(10, Bytes(33, 1)));
    CHECK(with_core(10, Bytes(32, 0xff)));
}

TEST_CASE("node wire: web3 blocks and receipts with unexpected fields are refused") {
    for (const char* text :
         {"", "null", "[]", "{}", R"({"number":5,"timestamp":"0x1"})", R"({"number":"5","timestamp":"0x1"})",
          R"({"number":"0x10000000000000000","timestamp":"0x1"})",
          R"({"number":"0x1","timestamp":"0xffffffffffffffff"})",
          R"({"number":"0x1","timestamp":"0x1","baseFeePerGas":7})"}) {
        INFO(text);
        CHECK_FALSE(read_web3_block(text));
    }
    const std::string hash = "0x" + std::string(64, 'a');
    const auto receipts = [&](const std::string& fields) {
        return read_web3_receipts("[{\"transactionHash\":\"" + hash + "\"," + fields + "}]", 5).has_value();
    };
    CHECK(receipts(R"("blockNumber":"0x5","status":"0x0","gasUsed":"0x1")"));
    CHECK_FALSE(receipts(R"("blockNumber":"0x6","status":"0x0","gasUsed":"0x1")"));
    CHECK_FALSE(receipts(R"("blockNumber":"0x5","status":1,"gasUsed":"0x1")"));
    CHECK_FALSE(receipts(R"("blockNumber":"0x5","status":"0x1","gasUsed":"0x1ffffffffffffffff")"));
    CHECK_FALSE(read_web3_receipts("[7]", 5));
    CHECK_FALSE(read_web3_receipts("{}", 5));
}
