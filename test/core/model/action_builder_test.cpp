// SPDX-License-Identifier: Apache-2.0
#include "core/model/action_builder.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/crypto/address.hpp"
#include "core/crypto/keccak.hpp"
#include "core/crypto/rlp.hpp"
#include "test/support/chain_ids.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

/// The second of the well-known public test keys. It signed test/data/node/actions.json.
const PrivateKey kKey =
    PrivateKey::from(hex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")).value();
const Address kOther = parse_address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266").value();
const Address kContract = parse_address("0x5FbDB2315678afecb367f032d93F642f64180aa3").value();
const Bytes kPayload = {0xde, 0xad};

ActionDraft draft(std::uint64_t nonce, ActionBody body, EthTxType type = EthTxType::legacy) {
    ActionDraft out;
    out.nonce = nonce;
    out.gas_limit = 1'000'000;
    out.gas_price = 2'000'000'000'000;
    out.tx_type = type;
    out.body = std::move(body);
    return out;
}

ActionDraft with_list(ActionDraft out) {
    Hash256 first;
    first.bytes[31] = 2;
    Hash256 second;
    second.bytes[0] = 0xff;
    out.access_list = {{kContract, {first, second}}, {kOther, {}}};
    return out;
}

ActionDraft with_fees(ActionDraft out, std::uint64_t tip) {
    out.gas_tip_cap = tip;
    out.gas_fee_cap = 4'000'000'000'000;
    return out;
}

struct Named {
    const char* kind;
    ActionDraft draft;
};

/// The drafts of those of the file's vectors that the builder can make.
std::vector<Named> fixture_drafts() {
    const U256 big = u256_from_decimal("1200000000000000000000000").value();
    return {
        {"transfer", draft(1, TransferBody{7, kOther, {}})},
        {"transfer with payload", draft(2, TransferBody{7, kOther, to_bytes(as_bytes("payload"))})},
        {"transfer of nothing", draft(3, TransferBody{0, kOther, {}})},
        {"execution: creation", draft(4, ExecutionBody{0, {}, {0x60, 0x00}})},
        {"execution: call with value", draft(5, ExecutionBody{5, kOther, {1, 2, 3}})},
        {"execution, access list (type 1)",
         with_list(draft(6, ExecutionBody{5, kOther, {1, 2, 3}}, EthTxType::access_list))},
        {"execution, dynamic fee (type 2)",
         with_fees(with_list(draft(7, ExecutionBody{0, kOther, {9}}, EthTxType::dynamic_fee)), 1)},
        {"transfer, dynamic fee (type 2)",
         with_fees(draft(8, TransferBody{7, kOther, {}}, EthTxType::dynamic_fee), 3)},
        {"stakeCreate", draft(9, StakeCreateBody{"alice", big, 91, true, kPayload})},
        {"stakeAddDeposit", draft(10, StakeAddDepositBody{12, 500, {}})},
        {"stakeUnstake", draft(11, StakeUnstakeBody{13, kPayload})},
        {"stakeWithdraw", draft(12, StakeWithdrawBody{14, {}})},
        {"stakeRestake", draft(13, StakeRestakeBody{15, 7, false, kPayload})},
        {"stakeChangeCandidate", draft(14, StakeChangeCandidateBody{16, "bob", kPayload})},
        {"stakeTransferOwnership", draft(15, StakeTransferOwnershipBody{17, kOther, kPayload})},
        {"claimFromRewardingFund", draft(26, ClaimRewardBody{99, kPayload})},
        {"grantReward (system action)", draft(29, GrantRewardBody{false, 77})},
    };
}

PoolAction read(const Bytes& raw) {
    auto action = read_action(raw, kMainnet);
    REQUIRE(action);
    return *std::move(action);
}

}  // namespace

TEST_CASE("built actions equal those of the reference's package bit by bit, in every encoding") {
    const auto file = nlohmann::json::parse(read_data("node/actions.json"));
    std::size_t compared = 0;
    for (const Named& named : fixture_drafts()) {
        for (const auto& vector : file["vectors"]) {
            if (vector["kind"] != named.kind) continue;
            INFO(named.kind << ", encoding " << vector["encoding"]);
            const auto encoding = static_cast<ActionEncoding>(vector["encoding"].get<std::uint32_t>());
            const auto built = build_action(named.draft, encoding, kKey, kMainnet);
            REQUIRE(built);
            CHECK(to_hex(*built) == vector["action"].get<std::string>());
            ++compared;
        }
    }
    CHECK(compared == 14 * 3 + 3 * 2);
}

TEST_CASE("a signed Ethereum transaction is wrapped as the reference's package wraps it") {
    const auto file = nlohmann::json::parse(read_data("node/actions.json"));
    std::size_t compared = 0;
    for (const auto& vector : file["vectors"]) {
        if (vector["encoding"] != 128) continue;
        INFO(vector["kind"]);
        const auto built = wrap_in_container(hex(vector["eth_raw"].get<std::string>()), 1);
        REQUIRE(built);
        CHECK(to_hex(*built) == vector["action"].get<std::string>());
        ++compared;
    }
    CHECK(compared == 3);
    CHECK(wrap_in_container(Bytes{0xc0}, 1).error().code == ErrorCode::bad_data);
    CHECK(wrap_in_container(encode_signed(EthTx{}, Signature{}), 1).error().code ==
          ErrorCode::invalid_argument);
}

TEST_CASE("a container in the pool and its unpacked action in the block have the same hash") {
    std::vector<Named> drafts = fixture_drafts();
    drafts.push_back({"legacy creation", draft(1, ExecutionBody{1, {}, {0x60}})});
    for (const Named& named : drafts) {
        INFO(named.kind);
        const PoolAction in_pool =
            read(build_action(named.draft, ActionEncoding::container, kKey, kMainnet).value());
        const PoolAction in_block =
            read(build_action(named.draft, ActionEncoding::ethereum, kKey, kMainnet).value());
        REQUIRE(in_pool.hash);
        CHECK(in_pool.hash == in_block.hash);
        CHECK(in_pool.sender == kKey.address());
        CHECK(in_block.sender == kKey.address());
        CHECK(in_pool.nonce == in_block.nonce);
        CHECK(in_pool.receiver == in_block.receiver);
        CHECK(in_pool.evm_tx == in_block.evm_tx);
        // A transfer with payload looks like a call as long as a node does not know that its target has no
        // code.
        if (std::string(named.kind) != "transfer with payload") CHECK(in_pool.kind == in_block.kind);
    }
}

TEST_CASE("hash and signer of blob and set-code transactions are the same in their actions") {
    ActionDraft blob = with_fees(with_list(draft(3, ExecutionBody{5, kOther, {1}}, EthTxType::blob)), 2);
    blob.blob_fee_cap = 77;
    blob.blob_hashes = {keccak256({}), keccak256(as_bytes("a"))};
    ActionDraft set_code =
        with_fees(with_list(draft(4, ExecutionBody{5, kOther, {1}}, EthTxType::set_code)), 2);
    set_code.authorizations = {{4689, kContract, 9, 1, 11, 12}, {0, Address{}, 0, 0, 0, 0}};
    for (const ActionDraft& one : {blob, set_code}) {
        INFO(static_cast<int>(one.tx_type));
        EthTx tx;
        tx.type = one.tx_type;
        tx.chain_id = kMainnet.evm;
        tx.nonce = one.nonce;
        tx.gas_tip_cap = one.gas_tip_cap;
        tx.gas_fee_cap = one.gas_fee_cap;
        tx.gas_limit = one.gas_limit;
        tx.to = kOther;
        tx.value = 5;
        tx.data = {1};
        tx.access_list = one.access_list;
        tx.blob_fee_cap = one.blob_fee_cap;
        tx.blob_hashes = one.blob_hashes;
        tx.authorizations = one.authorizations;
        const Signature signature = kKey.sign(signing_hash(tx));
        const Hash256 hash = transaction_hash(tx, signature);

        const PoolAction unfolded = read(build_action(one, ActionEncoding::ethereum, kKey, kMainnet).value());
        const PoolAction container = read(wrap_in_container(encode_signed(tx, signature), 1).value());
        CHECK(unfolded.hash == hash);
        CHECK(container.hash == hash);
        CHECK(container.sender == kKey.address());
        CHECK(container.evm_tx == unfolded.evm_tx);
        CHECK(unfolded.evm_tx->gas_price == to_decimal(one.gas_fee_cap));
        CHECK(read(build_action(one, ActionEncoding::container, kKey, kMainnet).value()).raw == container.raw);
        // The native form signs its own core.
        CHECK(read(build_action(one, ActionEncoding::native, kKey, kMainnet).value()).hash != hash);
    }
}

TEST_CASE("blob and set-code transactions equal those of go-ethereum bit by bit") {
    const auto file = nlohmann::json::parse(read_data("node/actions-made-up.json"));
    Hash256 slot;
    slot.bytes[31] = 2;
    const auto common = [&](std::uint64_t nonce, EthTxType type) {
        ActionDraft out = with_fees(draft(nonce, ExecutionBody{5, kOther, {1}}, type), 2);
        out.access_list = {{kContract, {slot}}};
        return out;
    };
    ActionDraft blob = common(3, EthTxType::blob);
    blob.blob_fee_cap = 77;
    blob.blob_hashes = {fixed<Hash256>("0100000000000000000000000000000000000000000000000000000000000011")};
    CHECK(to_hex(build_action(blob, ActionEncoding::native, kKey, kMainnet).value()) ==
          file["vectors"][0]["action"].get<std::string>());
    CHECK(to_hex(build_action(blob, ActionEncoding::ethereum, kKey, kMainnet).value()) ==
          file["vectors"][1]["action"].get<std::string>());

    ActionDraft set_code = common(4, EthTxType::set_code);
    const auto word = [](const char* text) { return u256_from_big_endian(hex(text)).value(); };
    set_code.authorizations = {
        {4689, kContract, 9, 0, word("191885fdc4344be4d402cc0eb468536a1aee9c5107b05bfbe58c522cec17ef5c"),
         word("51f19fb65b1a2ef0e2493168f2e301b6d6727336d08c4ece89c73b0c04ecd256")},
        {0, kOther, 0, 0, 0, 0}};
    const Bytes raw = hex(file["set_code"]["eth_raw"].get<std::string>());
    const Bytes container = build_action(set_code, ActionEncoding::container, kKey, kMainnet).value();
    CHECK(to_hex(container) == to_hex(wrap_in_container(raw, 1).value()));
    CHECK(to_hex(read(container).hash->view()) == file["set_code"]["hash"].get<std::string>());
    CHECK(read(build_action(set_code, ActionEncoding::ethereum, kKey, kMainnet).value()).hash ==
          read(container).hash);
}

TEST_CASE("a container with a blob sidecar has the hash of the transaction without it") {
    EthTx tx;
    tx.type = EthTxType::blob;
    tx.chain_id = 4689;
    tx.to = kOther;
    tx.blob_hashes = {keccak256({})};
    const Signature signature = kKey.sign(signing_hash(tx));
    const Bytes bare = encode_signed(tx, signature);
    Bytes parts(bare.begin() + 1, bare.end());
    for (int i = 0; i < 3; ++i) {
        Bytes list;
        rlp::append_bytes(list, Bytes(48, 7));
        rlp::append_list(parts, list);
    }
    Bytes network = {3};
    rlp::append_list(network, parts);
    CHECK(read(wrap_in_container(network, 1).value()).hash == keccak256(bare));
}

TEST_CASE("an action that has no Ethereum form of its type is not built") {
    const auto code = [](const ActionDraft& one, ActionEncoding encoding) {
        return build_action(one, encoding, kKey, kMainnet).error().code;
    };
    const ActionDraft typed = draft(1, TransferBody{1, kOther, {}}, EthTxType::access_list);
    CHECK(code(typed, ActionEncoding::ethereum_unprotected) == ErrorCode::invalid_argument);
    CHECK(build_action(typed, ActionEncoding::native, kKey, kMainnet));
    for (const EthTxType type : {EthTxType::blob, EthTxType::set_code}) {
        CHECK(code(draft(1, ExecutionBody{0, {}, {1}}, type), ActionEncoding::ethereum) ==
              ErrorCode::invalid_argument);
    }
}

TEST_CASE("a staking call in a container is named by its method and has no EVM transaction") {
    const PoolAction stake = read(build_action(draft(1, StakeCreateBody{"alice", 5, 1, true, {}}),
                                               ActionEncoding::container, kKey, kMainnet)
                                      .value());
    CHECK(stake.kind == "stakeCreate");
    CHECK_FALSE(stake.evm_tx);
    CHECK_FALSE(stake.receiver);
    EthTx odd;
    odd.chain_id = 4689;
    odd.to = parse_address("0x04C22AfaE6a03438b8FED74cb1Cf441168DF3F12").value();
    odd.data = {1, 2};
    const PoolAction unknown =
        read(wrap_in_container(encode_signed(odd, kKey.sign(signing_hash(odd))), 1).value());
    CHECK(unknown.kind == "unknown");
    CHECK_FALSE(unknown.evm_tx);
}
