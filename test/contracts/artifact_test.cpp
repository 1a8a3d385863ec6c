// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "contracts/artifact.hpp"
#include "core/crypto/keccak.hpp"
#include "core/crypto/sha256.hpp"
#include "test/support/test_data.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using nlohmann::json;

namespace {

/// Reads a file of contracts/, relative to the test data in the source tree.
std::string contract_file(const std::string& name) {
    const std::string path = std::string(IOSWARM_TEST_DATA) + "/../../contracts/" + name;
    REQUIRE(std::filesystem::exists(path));
    return ioswarm::test::whole_file(path);
}

json without_internal_types(json abi) {
    for (json& entry : abi) {
        for (const char* list : {"inputs", "outputs"}) {
            if (!entry.contains(list)) continue;
            for (json& parameter : entry[list])
                parameter.erase("internalType");
        }
    }
    return abi;
}

/// Returns the entries of an ABI, ignoring their order.
std::set<std::string> entries(const json& abi) {
    std::set<std::string> out;
    for (const json& entry : without_internal_types(abi))
        out.insert(entry.dump());
    return out;
}

/// For example "settleEpoch(uint64,bytes32[])".
std::string signature(const json& entry) {
    std::string out = entry.at("name").get<std::string>() + "(";
    for (const json& input : entry.at("inputs"))
        out += (out.back() == '(' ? "" : ",") + input.at("type").get<std::string>();
    return out + ")";
}

}  // namespace

TEST_CASE("the program contains the contract of the committed artifact") {
    const json artifact = json::parse(contract_file("AgentRewardPool.json"));
    CHECK(to_hex0x(reward_pool_creation_code()) == artifact.at("bytecode"));
    CHECK(to_hex0x(reward_pool_code()) == artifact.at("deployedBytecode"));
    CHECK(json::parse(reward_pool_abi()) == artifact.at("abi"));
    CHECK(reward_pool_code_hash() == keccak256(hex(artifact.at("deployedBytecode"))));
}

TEST_CASE("the artifact names the source that it was compiled from") {
    const json artifact = json::parse(contract_file("AgentRewardPool.json"));
    const std::string source = contract_file("solidity/AgentRewardPool.sol");
    CHECK(artifact.at("sourceSha256") == to_hex(Sha256().update(as_bytes(source)).finish().view()));
}

TEST_CASE("the contract has exactly the interface of version 3") {
    CHECK(entries(json::parse(reward_pool_abi())) ==
          entries(json::parse(read_data("ethereum/AgentRewardPoolV3.abi.json"))));
}

TEST_CASE("every function and event of version 2 is in version 3") {
    std::set<std::string> in_v3;
    for (const json& entry : json::parse(reward_pool_abi())) {
        if (entry.contains("name")) in_v3.insert(entry.at("type").get<std::string>() + " " + signature(entry));
    }
    for (const json& entry : json::parse(read_data("ethereum/AgentRewardPool.v2.abi.json"))) {
        if (!entry.contains("name")) continue;
        INFO(signature(entry));
        CHECK(in_v3.count(entry.at("type").get<std::string>() + " " + signature(entry)) == 1);
    }
}
