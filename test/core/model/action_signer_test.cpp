// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/model/action.hpp"
#include "core/model/action_parts.hpp"
#include "test/support/chain_ids.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using nlohmann::json;

TEST_CASE("the signer of every vector is the sender that the vector names") {
    const auto vectors = json::parse(read_data("node/actions.json"))["vectors"];
    REQUIRE(vectors.size() == 85);
    for (const auto& vector : vectors) {
        INFO(vector["kind"] << ", encoding " << vector["encoding"]);
        const auto raw = from_hex(vector["action"].get<std::string>()).value();
        const auto signer = signer_of(raw, kMainnet);
        REQUIRE(signer);
        CHECK(to_hex0x(signer->view()) == vector["sender"].get<std::string>());
    }
}

TEST_CASE("a changed action has another signer or none") {
    const auto vectors = json::parse(read_data("node/actions.json"))["vectors"];
    int changed = 0;
    for (const auto& vector : vectors) {
        auto raw = from_hex(vector["action"].get<std::string>()).value();
        const auto sender = fixed_from_hex<Address>(vector["sender"].get<std::string>());
        const auto parts = take_apart(raw);
        REQUIRE(parts);
        // Containers carry their signature inside; the outer field is ignored.
        if (vector["encoding"] == 128) continue;
        const auto at = static_cast<std::size_t>(parts->signature.data() - raw.data());
        raw[at + 40] ^= 1;
        const auto signer = signer_of(raw, kMainnet);
        CHECK((!signer || *signer != sender));
        raw[at + 40] ^= 1;
        raw[at + 64] = 9;
        CHECK(signer_of(raw, kMainnet).error().code == ErrorCode::bad_data);
        ++changed;
    }
    CHECK(changed > 50);
}

TEST_CASE("a signature of an Ethereum encoding is valid for one chain") {
    const auto vectors = json::parse(read_data("node/actions.json"))["vectors"];
    for (const auto& vector : vectors) {
        if (vector["encoding"] != 1) continue;
        const auto raw = from_hex(vector["action"].get<std::string>()).value();
        const auto signer = signer_of(raw, ChainIds{4690});
        CHECK((!signer || to_hex0x(signer->view()) != vector["sender"].get<std::string>()));
    }
}

TEST_CASE("an action that cannot be rebuilt gives another error than a malformed one") {
    CHECK(signer_of(Bytes{}, kMainnet).error().code == ErrorCode::bad_data);
    CHECK(signer_of(Bytes{0x0a}, kMainnet).error().code == ErrorCode::bad_data);
    // core {nonce 1, kind 60 {}}, key, signature, encoding 1
    Bytes unknown{0x0a, 0x05, 0x10, 0x01, 0xe2, 0x03, 0x00, 0x12, 0x41};
    unknown.insert(unknown.end(), 65, 4);
    unknown.insert(unknown.end(), {0x1a, 0x41});
    unknown.insert(unknown.end(), 64, 1);
    unknown.insert(unknown.end(), {27, 0x20, 0x01});
    CHECK(signer_of(unknown, kMainnet).error().code == ErrorCode::failed_precondition);
}
