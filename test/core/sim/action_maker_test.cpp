// SPDX-License-Identifier: Apache-2.0
#include "core/sim/action_maker.hpp"

#include <fstream>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/crypto/address.hpp"
#include "core/crypto/keccak.hpp"
#include "core/model/action_builder.hpp"
#include "core/sim/contract_code.hpp"

using namespace ioswarm;
using namespace ioswarm::sim;

TEST_CASE("a candidate's registration has the same bytes as that of the reference") {
    // test/data/node/actions.json; signed with anvil's second public key.
    const auto key =
        PrivateKey::from(from_hex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d").value());
    REQUIRE(key);
    CandidateRegisterBody body;
    body.name = "carol";
    body.operator_address = key->address();
    body.reward_address = *parse_address("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    body.owner_address = key->address();
    body.amount = U256(1'200'000) * kRauPerIotx;
    body.payload = {0xde, 0xad};
    ActionDraft draft;
    draft.nonce = 17;
    draft.gas_limit = 1'000'000;
    draft.gas_price = U256(2'000'000'000'000);
    draft.body = body;

    std::ifstream file(std::string(IOSWARM_TEST_DATA) + "/node/actions.json");
    const auto vectors = nlohmann::json::parse(file)["vectors"];
    std::size_t found = 0;
    for (const auto& vector : vectors) {
        if (vector["kind"] != "candidateRegister") continue;
        ++found;
        const auto encoding = static_cast<ActionEncoding>(vector["encoding"].get<std::uint32_t>());
        const auto built = build_action(draft, encoding, *key, ChainIds{});
        REQUIRE(built);
        CHECK(to_hex(*built) == vector["action"].get<std::string>());
    }
    CHECK(found >= 3);
}

TEST_CASE("each account has its own key and address, which follow from the seed") {
    ChainSettings settings;
    settings.accounts = 20;
    const ActionMaker a(settings);
    const ActionMaker b(settings);
    settings.seed = 2;
    const ActionMaker c(settings);
    CHECK(a.addresses().size() == 20 + 1 + kGenesisContracts);
    CHECK(a.addresses() == b.addresses());
    std::set<Address> all(a.addresses().begin(), a.addresses().end());
    all.insert(c.addresses().begin(), c.addresses().end());
    CHECK(all.size() == 2 * a.addresses().size());
}

TEST_CASE("a contract's address is keccak256 of its creator and nonce as an RLP list, as in Ethereum") {
    ChainSettings settings;
    settings.accounts = 2;
    const ActionMaker maker(settings);
    const auto by_hand = [&](Bytes nonce) {
        Bytes list{static_cast<std::uint8_t>(0xc0 + 21 + nonce.size()), 0x80 + 20};
        const Address& creator = maker.addresses()[1];
        list.insert(list.end(), creator.bytes.begin(), creator.bytes.end());
        list.insert(list.end(), nonce.begin(), nonce.end());
        return to_bytes(keccak256(list).view().last(20));
    };
    CHECK(to_bytes(maker.created_address({0, 1, 0}).view()) == by_hand({0x80}));
    CHECK(to_bytes(maker.created_address({0, 1, 5}).view()) == by_hand({5}));
    CHECK(to_bytes(maker.created_address({0, 1, 300}).view()) == by_hand({0x82, 1, 44}));
}

TEST_CASE("a contract's init code returns its code") {
    // PUSH1 length, PUSH1 offset, PUSH1 0, CODECOPY: the two numbers must match the arrays' sizes.
    CHECK(kInitCode[1] == kFirstWord);
    CHECK(kInitCode[6] == kContractCode.size());
    CHECK(kInitCode[8] == kInitCode.size());
    CHECK(kInitCode[13] == kContractCode.size());
    CHECK(kContractCode[kContractCode[8]] == 0x5b);  // the jump target is the JUMPDEST
}
