// SPDX-License-Identifier: Apache-2.0
#include "proto/node/evm.hpp"

#include "proto/node/evm_block.hpp"

#include <catch2/catch.hpp>

#include "test/support/fake_web3_state.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::proto;
using namespace ioswarm::test;
using evm::Word;
using Json = nlohmann::json;

namespace {

JsonRpcClient client_of(const FakeWeb3State& node) {
    return JsonRpcClient(HttpClient::create(node.url()).value());
}

const Address kPlainAccount = Word(0x11).to_address();
const Address kContractAccount = Word(0x22).to_address();
const Address kAbsent = Word(0x33).to_address();

void fill(FakeWeb3State& node) {
    node.accounts[to_hex0x(kPlainAccount.view())] = {U256(1'000), 7, {}, {}};
    node.accounts[to_hex0x(kContractAccount.view())] = {U256(0), 1, {0x60, 0x01}, {{"0x5", "0x99"}}};
}

/// A real node's recorded answer, chosen by its note in test/data/node/web3.json.
Json recorded(const std::string& note) {
    for (const Json& entry : Json::parse(read_data("node/web3.json"))) {
        if (entry["note"] == note) return entry["response"]["result"];
    }
    throw std::runtime_error("no recording " + note);
}

}  // namespace

TEST_CASE("all missing state is read in one batch at one height") {
    FakeWeb3State node;
    fill(node);
    JsonRpcClient web3 = client_of(node);
    Web3StateFetcher fetcher(web3, 100);
    evm::FetchedState state;
    REQUIRE(fetcher.fetch(
        {{kPlainAccount, kContractAccount, kAbsent}, {{kContractAccount, 5}, {kContractAccount, 6}}, {99}},
        state));
    CHECK(node.batches() == 1);
    const auto plain = state.account(kPlainAccount).value();
    CHECK(plain.exists);
    CHECK(plain.balance == Word{1'000});
    CHECK(plain.nonce == 7);
    CHECK(plain.code == nullptr);
    CHECK(state.account(kContractAccount)->code->size() == 2);
    CHECK_FALSE(state.account(kAbsent)->exists);
    CHECK(state.slot(kContractAccount, 5)->value == Word{0x99});
    CHECK(state.slot(kContractAccount, 5)->present);
    CHECK_FALSE(state.slot(kContractAccount, 6)->present);
    CHECK(state.block_hash(99)->bytes[0] == 99);
}

TEST_CASE("more than 100 requests are split, and their answers stay in order") {
    FakeWeb3State node;
    fill(node);
    JsonRpcClient web3 = client_of(node);
    Web3StateFetcher fetcher(web3, 100);
    evm::Missing missing;
    for (std::uint64_t key = 0; key < 250; ++key) {
        node.accounts[to_hex0x(kContractAccount.view())].slots[to_quantity(U256(key))] =
            to_quantity(U256(1'000 + key));
        missing.slots.push_back({kContractAccount, key});
    }
    evm::FetchedState state;
    REQUIRE(fetcher.fetch(missing, state));
    CHECK(node.batches() == 3);
    for (std::uint64_t key = 0; key < 250; ++key)
        REQUIRE(state.slot(kContractAccount, key)->value == Word{1'000 + key});
}

TEST_CASE("an endpoint that accepts only small batches, or none, is read as well") {
    FakeWeb3State node;
    fill(node);
    JsonRpcClient web3 = client_of(node);
    const auto limit = GENERATE(as<std::size_t>{}, 1, 2, 5);
    Web3Calls calls = Web3Calls::of(web3);
    calls.batch_limit = [limit] { return limit; };
    Web3StateFetcher fetcher(calls, 100);
    evm::FetchedState state;
    REQUIRE(fetcher.fetch({{kPlainAccount, kContractAccount}, {{kContractAccount, 5}}, {99}}, state));
    CHECK(state.account(kPlainAccount)->nonce == 7);
    CHECK(state.account(kContractAccount)->code->size() == 2);
    CHECK(state.slot(kContractAccount, 5)->value == Word{0x99});
    CHECK(state.block_hash(99)->bytes[0] == 99);
}

TEST_CASE("a tip that moved during the reads fails the fetch") {
    FakeWeb3State node;
    fill(node);
    node.tip = 101;
    JsonRpcClient web3 = client_of(node);
    Web3StateFetcher fetcher(web3, 100);
    evm::FetchedState state;
    const Status fetched = fetcher.fetch({{kPlainAccount}, {}, {}}, state);
    REQUIRE_FALSE(fetched);
    CHECK(fetched.error().code == ErrorCode::out_of_range);
}

TEST_CASE("a node that does not keep an old state is out of range") {
    FakeWeb3State node;
    fill(node);
    node.old = FakeWeb3State::Old::refused;
    JsonRpcClient web3 = client_of(node);
    Web3StateFetcher fetcher(web3, 50, Web3StateFetcher::Height::may_be_old);
    evm::FetchedState state;
    const Status fetched = fetcher.fetch({{kPlainAccount}, {}, {}}, state);
    REQUIRE_FALSE(fetched);
    CHECK(fetched.error().code == ErrorCode::out_of_range);
}

TEST_CASE("a real node's transaction is read as it was sent") {
    const auto read = read_web3_transaction(recorded("transaction").dump());
    REQUIRE(read);
    CHECK(to_hex0x(read->hash.view()) == "0xf6c7219eace76173f1c9955e1edc11107f693345dd07e5e778de9f45f77133d6");
    CHECK(to_hex0x(read->transaction.from.view()) == "0x70997970c51812dc3a010c7d01b50e0d17dc79c8");
    CHECK(to_hex0x(read->transaction.to->view()) == "0x5fbdb2315678afecb367f032d93f642f64180aa3");
    CHECK(read->transaction.gas_limit == 200'000);
    CHECK(read->transaction.fee_cap == Word{2'000'000'000'000});
    CHECK(read->transaction.tip_cap == read->transaction.fee_cap);
    CHECK(read->transaction.data.size() == 68);
    CHECK(read->height == 5U);
}

TEST_CASE("without the node's index a transaction is found when its block is given") {
    FakeWeb3State node;
    node.has_index = false;
    Json block = recorded("block with transactions");
    node.blocks[5] = block;
    JsonRpcClient web3 = client_of(node);
    const auto hash = fixed<Hash256>("f6c7219eace76173f1c9955e1edc11107f693345dd07e5e778de9f45f77133d6");
    const auto alone = web3_transaction(web3, hash, std::nullopt);
    REQUIRE_FALSE(alone);
    CHECK(alone.error().code == ErrorCode::failed_precondition);
    // An error object can have other causes than a missing index, so the node's own text is the reason.
    CHECK(alone.error().why.find(" refused: ") != std::string::npos);
    CHECK(alone.error().hint ==
          "if the node has no gateway plugin, it has no index of transactions; then name the block: --block "
          "HEIGHT");
    const auto named = web3_transaction(web3, hash, 5);
    REQUIRE(named);
    CHECK(named->hash == hash);
    const auto elsewhere = web3_transaction(web3, hash, 6);
    REQUIRE_FALSE(elsewhere);
    CHECK(elsewhere.error().code == ErrorCode::not_found);
}

TEST_CASE("a transaction with a field of the wrong kind is bad data, for every field") {
    const Json good = recorded("transaction");
    for (const char* field : {"hash", "from", "to", "value", "gas", "nonce", "input", "gasPrice"}) {
        for (const Json& wrong : {Json(7), Json("zz"), Json::array(), Json::object()}) {
            INFO(field << " " << wrong.dump());
            Json broken = good;
            broken[field] = wrong;
            const auto read = read_web3_transaction(broken.dump());
            REQUIRE_FALSE(read);
            CHECK(read.error().code == ErrorCode::bad_data);
        }
    }
    for (const char* field : {"accessList", "authorizationList", "blobVersionedHashes"}) {
        Json broken = good;
        broken[field] = Json::array({7});
        CHECK_FALSE(read_web3_transaction(broken.dump()));
    }
}

TEST_CASE("the next block's base fee follows the gas used and never falls below the chain's minimum") {
    FakeWeb3State node;
    JsonRpcClient web3 = client_of(node);
    CHECK(web3_next_block(web3)->next.base_fee == Word{1'000'000'000'000});
    CHECK(web3_next_block(web3)->next.number == 101);
    node.blocks[100] = {{"number", "0x64"},
                        {"timestamp", "0x6553f100"},
                        {"baseFeePerGas", "0x1d1a94a2000"},
                        {"gasUsed", "0x2faf080"},
                        {"hash", "0x" + std::string(64, '1')}};
    // The block used all of 50,000,000 gas, so the base fee rises by an eighth.
    CHECK(web3_next_block(web3)->next.base_fee == Word{2'250'000'000'000});
    // Its time is 1,700,000,000 s, and the next block of mainnet comes 2.5 s later.
    CHECK(web3_next_block(web3)->next.timestamp == 1'700'000'002);
    // A time that ends in 2 stands for half a second more.
    node.blocks[100]["timestamp"] = "0x6553f102";
    CHECK(web3_next_block(web3)->next.timestamp == 1'700'000'005);
    node.blocks[100]["timestamp"] = "0xffffffffffffffff";
    CHECK_FALSE(web3_next_block(web3));
}
