// SPDX-License-Identifier: Apache-2.0
#include "contracts/abi.hpp"

#include <functional>
#include <map>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "contracts/revert.hpp"
#include "contracts/reward_pool.hpp"
#include "core/crypto/address.hpp"
#include "core/crypto/eth_tx.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::contracts;
using namespace ioswarm::test;
using nlohmann::json;

namespace {

const json& abi_vectors() {
    static const json kVectors = json::parse(read_data("ethereum/abi.json"));
    return kVectors;
}

Address address_of_text(const json& text) {
    return parse_address(text.get<std::string>()).value();
}

std::vector<Address> address_list(const json& list) {
    std::vector<Address> out;
    for (const auto& one : list)
        out.push_back(address_of_text(one));
    return out;
}

U256 number(const json& value) {
    return u256_from_decimal(value.is_string() ? value.get<std::string>() : value.dump()).value();
}

std::vector<U256> numbers(const json& list) {
    std::vector<U256> out;
    for (const auto& one : list)
        out.push_back(number(one));
    return out;
}

std::vector<Hash256> word_list(const json& list) {
    std::vector<Hash256> out;
    for (const auto& one : list)
        out.push_back(fixed<Hash256>(one.get<std::string>()));
    return out;
}

/// Returns the call data that reward_pool.hpp makes for a test vector.
Bytes call_of(const std::string& function, const json& args) {
    using Make = std::function<Bytes(const json&)>;
    static const std::map<std::string, Make> kMakers{
        {"claim()", [](const json&) { return claim_call(); }},
        {"coordinator()", [](const json&) { return coordinator_call(); }},
        {"cumulativeRewardPerWeight()",
         [](const json&) { return abi::CallWriter("cumulativeRewardPerWeight()").finish(); }},
        {"totalWeight()", [](const json&) { return total_weight_call(); }},
        {"lastEpoch()", [](const json&) { return last_epoch_call(); }},
        {"pendingCoordinator()", [](const json&) { return pending_coordinator_call(); }},
        {"acceptCoordinator()", [](const json&) { return accept_coordinator_call(); }},
        {"claimFor(address)", [](const json& a) { return claim_for_call(address_of_text(a[0])); }},
        {"claimable(address)", [](const json& a) { return claimable_call(address_of_text(a[0])); }},
        {"setCoordinator(address)", [](const json& a) { return set_coordinator_call(address_of_text(a[0])); }},
        {"agents(address)", [](const json& a) { return agents_call(address_of_text(a[0])); }},
        {"batchClaimFor(address[])", [](const json& a) { return batch_claim_for_call(address_list(a[0])); }},
        {"depositAndSettle(address[],uint256[])",
         [](const json& a) { return deposit_and_settle_call(address_list(a[0]), numbers(a[1])); }},
        {"depositSettleAndClaim(address[],uint256[],address[])",
         [](const json& a) {
             return deposit_settle_and_claim_call(address_list(a[0]), numbers(a[1]), address_list(a[2]));
         }},
        {"epochState(uint64)",
         [](const json& a) { return epoch_state_call(static_cast<std::uint64_t>(number(a[0]))); }},
        {"settleEpoch(uint64,bytes32[])",
         [](const json& a) {
             return settle_epoch_call(static_cast<std::uint64_t>(number(a[0])), word_list(a[1]));
         }},
    };
    return kMakers.at(function)(args);
}

}  // namespace

TEST_CASE("every selector and every call of the vectors is encoded byte for byte", "[abi]") {
    for (const auto& row : abi_vectors()["selectors"]) {
        CAPTURE(row["signature"]);
        CHECK(to_hex0x(abi::selector(row["signature"].get<std::string>())) == row["selector"]);
    }
    REQUIRE(abi_vectors()["calls"].size() == 49);
    for (const auto& row : abi_vectors()["calls"]) {
        CAPTURE(row["contract"], row["function"], row["name"]);
        CHECK(to_hex0x(call_of(row["function"], row["args"])) == row["calldata"]);
    }
}

TEST_CASE("the argument lists of the vectors' calls are decoded", "[abi]") {
    std::size_t lists = 0;
    for (const auto& row : abi_vectors()["calls"]) {
        const Bytes data = hex(row["calldata"].get<std::string>());
        abi::Reader reader(BytesView(data).subspan(4));
        if (row["function"] != "depositSettleAndClaim(address[],uint256[],address[])") continue;
        CHECK(reader.addresses(100).value() == address_list(row["args"][0]));
        CHECK(reader.uints(100).value() == numbers(row["args"][1]));
        CHECK(reader.addresses(100).value() == address_list(row["args"][2]));
        ++lists;
    }
    CHECK(lists > 5);
}

TEST_CASE("an entry of settleEpoch is encoded in one word", "[abi]") {
    for (const auto& row : abi_vectors()["entries"]) {
        const PoolEntry entry{address_of_text(row["address"]), number(row["weight"]),
                              row["send_now"].get<bool>()};
        CHECK(to_hex0x(entry_word(entry).value().view()) == row["word"]);
    }
    const auto too_heavy = entry_word({Address{}, U256(1) << 88, false});
    REQUIRE_FALSE(too_heavy);
    CHECK(too_heavy.error().code == ErrorCode::invalid_argument);
}

TEST_CASE("return data of every type is decoded", "[abi]") {
    for (const auto& row : abi_vectors()["returns"]) {
        CAPTURE(row["type"]);
        const Bytes data = hex(row["data"].get<std::string>());
        const std::string type = row["type"];
        if (type == "address") {
            CHECK(read_pool_address(data).value() == address_of_text(row["value"]));
        } else if (type == "uint8") {
            CHECK(read_epoch_state(data).value() == EpochState::too_old);
        } else if (type == "uint64") {
            CHECK(abi::Reader(data).uint64().value() == number(row["value"]));
        } else if (type == "uint256") {
            CHECK(read_pool_uint(data).value() == number(row["value"]));
        } else {
            const PoolAgent agent = read_pool_agent(data).value();
            CHECK(std::vector<U256>{agent.weight, agent.reward_snapshot, agent.pending} ==
                  numbers(row["value"]));
        }
    }
}

TEST_CASE("revert data is decoded to a readable reason", "[abi]") {
    REQUIRE(abi_vectors()["reverts"].size() == 25);
    for (const auto& row : abi_vectors()["reverts"]) {
        const std::string kind = row["kind"];
        CAPTURE(kind);
        const std::string reason = revert_reason(hex(row["data"].get<std::string>()));
        if (row.contains("message")) {
            CHECK(reason == row["message"].get<std::string>());
        } else if (row.contains("args")) {
            std::string expected = kind.substr(0, kind.find('('));
            for (std::size_t i = 0; i < row["args"].size(); ++i)
                expected += (i == 0 ? "(" : ", ") + row["args"][i].get<std::string>();
            if (!row["args"].empty()) expected += ")";
            CHECK(reason == expected);
        } else if (kind == "empty") {
            CHECK(reason == "no reason given");
        } else if (kind == "unknown") {
            CHECK(reason == "unknown error 0xdeadbeef");
        } else {
            CHECK(reason == "a reason that cannot be read");
        }
    }
}

TEST_CASE("data with false sizes is refused before anything is allocated", "[abi]") {
    const auto word = [](const U256& value) { return to_bytes(to_word(value).view()); };
    const auto joined = [](std::initializer_list<Bytes> parts) {
        Bytes out;
        for (const Bytes& part : parts)
            out.insert(out.end(), part.begin(), part.end());
        return out;
    };
    const U256 huge = ~U256(0);
    for (const Bytes& data :
         {Bytes{}, Bytes(31), word(huge), joined({word(32)}), joined({word(32), word(huge)}),
          joined({word(32), word(2), word(1)}), joined({word(1), word(0)}), joined({word(64), word(0)}),
          joined({word(huge - 31), word(0)}), joined({word(32), word((U256(1) << 64) / 32 + 1), word(0)})}) {
        CAPTURE(to_hex(data));
        const auto list = abi::Reader(data).uints(1000);
        REQUIRE_FALSE(list);
        CHECK(list.error().code == ErrorCode::bad_data);
    }
    CHECK_FALSE(abi::Reader(joined({word(32), word(33), word(1)})).bytes(1000));
    CHECK_FALSE(abi::Reader(joined({word(32), word(32), word(1)})).bytes(31));
    CHECK(abi::Reader(joined({word(32), word(32), word(1)})).bytes(32).value().size() == 32);
    CHECK_FALSE(abi::Reader(joined({word(32), word(3), word(1), word(2), word(3)})).uints(2));
    CHECK(abi::Reader(joined({word(32), word(3), word(1), word(2), word(3)})).uints(3).value().size() == 3);
}

TEST_CASE("a word that is too large for its type is refused", "[abi]") {
    CHECK_FALSE(abi::Reader(to_word(256).view()).uint(8));
    CHECK(abi::Reader(to_word(255).view()).uint(8).value() == 255);
    CHECK_FALSE(abi::Reader(to_word(U256(1) << 64).view()).uint64());
    CHECK_FALSE(abi::Reader(to_word(U256(1) << 160).view()).address());
    CHECK_FALSE(read_epoch_state(to_word(3).view()));
    CHECK_FALSE(read_pool_uint({}));
}

TEST_CASE("the logs of real receipts are recognised and decoded", "[abi]") {
    const json vectors = json::parse(read_data("ethereum/events.json"));
    for (const auto& row : vectors["events"])
        CHECK(to_hex0x(abi::event_topic(row["event"].get<std::string>()).view()) == row["topic0"]);
    REQUIRE(vectors["logs"].size() == 10);
    for (const auto& row : vectors["logs"]) {
        CAPTURE(row["event"]);
        ChainLog log;
        log.topics = word_list(row["topics"]);
        log.data = hex(row["data"].get<std::string>());
        const auto event = read_pool_event(log);
        REQUIRE(event);
        const json& args = row["args"];
        if (args.contains("agent")) CHECK(event->wallet == address_of_text(args["agent"]));
        if (args.contains("weight")) CHECK(event->amount == number(args["weight"]));
        if (args.contains("amount")) CHECK(event->amount == number(args["amount"]));
        if (args.contains("agentCount")) CHECK(event->count == number(args["agentCount"]));
        if (args.contains("totalWeight")) CHECK(event->total_weight == number(args["totalWeight"]));
        if (args.contains("epoch")) CHECK(event->epoch == number(args["epoch"]));
        if (args.contains("proposed")) CHECK(event->wallet == address_of_text(args["proposed"]));
        if (args.contains("previous")) CHECK(event->previous == address_of_text(args["previous"]));
        log.data.push_back(0);
        CHECK_FALSE(read_pool_event(log));
    }
    CHECK_FALSE(read_pool_event({}));
}

TEST_CASE("a contract's address follows from its creator and nonce", "[abi]") {
    const json vectors = json::parse(read_data("ethereum/events.json"));
    REQUIRE(vectors["create_addresses"].size() == 8);
    for (const auto& row : vectors["create_addresses"]) {
        CHECK(to_checksum_hex(contract_address(address_of_text(row["from"]),
                                               row["nonce"].get<std::uint64_t>())) == row["address"]);
    }
}

TEST_CASE("a pool's version is recognised by its code", "[abi]") {
    const Bytes v3{0x60, 0x00};
    CHECK(classify_pool_code({}, v3) == PoolCode::none);
    CHECK(classify_pool_code(v3, v3) == PoolCode::v3);
    CHECK(classify_pool_code(Bytes{1}, v3) == PoolCode::other);
    // The keccak256 hashes of the code at the public contracts' addresses: version 2 as the public agent
    // deploys it (with two damaged bytes), version 2 as compiled from its source, and version 1.
    const auto by_hash = [](const char* text) { return pool_code_of(fixed<Hash256>(text)); };
    CHECK(by_hash("cf4dd478e86455a122cecb754765bdde628f9f280309fdfe55f0e5d518e67890") == PoolCode::v2_damaged);
    CHECK(by_hash("623d678e0984fc3011105506ce1ae04c91e4ccf12b05f457985b28655f34fad9") == PoolCode::v2);
    CHECK(by_hash("e587771d99146a6652bfbb5babfec76abf8eef45d4ff158a7452442d63e2e404") == PoolCode::v1);
    CHECK(by_hash("e587771d99146a6652bfbb5babfec76abf8eef45d4ff158a7452442d63e2e405") == PoolCode::other);
}
