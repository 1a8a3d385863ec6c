// SPDX-License-Identifier: Apache-2.0
// What an endpoint says wrongly about a transaction never makes a wallet pay a second time.
#include <catch2/catch.hpp>

#include "contracts/sender.hpp"
#include "core/crypto/address.hpp"
#include "test/contracts/sender_world.hpp"

using namespace ioswarm;
using namespace ioswarm::contracts;
using namespace ioswarm::test;
using namespace ioswarm::test::sender_tests;
using Catch::Matchers::Contains;

namespace {

bool asks_for_receipts(const RpcCall& call) {
    return call.method == "eth_getTransactionReceipt" || call.method == "eth_getBlockReceipts";
}

/// Answers null for every receipt while `on` is true, as a node does that has not stored the receipts yet.
Before hides_receipts(const bool& on) {
    return [&on](const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (!on || !asks_for_receipts(call)) return std::nullopt;
        return Result<RpcReply>(RpcReply{});
    };
}

/// Says while `on` is true that the blocks are empty.
Before shows_empty_blocks(const bool& on) {
    return [&on](const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (!on || !asks_for_receipts(call)) return std::nullopt;
        RpcReply reply;
        if (call.method == "eth_getBlockReceipts") {
            reply.kind = RpcReply::Kind::json;
            reply.value = "[]";
        }
        return Result<RpcReply>(reply);
    };
}

/// Passes a transaction on and says that it refused it.
After refuses_and_passes_on() {
    return [](const RpcCall& call, Result<RpcReply> reply) -> Result<RpcReply> {
        if (call.method != "eth_sendRawTransaction") return reply;
        return rpc_refusal(-32'000, "insufficient funds for gas * price + value");
    };
}

/// Sends the order with the nonce that the endpoints report, as the commands do.
Result<SentEntry> run_next(World& w) {
    SentJournal journal = w.journal();
    const auto nonce = choose_nonce(*w.client, &journal, w.key.address());
    if (!nonce) return fail(nonce.error());
    return w.run(journal, w.order(*nonce));
}

}  // namespace

TEST_CASE("a mined transaction is not lost while an endpoint does not show receipts", "[sender]") {
    World w;
    bool hidden = true;
    w.at[0]->before = hides_receipts(hidden);
    w.clock.on_sleep = [&] { hidden = w.clock.slept < 40; };
    REQUIRE(w.run());
    CHECK(w.at[0]->asked["eth_sendRawTransaction"] == 1);  // what is mined is not sent again
    w.check_paid_once();
}

TEST_CASE("while an endpoint never shows receipts, the transaction stays open", "[sender]") {
    World w;
    bool hidden = true;
    w.at[0]->before = hides_receipts(hidden);
    const auto waiting = w.run();
    REQUIRE_FALSE(waiting);
    CHECK(waiting.error().code == ErrorCode::timed_out);
    CHECK_THAT(waiting.error().why, Contains("does not show the receipts of block"));
    hidden = false;
    REQUIRE(w.resume());
    w.check_paid_once();
}

TEST_CASE("a receipt that the first endpoint hides is taken from the second", "[sender]") {
    World w({}, 2);
    const bool hidden = true;
    w.at[0]->before = hides_receipts(hidden);
    REQUIRE(w.run());
    CHECK(w.clock.slept < 5);
    w.check_paid_once();
}

TEST_CASE("a mined transaction is not lost while an endpoint shows its block empty for a while", "[sender]") {
    World w;
    bool lies = true;
    w.at[0]->before = shows_empty_blocks(lies);
    w.clock.on_sleep = [&] { lies = w.clock.slept < 6; };
    REQUIRE(w.run());
    w.check_paid_once();
}

TEST_CASE("a transaction is not lost while one of the endpoints does not answer", "[sender]") {
    World w({}, 2);
    bool lies = true;
    bool down = true;
    w.at[0]->before = shows_empty_blocks(lies);
    w.at[1]->before = instead("*", down, lost_reply());
    const auto waiting = w.run();
    REQUIRE_FALSE(waiting);
    CHECK(waiting.error().code == ErrorCode::timed_out);
    CHECK(w.journal().open_entry() != nullptr);
    down = false;
    REQUIRE(w.resume());
    w.check_paid_once();
}

TEST_CASE("a transaction that was given up as lost is looked for before the next one is signed", "[sender]") {
    World w;
    bool lies = true;
    w.at[0]->before = shows_empty_blocks(lies);
    const auto lost = w.run();
    REQUIRE_FALSE(lost);
    REQUIRE(lost.error().code == ErrorCode::aborted);
    lies = false;
    const auto found = run_next(w);
    REQUIRE(found);
    CHECK(found->succeeded());
    w.check_paid_once();
    CHECK(last_success(w.journal().entries(), "fund", "one") != nullptr);
}

TEST_CASE("nothing is signed while an endpoint does not tell whether the lost transaction was mined",
          "[sender]") {
    World w;
    bool lies = true;
    w.at[0]->before = shows_empty_blocks(lies);
    REQUIRE_FALSE(w.run());
    bool hidden = true;
    w.at[0]->before = hides_receipts(hidden);
    const auto unsure = run_next(w);
    REQUIRE_FALSE(unsure);
    CHECK(unsure.error().code == ErrorCode::unavailable);
    CHECK(w.chain.mined(w.key.address()).size() == 1);
    hidden = false;
    REQUIRE(run_next(w));
    w.check_paid_once();
}

TEST_CASE("a transaction that a foreign one replaced is sent anew under the next nonce", "[sender]") {
    World w;
    bool steal = true;
    w.at[0]->before = [&](const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_sendRawTransaction" || !steal) return std::nullopt;
        EthTx foreign;
        foreign.chain_id = kChainId;
        foreign.gas_price = 5 * U256(kMinGasPrice);
        foreign.gas_limit = 10'000;
        foreign.to = Address{{0x55}};
        (void)w.chain.answer(R"({"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":[")" +
                             to_hex0x(sign_transaction(foreign, w.key).raw) + "\"]}");
        return lost_reply();
    };
    REQUIRE_FALSE(w.run());
    steal = false;
    REQUIRE(run_next(w));
    CHECK(w.chain.balance(kPayee) == kIotx);
    CHECK(w.chain.nonce(w.key.address()) == 2);
}

TEST_CASE("a transaction that an endpoint refuses and passes on is awaited", "[sender]") {
    for (const unsigned value : {1U, 6U}) {  // after the payment of 6 IOTX the balance is below 6 IOTX
        CAPTURE(value);
        FakeChainRules rules;
        rules.mine_after_send = value == 6;
        World w(rules);
        w.at[0]->after = refuses_and_passes_on();
        SentJournal journal = w.journal();
        TransactionOrder order = w.order();
        order.value = U256(value) * kIotx;
        REQUIRE(w.run(journal, order));
        CHECK(w.chain.balance(kPayee) == order.value);
        CHECK(w.chain.nonce(w.key.address()) == 1);
    }
}

TEST_CASE("a refused transaction that was mined all the same is found before the next one is signed",
          "[sender]") {
    for (const bool is_mined : {true, false}) {  // at the second run it is mined, or still in the pool
        CAPTURE(is_mined);
        World w;
        bool lies = true;
        w.at[0]->after = [&](const RpcCall& call, Result<RpcReply> reply) -> Result<RpcReply> {
            if (!lies) return reply;
            if (call.method == "eth_getBalance" || call.method == "eth_getTransactionCount")
                return text_reply("0x0");
            return refuses_and_passes_on()(call, std::move(reply));
        };
        const auto refused = w.run();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::failed_check);
        CHECK(w.journal().open_entry() == nullptr);
        lies = false;
        if (is_mined) w.chain.mine();
        REQUIRE(run_next(w));
        w.check_paid_once();
        CHECK(w.journal().entries().back().succeeded());
    }
}

TEST_CASE("a refusal for a low balance names the wallet, the balance and what is needed", "[sender]") {
    World w;
    SentJournal journal = w.journal();
    TransactionOrder order = w.order();
    order.value = 100 * kIotx;
    const auto refused = w.run(journal, order);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().which == to_checksum_hex(w.key.address()));
    CHECK_THAT(refused.error().why, Contains("it has 10 IOTX") && Contains("take 100.01 IOTX"));
    CHECK_THAT(refused.error().hint, Contains("send 90.01 IOTX"));
}

TEST_CASE("a transaction that one endpoint refuses is sent to the others", "[sender]") {
    World w({}, 2);
    const bool refuses = true;
    w.at[0]->before = instead("eth_sendRawTransaction", refuses,
                              rpc_refusal(-32'000, "insufficient funds for gas * price + value"));
    REQUIRE(w.run());
    w.check_paid_once();
}

TEST_CASE("a failure that one endpoint reports waits for the word of the others", "[sender]") {
    World w({}, 2);
    bool lies = true;
    bool silent = true;
    w.at[0]->after = [&](const RpcCall& call, Result<RpcReply> reply) {
        if (lies && call.method == "eth_getTransactionReceipt" && reply &&
            reply->kind == RpcReply::Kind::json) {
            const std::size_t at = reply->value.find(R"("status":"0x1")");
            if (at != std::string::npos) reply->value.replace(at, 14, R"("status":"0x0")");
        }
        return reply;
    };
    SECTION("it hides receipts") {
        w.at[1]->before = hides_receipts(silent);
    }
    SECTION("it does not answer") {
        w.at[1]->before = instead("*", silent, lost_reply());
    }
    const auto waiting = w.run();
    REQUIRE_FALSE(waiting);
    CHECK(waiting.error().code == ErrorCode::timed_out);
    lies = silent = false;
    const auto done = w.resume();
    REQUIRE(done);
    CHECK(done->succeeded());
    w.check_paid_once();
}
