// SPDX-License-Identifier: Apache-2.0
// Messages that other programs encoded: the vectors of test/data/wire (made by Go's encoder) and messages that
// a real node sent (test/data/node).
#include <catch2/catch.hpp>

#include <fstream>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "proto/codec/codec.hpp"
#include "proto/codec/schema.hpp"

namespace ioswarm::proto {
namespace {

nlohmann::json load(const std::string& name) {
    std::ifstream file(std::string(IOSWARM_TEST_DATA) + "/" + name);
    REQUIRE(file);
    return nlohmann::json::parse(file);
}

/// Calls visit.operator()<M>() for the message with that protobuf name.
template <typename Visit>
bool with_message(const std::string& name, Visit&& visit) {
#define IOSWARM_TRY(M) \
    if (name == Schema<M>::kName) return visit.template operator()<M>(), true;
    IOSWARM_EACH_MESSAGE(IOSWARM_TRY)
#undef IOSWARM_TRY
    return false;
}

/// Replaces empty lists and empty bytes by null. Our structs cannot tell them from absent ones, so both are
/// written as null.
std::string with_empty_as_null(std::string text) {
    for (const auto& [from, to] : {std::pair<std::string, std::string>{"\"tasks\":[]", "\"tasks\":null"},
                                   {"\"tx_raw\":\"\"", "\"tx_raw\":null"}}) {
        if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
    }
    return text;
}

template <typename M>
M read(Codec codec, BytesView payload) {
    auto message = decode<M>(codec, payload);
    if (!message) FAIL(message.error().text());
    return std::move(*message);
}

TEST_CASE("every vector of Go's encoder is read, and written again byte for byte") {
    const nlohmann::json vectors = load("wire/go-json.json");
    REQUIRE(vectors.size() == 25);
    std::set<std::string> seen;
    for (const auto& vector : vectors) {
        const std::string name = vector["message"];
        const std::string text = vector["text"];
        INFO(name << ", " << vector["case"]);
        REQUIRE(codec_of(as_bytes(text)) == Codec::json);
        REQUIRE(with_message(name, [&]<typename M>() {
            const M message = read<M>(Codec::json, as_bytes(text));
            CHECK(as_text(encode(Codec::json, message)) == with_empty_as_null(text));
            CHECK(read<M>(Codec::protobuf, encode(Codec::protobuf, message)) == message);
        }));
        seen.insert(name);
    }
    CHECK(seen.size() == 10);
}

TEST_CASE("the vectors have the values that they describe") {
    const auto text_of = [vectors = load("wire/go-json.json")](const std::string& name,
                                                               const std::string& kind) {
        for (const auto& vector : vectors) {
            if (vector["message"] == name && vector["case"] == kind) return vector["text"].get<std::string>();
        }
        return std::string();
    };
    const auto batch = read<TaskBatch>(Codec::json, as_bytes(text_of("TaskBatch", "levels 1 to 4")));
    REQUIRE(batch.tasks.size() == 4);
    CHECK(batch.timestamp == 18446744073709551615U);
    CHECK(batch.tasks[0].level == TaskLevel::l1_sig_verify);
    CHECK_FALSE(batch.tasks[0].sender);
    CHECK(batch.tasks[1].sender->balance == "100000000000000000000000");
    const TaskPackage& full = batch.tasks[2];
    CHECK(full.task_id == 4294967295U);
    CHECK(full.receiver->code_hash.size() == 32);
    CHECK(full.block_context->gas_limit == 30000000);
    CHECK(full.contract_code.at("0x00000000000000000000000000000000000000cc") == Bytes{0x01, 0x26, 0x4b});
    CHECK(full.storage_slots.at("0x00000000000000000000000000000000000000cc").empty());
    CHECK(full.storage_slots.at("0x236cbf52125e68db8fa88b893ccafb2ee542f2d9").size() == 2);
    CHECK(full.evm_tx->gas_price == "1000000000000");
    CHECK(batch.tasks[3].tx_raw.empty());
    CHECK(batch.tasks[3].evm_tx->to.empty());

    const auto result = read<BatchResult>(Codec::json, as_bytes(text_of("BatchResult", "full")));
    REQUIRE(result.results.size() == 3);
    CHECK(result.results[1].reject_reason == "nonce too low: tx=1 account=7");
    CHECK(result.results[2].latency_us == 9007199254740993U);
    CHECK(result.results[2].gas_used == 18446744073709551615U);
    CHECK(result.results[2].logs[0].topics == std::vector<std::string>{"0x01", "0x02"});
    CHECK(result.results[2].logs[1].data.empty());

    const auto heartbeat = read<HeartbeatRequest>(Codec::json, as_bytes(text_of("HeartbeatRequest", "full")));
    CHECK(heartbeat.cpu_usage == 0.245);
    CHECK(heartbeat.mem_usage == 1e-7);
    const auto escapes = read<RegisterRequest>(Codec::json, as_bytes(text_of("RegisterRequest", "escapes")));
    CHECK(escapes.agent_id == "a<b>&c\"\\\u2028\n\té");
    CHECK(escapes.region == "東京");
}

TEST_CASE("messages of a real node are read, and written again with the same meaning") {
    std::size_t tasks = 0;
    std::size_t diffs = 0;
    for (const char* name : {"node/agent-l3.json", "node/agent-l4.json"}) {
        const nlohmann::json recorded = load(name);
        for (const auto& sent : recorded["tasks"]) {
            const std::string text = sent.dump();
            const auto batch = read<TaskBatch>(Codec::json, as_bytes(text));
            CHECK(nlohmann::json::parse(encode(Codec::json, batch)) == sent);
            CHECK(read<TaskBatch>(Codec::protobuf, encode(Codec::protobuf, batch)) == batch);
            tasks += batch.tasks.size();
        }
        if (!recorded.contains("diffs")) continue;
        for (const auto& sent : recorded["diffs"]) {
            const std::string text = sent.dump();
            const auto diff = read<StateDiff>(Codec::json, as_bytes(text));
            CHECK(nlohmann::json::parse(encode(Codec::json, diff)) == sent);
            CHECK(read<StateDiff>(Codec::protobuf, encode(Codec::protobuf, diff)) == diff);
            ++diffs;
        }
    }
    CHECK(tasks >= 20);
    CHECK(diffs == 108);
}

}  // namespace
}  // namespace ioswarm::proto
