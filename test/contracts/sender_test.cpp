// SPDX-License-Identifier: Apache-2.0
// One transaction from its order to its end, through faults of the chain, its nodes and this machine.
#include "contracts/sender.hpp"

#include <csignal>

#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "test/contracts/sender_world.hpp"

using namespace ioswarm;
using namespace ioswarm::contracts;
using namespace ioswarm::test;
using namespace ioswarm::test::sender_tests;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

TEST_CASE("a transaction is stored before it is sent, then mined and reported", "[sender]") {
    World w;
    bool stored = false;
    w.at[0]->before = [&](const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method == "eth_sendRawTransaction") {
            const std::string file = w.dir.read("sent/4690-" + to_hex0x(w.key.address().view()) + ".jsonl");
            stored = file.find(call.params.substr(4, 40)) != std::string::npos;
        }
        return std::nullopt;
    };
    const auto done = w.run();
    REQUIRE(done);
    CHECK(stored);
    CHECK(done->succeeded());
    CHECK(done->gas_used == 10'000);
    CHECK(done->nonce == 0);
    w.check_paid_once();
    const SentJournal journal = w.journal();
    REQUIRE(last_success(journal.entries(), "fund", "one") != nullptr);
    CHECK(last_success(journal.entries(), "fund", "one")->hash == done->hash);
    CHECK(journal.next_nonce() == 1);
}

TEST_CASE("a transaction is sent through a node without its gateway plugin as well", "[sender]") {
    FakeChainRules rules;
    rules.gateway = false;
    World w(rules);
    REQUIRE(w.run());
    w.check_paid_once();
}

TEST_CASE("an EIP-1559 transaction is sent and mined", "[sender]") {
    World w;
    SentJournal journal = w.journal();
    TransactionOrder order = w.order();
    order.dynamic_fee = true;
    REQUIRE(w.run(journal, order));
    CHECK(w.chain.mined(w.key.address()).front().tx.type == EthTxType::dynamic_fee);
    w.check_paid_once();
}

TEST_CASE("a transaction that is refused for a while is sent later and paid once", "[sender]") {
    World w;
    bool down = false;
    w.at[0]->before = [&](const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method == "eth_sendRawTransaction" && w.clock.slept == 0) down = true;
        if (!down) return std::nullopt;
        return Result<RpcReply>(
            fail(ErrorCode::unavailable, "cannot get an HTTP answer", "", "connection refused"));
    };
    w.clock.on_sleep = [&] { down = w.clock.slept < 10; };
    REQUIRE(w.run());
    w.check_paid_once();
}

TEST_CASE("a transaction whose answer is lost after acceptance is paid once", "[sender]") {
    World w;
    w.at[0]->after = [](const RpcCall& call, Result<RpcReply> reply) {
        return call.method == "eth_sendRawTransaction" ? lost_reply() : reply;
    };
    REQUIRE(w.run());
    w.check_paid_once();
}

TEST_CASE("a transaction that is answered with an error after acceptance is paid once", "[sender]") {
    World w;
    w.at[0]->after = [](const RpcCall& call, Result<RpcReply> reply) -> Result<RpcReply> {
        if (call.method != "eth_sendRawTransaction") return reply;
        return rpc_refusal(-32603, "internal error");
    };
    REQUIRE(w.run());
    w.check_paid_once();
}

TEST_CASE("a transaction that a node accepts and drops is sent again", "[sender]") {
    World w;
    int sends = 0;
    w.clock.on_sleep = [&] {
        if (w.clock.slept == 1) w.chain.forget_pool();
        w.clock.mining = w.clock.slept > 1;
    };
    w.clock.mining = false;
    w.at[0]->after = [&](const RpcCall& call, Result<RpcReply> reply) {
        if (call.method == "eth_sendRawTransaction") ++sends;
        return reply;
    };
    REQUIRE(w.run());
    CHECK(sends == 2);
    w.check_paid_once();
}

TEST_CASE("a transaction is paid once although an endpoint sends nonsense for a while", "[sender]") {
    for (const std::string body : {"", "{", "[1]", R"({"id":1,"result":true})", R"({"id":7,"result":"0x0"})",
                                   R"({"id":1,"result":"0x"})", R"({"id":1,"error":{"code":13}})"}) {
        CAPTURE(body);
        World w;
        bool sent = false;
        w.at[0]->after = [&](const RpcCall& call, Result<RpcReply> reply) {
            sent = sent || call.method == "eth_sendRawTransaction";
            return sent && w.clock.slept < 5 ? read_rpc_answer(body, 1) : reply;
        };
        REQUIRE(w.run());
        w.check_paid_once();
    }
}

TEST_CASE("an absurd suggested price is limited before anything is signed", "[sender]") {
    for (const std::string value : {"0x0", "0x1", "0x", "0xde0b6b3a7640000000000", "-1",
                                    "0x10000000000000000000000000000000000000000000000000000000000000000"}) {
        CAPTURE(value);
        World w;
        const bool on = true;
        w.at[0]->before = instead("eth_gasPrice", on, text_reply(value));
        const U256 cap = 2 * U256(kMinGasPrice);
        const auto price = choose_gas_price(*w.client, cap);
        if (value == "0x0" || value == "0x1") {
            CHECK(price.value() == kMinGasPrice);
        } else {
            CHECK_FALSE(price);
        }
    }
}

TEST_CASE("when the base fee rises above the price, the price is raised up to its limit under the same nonce",
          "[sender]") {
    World w;
    bool raised = false;
    w.clock.on_sleep = [&] {
        if (!raised) w.chain.set_rules([](FakeChainRules& rules) { rules.base_fee = 1'300'000'000'000; });
        raised = true;
    };
    w.clock.mining = true;
    const auto done = w.run();
    REQUIRE(done);
    CHECK(done->attempts.size() == 2);
    CHECK(done->hash == done->attempts[1].hash);
    CHECK(done->gas_price == 1'300'000'000'000);
    w.check_paid_once();
}

TEST_CASE("a transaction at the price limit is mined once the base fee falls", "[sender]") {
    World w;
    w.chain.set_rules([](FakeChainRules& rules) { rules.base_fee = 9 * U256(kMinGasPrice); });
    w.clock.on_sleep = [&] {
        if (w.clock.slept == 30) w.chain.set_rules([](FakeChainRules& r) { r.base_fee = kMinGasPrice; });
    };
    const auto done = w.run();
    REQUIRE(done);
    CHECK(done->gas_price <= 2 * U256(kMinGasPrice));
    w.check_paid_once();
}

TEST_CASE("a cheap attempt that is mined after a dearer one was sent counts", "[sender]") {
    World w;
    // The node keeps the first transaction and silently loses the second.
    int sends = 0;
    w.at[0]->before = [&](const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_sendRawTransaction" || ++sends == 1) return std::nullopt;
        return lost_reply();
    };
    w.clock.on_sleep = [&] {
        w.chain.set_rules([&](FakeChainRules& r) {
            r.base_fee = w.clock.slept < 10 ? U256(1'200'000'000'000) : U256(kMinGasPrice);
        });
    };
    const auto done = w.run();
    REQUIRE(done);
    CHECK(done->attempts.size() >= 2);
    CHECK(done->hash == done->attempts[0].hash);
    w.check_paid_once();
}

TEST_CASE("a transaction without enough balance is refused and can be tried again after funding", "[sender]") {
    World w;
    SentJournal journal = w.journal();
    TransactionOrder order = w.order();
    order.value = 100 * kIotx;
    const auto refused = w.run(journal, order);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::failed_check);
    CHECK(journal.open_entry() == nullptr);
    CHECK(w.chain.pooled() == 0);
    w.chain.fund(w.key.address(), 200 * kIotx);
    order.value = kIotx;
    REQUIRE(w.run(journal, order));
    w.check_paid_once();
}

TEST_CASE("a transaction that fails on chain is finished and not successful", "[sender]") {
    struct Reverts final : FakeContract {
        FakeRun run(const Address&, const U256&, BytesView, bool) override { return {false, {}, 0, {}, {}}; }
    };
    World w;
    w.chain.put_contract(kPayee, std::make_shared<Reverts>());
    const auto done = w.run();
    REQUIRE(done);
    CHECK_FALSE(done->succeeded());
    CHECK(done->status == 106);
    CHECK(w.chain.balance(kPayee) == 0);
    CHECK(w.journal().open_entry() == nullptr);
}

TEST_CASE("a transaction that runs out of gas on chain is finished and not successful", "[sender]") {
    struct Hungry final : FakeContract {
        FakeRun run(const Address&, const U256&, BytesView, bool) override {
            return {true, {}, 1'000'000, {}, {}};
        }
    };
    World w;
    w.chain.put_contract(kPayee, std::make_shared<Hungry>());
    const auto done = w.run();
    REQUIRE(done);
    CHECK_FALSE(done->succeeded());
    CHECK(done->gas_used == 10'000);
}

TEST_CASE("a transaction whose receipt by hash never comes is found in its block", "[sender]") {
    FakeChainRules rules;
    rules.receipt_delay = 1'000'000;
    World w(rules);
    REQUIRE(w.run());
    w.check_paid_once();
}

TEST_CASE("the sender waits for a receipt that is late", "[sender]") {
    FakeChainRules rules;
    rules.receipt_delay = 5;
    World w(rules);
    REQUIRE(w.run());
    w.check_paid_once();
}

TEST_CASE("a receipt of success that is not on the chain is ignored", "[sender]") {
    for (const std::string status : {"0x1", "0x0"}) {
        World w;
        w.clock.mining = false;
        w.at[0]->after = [&](const RpcCall& call, Result<RpcReply> reply) -> Result<RpcReply> {
            if (call.method != "eth_getTransactionReceipt") return reply;
            RpcReply forged;
            forged.kind = RpcReply::Kind::json;
            forged.value = R"({"transactionHash":)" + call.params.substr(1, call.params.size() - 2) +
                           R"(,"blockHash":"0x)" + std::string(64, 'a') +
                           R"(","blockNumber":"0x1","status":")" + status +
                           R"(","gasUsed":"0x2710","logs":[]})";
            return forged;
        };
        const auto waiting = w.run();
        REQUIRE_FALSE(waiting);
        CHECK(waiting.error().code == ErrorCode::timed_out);
        CHECK(w.journal().open_entry() != nullptr);
        // The node is honest and mines again: the same transaction succeeds.
        w.at[0]->after = {};
        w.clock.mining = true;
        REQUIRE(w.resume());
        w.check_paid_once();
    }
}

TEST_CASE("a transaction waits while two endpoints disagree on its block", "[sender]") {
    World w({}, 2);
    bool disagree = true;
    w.at[1]->after = [&](const RpcCall& call, Result<RpcReply> reply) {
        if (disagree && call.method == "eth_getBlockByNumber" && reply->kind == RpcReply::Kind::json) {
            const std::size_t at = reply->value.find("\"hash\":\"0x") + 10;
            reply->value.replace(at, 64, std::string(64, 'b'));
        }
        return reply;
    };
    const auto waiting = w.run();
    REQUIRE_FALSE(waiting);
    CHECK(waiting.error().code == ErrorCode::timed_out);
    disagree = false;
    REQUIRE(w.resume());
    w.check_paid_once();
}

TEST_CASE("a failure that one endpoint reports and the others do not know is ignored", "[sender]") {
    World w({}, 2);
    bool lie = true;
    w.at[0]->after = [&lie](const RpcCall& call, Result<RpcReply> reply) {
        if (lie && call.method == "eth_getTransactionReceipt" && reply && reply->kind == RpcReply::Kind::json) {
            const std::size_t at = reply->value.find(R"("status":"0x1")");
            if (at != std::string::npos) reply->value.replace(at, 14, R"("status":"0x0")");
        }
        return reply;
    };
    const auto waiting = w.run();
    REQUIRE_FALSE(waiting);
    CHECK(waiting.error().code == ErrorCode::timed_out);
    CHECK_THAT(waiting.error().why, Contains("contradict each other") && Contains("fake:1"));
    lie = false;
    const auto done = w.resume();
    REQUIRE(done);
    CHECK(done->succeeded());
    w.check_paid_once();
}

TEST_CASE("an impossible nonce is refused before anything is signed", "[sender]") {
    World w;
    const bool on = true;
    w.at[0]->before = instead("eth_getTransactionCount", on, text_reply("0xffffffffffffffff"));
    const auto absurd = choose_nonce(*w.client, nullptr, w.key.address());
    REQUIRE_FALSE(absurd);
    CHECK(absurd.error().code == ErrorCode::bad_data);
}

TEST_CASE("a transaction behind a gap of nonces is reported with the missing nonce", "[sender]") {
    World w;
    SentJournal journal = w.journal();
    const auto waiting = w.run(journal, w.order(3));
    REQUIRE_FALSE(waiting);
    CHECK(waiting.error().code == ErrorCode::timed_out);
    CHECK_THAT(waiting.error().why, Contains("nonce 3") && Contains("nonce 0 comes first"));
}

TEST_CASE("an endpoint that lags does not undo a mined transaction", "[sender]") {
    World w({}, 2);
    REQUIRE(w.run());
    w.check_paid_once();
    const bool on = true;
    w.connect(1);
    w.at[0]->before = instead("eth_getTransactionCount", on, text_reply("0x0"));
    const SentJournal journal = w.journal();
    const auto nonce = choose_nonce(*w.client, &journal, w.key.address());
    REQUIRE_FALSE(nonce);
    CHECK(nonce.error().code == ErrorCode::unavailable);
    w.at[0]->before = instead("eth_getTransactionCount", on, text_reply("0xffffffff"));
    CHECK(choose_nonce(*w.client, nullptr, w.key.address()).value() == 0xffffffff);
    w.at[0]->before = [](const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_getTransactionCount" || call.params.find("pending") == std::string::npos)
            return std::nullopt;
        return Result<RpcReply>(text_reply("0xffffffff"));
    };
    const auto absurd = choose_nonce(*w.client, nullptr, w.key.address());
    REQUIRE_FALSE(absurd);
    CHECK(absurd.error().code == ErrorCode::bad_data);
}

TEST_CASE("when the chain drops the block, the transaction is mined again and paid once", "[sender]") {
    World w;
    // The block disappears between the receipt and its confirmation.
    bool gone = false;
    w.at[0]->after = [&](const RpcCall& call, Result<RpcReply> reply) {
        if (!gone && call.method == "eth_getTransactionReceipt" && reply->kind == RpcReply::Kind::json) {
            gone = true;
            w.chain.reorganise(1);
        }
        return reply;
    };
    const auto done = w.run();
    REQUIRE(gone);
    REQUIRE(done);
    w.check_paid_once();
}

TEST_CASE("nothing is signed for an endpoint that moves to another chain", "[sender]") {
    World w;
    bool wrong = false;
    w.at[0]->before = instead("eth_chainId", wrong, text_reply("0x1251"));
    REQUIRE(w.client->tip());
    wrong = true;
    const auto refused = w.run();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::config);
    CHECK(w.journal().entries().empty());
    CHECK(w.chain.pooled() == 0);
}

TEST_CASE("a foreign transaction with the same nonce ends the wait with an error", "[sender]") {
    for (const bool gateway : {true, false}) {
        FakeChainRules rules;
        rules.gateway = gateway;
        World w(rules);
        // The node loses our transaction and mines another one of the same wallet.
        w.at[0]->before = [&](const RpcCall& call) -> std::optional<Result<RpcReply>> {
            if (call.method != "eth_sendRawTransaction") return std::nullopt;
            EthTx foreign;
            foreign.chain_id = kChainId;
            foreign.gas_price = 5 * U256(kMinGasPrice);
            foreign.gas_limit = 10'000;
            foreign.to = Address{{0x55}};
            const std::string raw = to_hex0x(sign_transaction(foreign, w.key).raw);
            (void)w.chain.answer(R"({"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":[")" +
                                 raw + "\"]}");
            return lost_reply();
        };
        const auto lost = w.run();
        REQUIRE_FALSE(lost);
        CHECK(lost.error().code == ErrorCode::aborted);
        CHECK(w.journal().open_entry() == nullptr);
        CHECK(w.chain.balance(kPayee) == 0);
    }
}

TEST_CASE("a transaction not mined in time is reported by hash, and the next run continues with the same bytes",
          "[sender]") {
    World w;
    w.clock.mining = false;
    const auto waiting = w.run();
    REQUIRE_FALSE(waiting);
    CHECK(waiting.error().code == ErrorCode::timed_out);
    const SentEntry open = *w.journal().open_entry();
    CHECK(waiting.error().which == to_hex0x(open.attempts[0].hash.view()));
    w.clock.mining = true;
    const auto done = w.resume();
    REQUIRE(done);
    CHECK(done->hash == open.attempts[0].hash);
    w.check_paid_once();
}

TEST_CASE("a transaction that was mined long ago is found by the next run", "[sender]") {
    for (const bool gateway : {true, false}) {
        FakeChainRules rules;
        rules.gateway = gateway;
        World w(rules);
        w.clock.mining = false;
        REQUIRE_FALSE(w.run());
        w.chain.mine(1'000);
        const int slept = w.clock.slept;
        REQUIRE(w.resume());
        CHECK(w.clock.slept - slept < 3);
        w.check_paid_once();
    }
}

TEST_CASE("on a full disk nothing is sent", "[sender]") {
    World w;
    SentJournal journal = w.journal();
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit old{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0);
    const rlimit none{100, old.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
    const auto refused = w.run(journal, w.order());
    REQUIRE(setrlimit(RLIMIT_FSIZE, &old) == 0);
    std::signal(SIGXFSZ, SIG_DFL);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::io);
    CHECK(w.chain.pooled() == 0);
    CHECK(w.at[0]->asked["eth_sendRawTransaction"] == 0);
    // The half-written entry was removed again.
    REQUIRE(w.run(journal, w.order()));
    w.check_paid_once();
}

TEST_CASE("a stop ends the wait and keeps the transaction", "[sender]") {
    World w;
    w.clock.mining = false;
    SentJournal journal = w.journal();
    std::stop_source stop;
    w.clock.on_sleep = [&] { stop.request_stop(); };
    TransactionSender sender(*w.client, journal, w.key, {60s, 1s, 3}, w.clock, stop.get_token());
    const auto stopped = sender.run(w.order());
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == ErrorCode::cancelled);
    CHECK(journal.open_entry() != nullptr);
}
