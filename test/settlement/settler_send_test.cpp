// SPDX-License-Identifier: Apache-2.0
// Possible answers of endpoints to a transaction, and what can happen to it afterwards. It must be paid exactly
// once.
#include <catch2/catch.hpp>

#include "test/settlement/settler_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;
using Version = FakeRewardPool::Version;
using State = SettlerStep::State;

namespace {

constexpr const char* kSendMethod = "eth_sendRawTransaction";

U256 gwei_price(std::uint64_t gwei) {
    return U256(gwei) * 1'000'000'000;
}

/// Answers the next sends with this error, without passing them to the node.
void refuse_sends(SettlerWorld& world, const std::string& text, int times) {
    auto left = std::make_shared<int>(times);
    world.before = [text, left](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != kSendMethod || *left == 0) return std::nullopt;
        --*left;
        return Result<RpcReply>(rpc_refusal(-32000, text));
    };
}

void check_paid_once(SettlerWorld& world, std::uint64_t amount) {
    CHECK(world.chain.balance(SettlerWorld::wallet_of('a')) == SettlerWorld::iotx(amount));
    CHECK(world.mined() == 1);
    CHECK(world.intent(1).state == IntentState::final_ok);
}

}  // namespace

TEST_CASE("a transaction that is not mined in three blocks gets a price 12.5% and 1 rau higher") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    world.chain.set_rules([](FakeChainRules& rules) { rules.base_fee = gwei_price(1'100); });
    world.before = [](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        // The node still suggests the old price.
        if (call.method != "eth_gasPrice" && call.method != "eth_getBlockByNumber") return std::nullopt;
        RpcReply reply;
        reply.kind = call.method == "eth_gasPrice" ? RpcReply::Kind::text : RpcReply::Kind::null;
        reply.value = "0xe8d4a51000";
        return Result<RpcReply>(reply);
    };
    world.chain.mine(2);
    CHECK(world.steps().state == State::waiting);
    CHECK(world.store->attempts(1)->size() == 1);
    world.chain.mine(1);
    CHECK(world.steps().state == State::waiting);
    const auto attempts = world.store->attempts(1);
    REQUIRE(attempts->size() == 2);
    CHECK((*attempts)[0].gas_price == gwei_price(1'000));
    CHECK((*attempts)[1].gas_price == gwei_price(1'125) + 1);
    CHECK((*attempts)[1].gas_limit == (*attempts)[0].gas_limit);
    world.before = nullptr;
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
    CHECK(world.intent(1).gas_price == gwei_price(1'125) + 1);
}

TEST_CASE(
    "the price jumps to what the chain wants, but never above the cap; there the same bytes go out again") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    world.chain.set_rules([](FakeChainRules& rules) { rules.base_fee = gwei_price(5'000); });
    for (int i = 0; i < 12; ++i) {
        world.wait(world.steps());
        if (i == 3) world.chain.forget_pool();
    }
    const auto attempts = world.store->attempts(1);
    REQUIRE(attempts->size() == 2);
    CHECK((*attempts)[1].gas_price == gwei_price(2'000));
    CHECK((*attempts)[1].sends >= 3);
    CHECK(world.steps().hold.reason == HoldReason::gas_price);
    CHECK(world.chain.pooled() == 1);
    world.chain.set_rules([](FakeChainRules& rules) { rules.base_fee = gwei_price(1'500); });
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
}

TEST_CASE("a cheaper attempt that is mined after the price rose is the payment") {
    SettlerWorld world(Version::v3, 2);
    world.chain.set_rules([](FakeChainRules& rules) { rules.gossip = false; });
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    world.chain.set_rules([](FakeChainRules& rules) { rules.base_fee = gwei_price(1'050); });
    world.chain.mine(3);
    // The attempt at the higher price goes to the other node, since the first does not answer.
    world.before = [](std::size_t endpoint, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (endpoint != 0 || call.method != kSendMethod) return std::nullopt;
        return Result<RpcReply>(fail(ErrorCode::timed_out, "no answer"));
    };
    CHECK(world.steps().state == State::waiting);
    REQUIRE(world.store->attempts(1)->size() == 2);
    world.chain.prefer_node(0);
    world.chain.set_rules([](FakeChainRules& rules) { rules.base_fee = gwei_price(1'000); });
    world.before = nullptr;
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
    CHECK(world.intent(1).hash == (*world.store->attempts(1))[0].hash);
    CHECK(world.intent(1).gas_price == gwei_price(1'000));
}

TEST_CASE("an answer that is lost after the node took the transaction") {
    SettlerWorld world;
    int lost = GENERATE(1, 3);
    world.after = [&lost](std::size_t, const RpcCall& call, Result<RpcReply> reply) -> Result<RpcReply> {
        if (call.method != kSendMethod || lost-- <= 0) return reply;
        return fail(ErrorCode::timed_out, "no answer");
    };
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    CHECK(world.intent(1).state == IntentState::sending);
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
}

TEST_CASE("the same bytes are known to the node after a restart") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    world.restart();
    CHECK(world.steps().state == State::waiting);
    CHECK(world.store->attempts(1)->size() == 1);
    CHECK(world.store->attempts(1)->front().answer == "known already: known transaction");
    CHECK(world.intent(1).state == IntentState::pooled);
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
}

TEST_CASE("errors that may hide an acceptance leave the intent in sending, and it is tried later and later") {
    SettlerWorld world;
    refuse_sends(world, GENERATE("internal error", "txpool is full"), 3);
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    CHECK(world.intent(1).state == IntentState::sending);
    CHECK(world.steps().hold.reason != HoldReason::gas_price);
    CHECK(world.store->attempts(1)->front().sends == 1);
    world.clock.advance(std::chrono::seconds(2));
    static_cast<void>(world.steps());
    CHECK(world.store->attempts(1)->front().sends == 2);
    world.clock.advance(std::chrono::seconds(2));
    static_cast<void>(world.steps());
    CHECK(world.store->attempts(1)->front().sends == 2);
    world.clock.advance(std::chrono::seconds(2));
    static_cast<void>(world.steps());
    CHECK(world.store->attempts(1)->front().sends == 3);
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
}

TEST_CASE("a price that the node finds too low is raised at once") {
    SettlerWorld world;
    refuse_sends(world, "replacement transaction underpriced", 1);
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    REQUIRE(world.store->attempts(1)->size() == 2);
    CHECK(world.intent(1).state == IntentState::pooled);
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
}

TEST_CASE("too little money for the node is shown, and tried again") {
    SettlerWorld world;
    refuse_sends(world, "insufficient funds for gas * price + value", 2);
    world.owe(1, 'a', 10);
    const SettlerStep step = world.steps();
    CHECK(step.state == State::waiting);
    CHECK(step.hold.reason == HoldReason::balance);
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
}

TEST_CASE("nonce too low is settled by the receipts, under the same nonce") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    // The node accepts and mines it, but the answer is lost. When it is sent again, its nonce is too low.
    bool lost = false;
    world.after = [&](std::size_t, const RpcCall& call, Result<RpcReply> reply) -> Result<RpcReply> {
        if (call.method != kSendMethod || lost) return reply;
        lost = true;
        return fail(ErrorCode::timed_out, "no answer");
    };
    CHECK(world.steps().state == State::waiting);
    world.before = [&](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        // Receipts by hash become available late.
        if (call.method != "eth_getTransactionReceipt" || world.chain.tip() > 5) return std::nullopt;
        return Result<RpcReply>(RpcReply{});
    };
    world.chain.mine();
    world.restart();
    static_cast<void>(world.steps());
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
    CHECK(world.store->attempts(1)->size() == 1);
}

TEST_CASE("an evicted transaction is sent again") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    world.chain.forget_pool();
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
}

TEST_CASE("a node that says yes and drops the transaction does not keep it from the others") {
    SettlerWorld world(Version::v3, 2);
    world.before = [](std::size_t endpoint, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (endpoint != 0 || call.method != kSendMethod) return std::nullopt;
        RpcReply reply;
        reply.kind = RpcReply::Kind::text;
        const auto raw = from_hex(call.params.substr(2, call.params.size() - 4));
        reply.value = to_hex0x(keccak256(raw.value()).view());
        return Result<RpcReply>(reply);
    };
    world.owe(1, 'a', 10);
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
}

TEST_CASE("a receipt that a reorganisation takes back is waited for again, with the same bytes") {
    SettlerWorld world;
    const FakeReorg what = GENERATE(FakeReorg::forgotten, FakeReorg::pooled);
    world.owe(1, 'a', 10);
    world.wait(world.steps());
    CHECK(world.steps().state == State::waiting);
    CHECK(world.intent(1).state == IntentState::mined);
    world.chain.reorganise(3, what);
    CHECK(world.steps().state == State::waiting);
    if (what == FakeReorg::forgotten) CHECK(world.intent(1).state != IntentState::mined);
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
    CHECK(world.store->attempts(1)->size() == 1);
}

TEST_CASE("a payment that a deep reorganisation took back after its end is sent again by itself") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    CHECK(world.run().state == State::idle);
    world.chain.reorganise(12);
    CHECK(world.chain.balance(SettlerWorld::wallet_of('a')) == 0);
    world.owe(2, 'b', 5);
    CHECK(world.steps().hold.reason == HoldReason::endpoint);
    CHECK(world.run().state == State::idle);
    CHECK(world.chain.balance(SettlerWorld::wallet_of('a')) == SettlerWorld::iotx(10));
    CHECK(world.chain.balance(SettlerWorld::wallet_of('b')) == SettlerWorld::iotx(5));
    CHECK(world.mined() == 2);
}

TEST_CASE("endpoints that are away are waited for, longer and longer") {
    SettlerWorld world;
    bool away = true;
    world.before = [&](std::size_t, const RpcCall&) -> std::optional<Result<RpcReply>> {
        if (!away) return std::nullopt;
        return Result<RpcReply>(fail(ErrorCode::unavailable, "connection refused"));
    };
    world.owe(1, 'a', 10);
    std::chrono::milliseconds last{0};
    for (int i = 0; i < 8; ++i) {
        const SettlerStep step = world.step();
        CHECK(step.state == State::waiting);
        CHECK(step.hold.reason == HoldReason::endpoint);
        CHECK(step.wait >= last);
        CHECK(step.wait <= world.settings.longest_back_off);
        last = step.wait;
    }
    CHECK(last == world.settings.longest_back_off);
    away = false;
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
}
