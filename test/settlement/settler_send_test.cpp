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

TEST_CASE("the price follows the chain up to the cap, and at the cap the same bytes are sent again") {
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

TEST_CASE("a cheaper attempt that is mined after the price rose counts as the payment") {
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

TEST_CASE("a transaction whose answer is lost after acceptance is paid once") {
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

TEST_CASE("after a restart the node recognises the same bytes") {
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

TEST_CASE("a send whose error may hide an acceptance is repeated at growing intervals") {
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

TEST_CASE("a price that the node refuses as too low is raised at once") {
    SettlerWorld world;
    refuse_sends(world, "replacement transaction underpriced", 1);
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    REQUIRE(world.store->attempts(1)->size() == 2);
    CHECK(world.intent(1).state == IntentState::pooled);
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
}

TEST_CASE("a balance that the node refuses as too small is shown, and the send is repeated") {
    SettlerWorld world;
    refuse_sends(world, "insufficient funds for gas * price + value", 2);
    world.owe(1, 'a', 10);
    const SettlerStep step = world.steps();
    CHECK(step.state == State::waiting);
    CHECK(step.hold.reason == HoldReason::balance);
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
}

TEST_CASE("after nonce too low the receipts decide, under the same nonce") {
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

TEST_CASE("a transaction that the node evicted is sent again") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    world.chain.forget_pool();
    CHECK(world.run().state == State::idle);
    check_paid_once(world, 10);
}

TEST_CASE("a node that accepts and drops the transaction does not keep it from other nodes") {
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

TEST_CASE("a receipt that a reorganisation removes is waited for again, with the same bytes") {
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

TEST_CASE("a final payment that a deep reorganisation removes is sent again without an operator") {
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

TEST_CASE("the settler waits for unavailable endpoints at growing intervals") {
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
