// SPDX-License-Identifier: Apache-2.0
// Endpoints that hide or invent receipts and nonces.
#include <catch2/catch.hpp>

#include "test/settlement/settler_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;
using Version = FakeRewardPool::Version;
using State = SettlerStep::State;

namespace {

std::optional<Result<RpcReply>> hide_receipts(const RpcCall& call) {
    RpcReply nothing;
    if (call.method == "eth_getTransactionReceipt") return Result<RpcReply>(nothing);
    if (call.method != "eth_getBlockReceipts") return std::nullopt;
    nothing.kind = RpcReply::Kind::json;
    nothing.value = "[]";
    return Result<RpcReply>(nothing);
}

}  // namespace

TEST_CASE("a payment whose receipt an endpoint hides is waited for, and neither repeated nor called foreign") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    world.before = [](std::size_t, const RpcCall& call) { return hide_receipts(call); };
    const SettlerStep step = world.run();
    CHECK(step.state == State::waiting);
    CHECK(step.hold.reason == HoldReason::endpoint);
    CHECK(world.mined() == 1);
    world.before = nullptr;
    CHECK(world.run().state == State::idle);
    CHECK(world.mined() == 1);
}

TEST_CASE("the other endpoint's receipt counts when one hides it") {
    SettlerWorld world(Version::v3, 2);
    world.owe(1, 'a', 10);
    world.before = [](std::size_t endpoint, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        return endpoint == 0 ? hide_receipts(call) : std::nullopt;
    };
    CHECK(world.run().state == State::idle);
    CHECK(world.intent(1).state == IntentState::final_ok);
}

TEST_CASE("a failure that one endpoint invents is ignored while the other hides the receipt") {
    SettlerWorld world(Version::v2, 2);
    world.owe(1, 'a', 10);
    while (world.mined() == 0)
        world.wait(world.steps());
    REQUIRE(world.chain.balance(world.wallet_of('a')) == 0);
    world.before = [](std::size_t endpoint, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        return endpoint == 1 ? hide_receipts(call) : std::nullopt;
    };
    world.after = [](std::size_t endpoint, const RpcCall& call, Result<RpcReply> reply) {
        const bool is_receipt = call.method.find("Receipt") != std::string::npos;
        if (endpoint != 0 || !is_receipt || !reply) return reply;
        const std::size_t at = reply->value.find(R"("status":"0x1")");
        if (at != std::string::npos) reply->value.replace(at, 14, R"("status":"0x0")");
        return reply;
    };
    const SettlerStep step = world.run(60);
    CHECK(step.state == State::waiting);
    CHECK(step.hold.reason == HoldReason::endpoint);
    CHECK_FALSE(step.hold.detail.empty());
    world.before = nullptr;
    world.after = nullptr;
    CHECK(world.run(100).state == State::idle);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE("a receipt that one endpoint invents is ignored") {
    SettlerWorld world(Version::v3, 2);
    const std::string status = GENERATE("0x1", "0x0");
    world.owe(1, 'a', 10);
    // Nothing is mined, because the chain's price is above the cap.
    CHECK(world.steps().state == State::waiting);
    world.chain.set_rules([](FakeChainRules& rules) { rules.base_fee = U256(9'000) * 1'000'000'000; });
    world.before = [&](std::size_t endpoint, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (endpoint != 0 || call.method != "eth_getTransactionReceipt") return std::nullopt;
        RpcReply reply;
        reply.kind = RpcReply::Kind::json;
        reply.value = R"({"transactionHash":)" + call.params.substr(1, call.params.size() - 2) +
                      R"(,"blockHash":"0x)" + std::string(64, '1') +
                      R"(","blockNumber":"0x3","gasUsed":"0x5208",)" + R"("status":")" + status +
                      R"(","effectiveGasPrice":"0xe8d4a51000","logs":[]})";
        return Result<RpcReply>(reply);
    };
    const SettlerStep step = world.run(30);
    CHECK(step.state == State::waiting);
    CHECK_FALSE(is_final(world.intent(1).state));
    world.chain.set_rules([](FakeChainRules& rules) { rules.base_fee = U256(1'000) * 1'000'000'000; });
    world.before = nullptr;
    CHECK(world.run().state == State::idle);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
    CHECK(world.mined() == 1);
}

TEST_CASE("with two endpoints a payment is not final while one is unavailable") {
    SettlerWorld world(Version::v3, 2);
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    world.before = [](std::size_t endpoint, const RpcCall&) -> std::optional<Result<RpcReply>> {
        if (endpoint != 1) return std::nullopt;
        return Result<RpcReply>(fail(ErrorCode::unavailable, "connection refused"));
    };
    CHECK(world.run().state == State::waiting);
    CHECK(world.intent(1).state == IntentState::mined);
    world.before = nullptr;
    CHECK(world.run().state == State::idle);
}

TEST_CASE("a confirmed nonce that one of two endpoints invents does not halt the settler") {
    SettlerWorld world(Version::v3, 2);
    world.owe(1, 'a', 10);
    world.before = [](std::size_t endpoint, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (endpoint != 0 || call.method != "eth_getTransactionCount") return std::nullopt;
        RpcReply reply;
        reply.kind = RpcReply::Kind::text;
        reply.value = "0x9";
        return Result<RpcReply>(reply);
    };
    CHECK(world.run(10).state == State::held);
    CHECK(world.sends() == 0);
    world.before = nullptr;
    CHECK(world.run().state == State::idle);
    CHECK(world.mined() == 1);
}
