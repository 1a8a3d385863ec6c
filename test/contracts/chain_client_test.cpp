// SPDX-License-Identifier: Apache-2.0
#include "contracts/chain_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "contracts/gas.hpp"
#include "contracts/keystore.hpp"
#include "test/support/fake_chain.hpp"
#include "test/support/scripted_http.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::contracts;
using namespace ioswarm::test;
using nlohmann::json;

namespace {

constexpr std::uint64_t kTestChain = 4690;
const U256 kOneIotx = U256(1'000'000'000'000'000'000);

PrivateKey test_key() {
    return key_from_hex(std::string(64, '7')).value();
}

RawEthTx transfer(const PrivateKey& key, std::uint64_t nonce, const U256& price = kMinGasPrice,
                  std::uint64_t gas = 10'000) {
    EthTx tx;
    tx.chain_id = kTestChain;
    tx.nonce = nonce;
    tx.gas_price = price;
    tx.gas_limit = gas;
    tx.to = Address{{9}};
    tx.value = 5;
    return sign_transaction(tx, key);
}

Result<RpcReply> lost() {
    return fail(ErrorCode::timed_out, "cannot get an HTTP answer", "http://fake:1", "time is over");
}

/// A client over `count` endpoints of one chain. The test can reach each endpoint.
struct Clients {
    explicit Clients(std::size_t count, FakeChainRules rules = {}) : chain(std::move(rules)) {
        std::vector<std::unique_ptr<RpcEndpoint>> list;
        for (std::size_t i = 0; i < count; ++i) {
            auto one = std::make_unique<FakeEndpoint>(chain, "http://fake:" + std::to_string(i));
            at.push_back(one.get());
            list.push_back(std::move(one));
        }
        client = std::make_unique<ChainClient>(std::move(list), kTestChain);
        chain.fund(key.address(), 100 * kOneIotx);
    }

    PrivateKey key = test_key();
    FakeChain chain;
    std::vector<FakeEndpoint*> at;
    std::unique_ptr<ChainClient> client;
};

}  // namespace

TEST_CASE("each kind of a node's refusal of a transaction is recognised", "[chain]") {
    const std::map<std::string, SendOutcome> expected{
        {"sent again, same bytes", SendOutcome::known},
        {"same nonce, same price, other value", SendOutcome::underpriced},
        {"same nonce, price lower", SendOutcome::underpriced},
        {"nonce too low", SendOutcome::nonce_too_low},
        {"nonce gap of 10000", SendOutcome::nonce_too_high},
        {"price zero", SendOutcome::underpriced},
        {"gas below intrinsic", SendOutcome::gas_too_low},
        {"value over balance", SendOutcome::no_funds},
        {"account without money", SendOutcome::no_funds},
        {"wrong chain id", SendOutcome::wrong_chain}};
    std::size_t seen = 0;
    for (const auto& row : json::parse(read_data("node/web3-send.json"))) {
        if (row["request"]["method"] != "eth_sendRawTransaction" || !row["response"].contains("error"))
            continue;
        CAPTURE(row["note"]);
        CHECK(classify_send_error(row["response"]["error"]["message"].get<std::string>()) ==
              expected.at(row["note"].get<std::string>()));
        ++seen;
    }
    CHECK(seen == expected.size());
    CHECK(classify_send_error("internal error") == SendOutcome::unknown);
    CHECK(classify_send_error("") == SendOutcome::unknown);
}

TEST_CASE("recorded answers of a node with the gateway plugin and of one without are read", "[chain]") {
    for (const std::string file : {"node/web3.json", "node/web3-without-gateway.json"}) {
        CAPTURE(file);
        const bool gateway = file == "node/web3.json";
        FakeChain unused;
        auto made = std::make_unique<FakeEndpoint>(unused);
        const json recorded = json::parse(read_data(file));
        made->before = [&recorded](const RpcCall& call) -> std::optional<Result<RpcReply>> {
            for (const auto& row : recorded) {
                if (row["request"].is_object() && row["request"]["method"] == call.method &&
                    (row["request"]["params"] == json::parse(call.params))) {
                    return read_rpc_answer(row["response"].dump(), 1);
                }
            }
            return Result<RpcReply>(rpc_refusal(-32603, "not recorded"));
        };
        ChainEndpoint node(std::move(made));
        CHECK(node.chain_id().value() == 4689);
        CHECK(node.gas_price().value() >= kMinGasPrice);
        const auto token = fixed<Address>("0x5fbdb2315678afecb367f032d93f642f64180aa3");
        const auto rich = fixed<Address>("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
        CHECK(node.balance(rich).value() > kOneIotx);
        CHECK(node.code(token).value().size() > 100);
        CHECK(node.code(fixed<Address>("0x70997970c51812dc3a010c7d01b50e0d17dc79c8")).value().empty());
        CallRequest call;
        call.from = fixed<Address>("0x70997970c51812dc3a010c7d01b50e0d17dc79c8");
        call.to = token;
        call.data = hex("0xa9059cbb000000000000000000000000f39fd6e51aad88f6f4ce6ab8827279cfffb92266" +
                        std::string(64, 'f'));
        const auto reverted = node.call(call);
        REQUIRE(reverted);
        CHECK(reverted->reverted);
        const auto estimate = node.estimate_gas(call);
        if (gateway) {
            REQUIRE_FALSE(estimate);
            CHECK(estimate.error().code == ErrorCode::failed_check);
            CHECK(estimate.error().why == "balance too low");
        } else {
            REQUIRE(estimate);
            CHECK_FALSE(*estimate);
        }
        const auto hash = fixed<Hash256>("0xf6c7219eace76173f1c9955e1edc11107f693345dd07e5e778de9f45f77133d6");
        const auto receipt = node.receipt(hash);
        if (gateway) {
            REQUIRE(receipt.value());
            CHECK((*receipt)->status == 106);
            CHECK((*receipt)->gas_used == 0x4bdd);
            CHECK((*receipt)->block == 5);
            CHECK((*receipt)->logs.size() == 2);
            CHECK_FALSE(node.receipt(Hash256{{0x11}}).has_value());
        } else {
            REQUIRE_FALSE(receipt);
            CHECK(receipt.error().code == ErrorCode::not_found);
        }
        CHECK(node.block_receipts(5, 1).value()[0].size() >= 1);
        CHECK(node.block(5).value()->base_fee == kMinGasPrice);
        CHECK_FALSE(node.block(0xffffff).value());
    }
}

TEST_CASE("a nonce that is only in the pool is not confirmed", "[chain]") {
    Clients c(1);
    CHECK(c.client->send(transfer(c.key, 0)).outcome == SendOutcome::accepted);
    CHECK(c.client->pool_nonce(c.key.address()).value() == 1);
    CHECK(c.client->confirmed_nonce(c.key.address()).value().nonce == 0);
    c.chain.mine();
    CHECK(c.client->confirmed_nonce(c.key.address()).value().nonce == 1);
}

TEST_CASE("a nonce is read again when the tip moves between two requests", "[chain]") {
    Clients c(1);
    int moves = 1;
    c.at[0]->after = [&](const RpcCall& call, Result<RpcReply> reply) {
        if (call.method == "eth_blockNumber" && moves-- > 0) c.chain.mine();
        return reply;
    };
    CHECK(c.client->confirmed_nonce(c.key.address()).value().nonce == 0);
    CHECK(c.at[0]->asked["eth_blockNumber"] == 2);
}

TEST_CASE("endpoints are tried in order, and the chain id is checked after every switch", "[chain]") {
    Clients c(3);
    REQUIRE(c.client->tip());
    CHECK(c.at[0]->asked["eth_chainId"] == 1);
    CHECK(c.at[1]->asked["eth_chainId"] == 0);
    bool down = true;
    c.at[0]->before = [&](const RpcCall&) -> std::optional<Result<RpcReply>> {
        if (down) return lost();
        return std::nullopt;
    };
    REQUIRE(c.client->tip());
    CHECK(c.client->current() == 1);
    CHECK(c.at[1]->asked["eth_chainId"] == 1);
    REQUIRE(c.client->tip());
    CHECK(c.at[1]->asked["eth_chainId"] == 1);
    down = false;
    c.at[1]->before = [](const RpcCall&) -> std::optional<Result<RpcReply>> { return lost(); };
    c.at[2]->before = c.at[1]->before;
    REQUIRE(c.client->tip());
    CHECK(c.client->current() == 0);
    CHECK(c.at[0]->asked["eth_chainId"] == 2);
}

TEST_CASE("an endpoint of another chain is refused before anything is sent", "[chain]") {
    Clients c(2);
    REQUIRE(c.client->check_chain());
    c.at[0]->before = [](const RpcCall&) -> std::optional<Result<RpcReply>> { return lost(); };
    c.at[1]->before = [](const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_chainId") return std::nullopt;
        RpcReply reply;
        reply.kind = RpcReply::Kind::text;
        reply.value = "0x1251";
        return Result<RpcReply>(reply);
    };
    const auto tip = c.client->tip();
    REQUIRE_FALSE(tip);
    CHECK(tip.error().code == ErrorCode::config);
    CHECK(tip.error().why == "it serves chain 4689, not 4690");
    CHECK(c.client->send(transfer(c.key, 0)).outcome == SendOutcome::wrong_chain);
    CHECK(c.at[1]->asked["eth_sendRawTransaction"] == 0);
    CHECK(c.chain.pooled() == 0);
}

TEST_CASE("when no endpoint answers, the error is the last one's", "[chain]") {
    Clients c(2);
    for (FakeEndpoint* one : c.at)
        one->before = [](const RpcCall&) -> std::optional<Result<RpcReply>> { return lost(); };
    const auto tip = c.client->tip();
    REQUIRE_FALSE(tip);
    CHECK(tip.error().code == ErrorCode::unavailable);
    CHECK(tip.error().why.find("time is over") != std::string::npos);
    CHECK(c.client->send(transfer(c.key, 0)).outcome == SendOutcome::unknown);
}

TEST_CASE("a send whose answer is lost is unknown, and sending the same bytes again is known", "[chain]") {
    Clients c(1);
    c.at[0]->after = [](const RpcCall& call, Result<RpcReply> reply) {
        return call.method == "eth_sendRawTransaction" ? lost() : reply;
    };
    const RawEthTx tx = transfer(c.key, 0);
    const SendResult sent = c.client->send(tx);
    CHECK(sent.outcome == SendOutcome::unknown);
    CHECK(sent.maybe_kept);
    CHECK(c.chain.pooled() == 1);
    c.at[0]->after = {};
    CHECK(c.client->send(tx).outcome == SendOutcome::known);
}

TEST_CASE("a refusal after a lost answer does not prove that no node kept the transaction", "[chain]") {
    Clients c(2);
    c.at[0]->after = [](const RpcCall& call, Result<RpcReply> reply) {
        return call.method == "eth_sendRawTransaction" ? lost() : reply;
    };
    c.at[1]->before = [](const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_sendRawTransaction") return std::nullopt;
        return Result<RpcReply>(rpc_refusal(13, "insufficient funds for gas * price + value"));
    };
    const SendResult sent = c.client->send(transfer(c.key, 0));
    CHECK(sent.outcome == SendOutcome::no_funds);
    CHECK(sent.maybe_kept);
    c.chain.forget_pool();
    c.at[0]->before = c.at[1]->before;
    c.at[0]->after = {};
    CHECK_FALSE(c.client->send(transfer(c.key, 0)).maybe_kept);
}

TEST_CASE("an answer with another transaction hash is refused", "[chain]") {
    Clients c(1);
    c.at[0]->after = [](const RpcCall& call, Result<RpcReply> reply) {
        if (call.method == "eth_sendRawTransaction") reply->value = "0x" + std::string(64, '0');
        return reply;
    };
    CHECK(c.client->send(transfer(c.key, 0)).outcome == SendOutcome::unknown);
}

TEST_CASE("without receipts by hash the blocks since the sending are read", "[chain]") {
    FakeChainRules rules;
    rules.gateway = false;
    Clients c(1, rules);
    const std::uint64_t sent_at = c.chain.tip();
    const RawEthTx tx = transfer(c.key, 0);
    REQUIRE(c.client->send(tx).outcome == SendOutcome::accepted);
    std::uint64_t from = sent_at;
    CHECK_FALSE(c.client->find_receipt({&tx.hash, 1}, &from).value());
    CHECK(from == sent_at + 1);
    c.chain.mine(40);
    const auto found = c.client->find_receipt({&tx.hash, 1}, &from);
    REQUIRE(found.value());
    CHECK((*found)->block == sent_at + 1);
    CHECK((*found)->succeeded());
    CHECK((*found)->gas_used == 10'000);
}

TEST_CASE("a receipt by hash that comes late is found in its block at once", "[chain]") {
    FakeChainRules rules;
    rules.receipt_delay = 5;
    Clients c(1, rules);
    std::uint64_t from = c.chain.tip();
    const RawEthTx tx = transfer(c.key, 0);
    REQUIRE(c.client->send(tx).outcome == SendOutcome::accepted);
    c.chain.mine();
    std::uint64_t untouched = from;
    CHECK_FALSE(c.client->find_receipt({&tx.hash, 1}, &untouched).value());
    CHECK(c.client->scan_for_receipt({&tx.hash, 1}, &from).value());
    c.chain.mine(5);
    CHECK(c.client->find_receipt({&tx.hash, 1}, &untouched).value());
}

TEST_CASE("receipts of many full blocks are read in smaller parts", "[chain]") {
    Clients c(1);
    const RawEthTx tx = transfer(c.key, 0);
    std::uint64_t from = c.chain.tip();
    REQUIRE(c.client->send(tx).outcome == SendOutcome::accepted);
    c.chain.mine(20);
    // The endpoint answers at most three of these in a row.
    int in_a_row = 0;
    c.at[0]->before = [&](const RpcCall& call) -> std::optional<Result<RpcReply>> {
        in_a_row = call.method == "eth_getBlockReceipts" ? in_a_row + 1 : 0;
        if (in_a_row > 3)
            return Result<RpcReply>(fail(ErrorCode::resource_exhausted, "cannot take an HTTP answer"));
        return std::nullopt;
    };
    const auto found = c.client->scan_for_receipt({&tx.hash, 1}, &from);
    REQUIRE(found);
    CHECK(*found);
}

TEST_CASE("a block whose receipts a node does not show yet is not read", "[chain]") {
    Clients c(2);
    const RawEthTx tx = transfer(c.key, 0);
    std::uint64_t from = c.chain.tip();
    REQUIRE(c.client->send(tx).outcome == SendOutcome::accepted);
    c.chain.mine();
    const auto hide = [](const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_getBlockReceipts") return std::nullopt;
        return Result<RpcReply>(RpcReply{});
    };
    c.at[0]->before = c.at[1]->before = hide;
    const std::uint64_t began = from;
    const auto unread = c.client->scan_for_receipt({&tx.hash, 1}, &from);
    REQUIRE_FALSE(unread);
    CHECK(unread.error().code == ErrorCode::unavailable);
    CHECK(from == began);
    // Another endpoint that shows them is used.
    c.at[1]->before = {};
    CHECK(c.client->scan_for_receipt({&tx.hash, 1}, &from).value());
}

TEST_CASE("malicious answers of an endpoint are refused", "[chain]") {
    for (const std::string body :
         {"", "{", "[]", "null", R"({"id":1})", R"({"jsonrpc":"2.0","id":99,"result":"0x1"})",
          R"({"jsonrpc":"2.0","id":1,"result":"0x"})", R"({"jsonrpc":"2.0","id":1,"result":"0xzz"})",
          R"({"jsonrpc":"2.0","id":1,"result":-1})", R"({"jsonrpc":"2.0","id":1,"result":{}})",
          R"({"jsonrpc":"2.0","id":1,"result":"0x10000000000000000"})"}) {
        CAPTURE(body);
        FakeChain unused;
        auto made = std::make_unique<FakeEndpoint>(unused);
        made->before = [&body](const RpcCall&) {
            return std::optional<Result<RpcReply>>(read_rpc_answer(body, 1));
        };
        ChainEndpoint node(std::move(made));
        const auto tip = node.tip();
        REQUIRE_FALSE(tip);
        CHECK(tip.error().code == ErrorCode::bad_data);
        CHECK_FALSE(node.receipt(Hash256{}).value_or(std::nullopt));
        CHECK_FALSE(node.block_receipts(1, 2));
        CHECK(node.send(transfer(test_key(), 0)).outcome == SendOutcome::unknown);
    }
}

TEST_CASE("an endpoint that is too slow is unavailable, and the size of its answers is limited", "[chain]") {
    FakeChain unused;
    auto made = std::make_unique<FakeEndpoint>(unused);
    FakeEndpoint& fake = *made;
    ChainEndpoint node(std::move(made));
    fake.before = [](const RpcCall&) {
        return std::optional<Result<RpcReply>>(fail(ErrorCode::timed_out, "cannot get an HTTP answer"));
    };
    CHECK(node.tip().error().code == ErrorCode::unavailable);
    CHECK(node.block_receipts(1, 2).error().code == ErrorCode::unavailable);
    fake.before = [](const RpcCall&) {
        return std::optional<Result<RpcReply>>(rpc_refusal(-32'000, std::string(100'000, 'x')));
    };
    CHECK(node.tip().error().why.size() < 400);
    CHECK(node.send(transfer(test_key(), 0)).why.size() < 400);
    CHECK(node.estimate_gas({}).error().why.size() < 400);
    for (const char* gas : {"0x17d7841", "0xffffffffffffffff"}) {  // a block's gas limit is 25,000,000
        fake.before = [gas](const RpcCall&) {
            return std::optional<Result<RpcReply>>(
                read_rpc_answer(R"({"id":1,"result":")" + std::string(gas) + "\"}", 1));
        };
        CHECK(node.estimate_gas({}).error().code == ErrorCode::bad_data);
    }
}

TEST_CASE("a batch that a load balancer refuses is sent as single requests", "[chain]") {
    FakeChain chain;
    int batches = 0;
    ScriptedHttp server([&](HttpConnection& peer, const std::string& body) {
        if (body.starts_with("[")) {
            ++batches;
            return peer.answer(
                R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch too large"}})");
        }
        return peer.answer(chain.answer(body));
    });
    ChainEndpoint node(make_http_endpoint(server.url()).value());
    const auto receipts = node.block_receipts(0, 2);
    REQUIRE(receipts);
    CHECK(receipts->size() == 2);
    CHECK(batches == 1);
}

TEST_CASE("a redirect is not followed, and an answer that is too large is refused", "[chain]") {
    ScriptedHttp target([](HttpConnection& peer, const std::string&) {
        return peer.answer(R"({"jsonrpc":"2.0","id":1,"result":"0x1"})");
    });
    ScriptedHttp redirecting([&target](HttpConnection& peer, const std::string&) {
        return peer.send("HTTP/1.1 307 Temporary Redirect\r\nLocation: " + target.url() +
                         "/\r\nContent-Length: 0\r\n\r\n");
    });
    ChainEndpoint first(make_http_endpoint(redirecting.url()).value());
    CHECK_FALSE(first.tip());
    CHECK(target.requests() == 0);
    ScriptedHttp huge([](HttpConnection& peer, const std::string&) {
        return peer.answer(std::string((std::size_t{8} << 20U) + 1, ' '));
    });
    ChainEndpoint second(make_http_endpoint(huge.url()).value());
    const auto tip = second.tip();
    REQUIRE_FALSE(tip);
    CHECK(tip.error().code == ErrorCode::bad_data);
    CHECK_FALSE(make_http_endpoint("ftp://127.0.0.1/"));
}

TEST_CASE("the gas that IoTeX charges is the sum, and at least Prague's minimum", "[chain]") {
    CHECK(charged_gas(0, 0) == 10'000);
    CHECK(charged_gas(4, 13'706) == 24'106);
    CHECK(charged_gas(1'000, 5'000) == 260'000);
    CHECK(gas_limit_for(100, 1'000) == 260'000);
    CHECK(bumped_price(8) == 10);
}
