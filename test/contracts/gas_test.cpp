// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "contracts/gas.hpp"
#include "test/contracts/pool.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

// anvil charges Ethereum's gas. IoTeX runs the same EVM but prices the transaction differently:
//
//     max(10,000 + 100 per calldata byte + execution - refund, 10,000 + 250 per calldata byte)
//
// (Source: iotex-core action/execution.go, action/action.go and action/protocol/execution/evm/evm.go. The
// second term is Prague's minimum. The refund is at most a fifth of the gas used before it.) So the test needs
// the execution's gas and the refund separately. The receipt has only their sum with Ethereum's price of the
// calldata. debug_traceTransaction gives the gas left before each step and the refund so far. The execution's
// gas is the difference between the first and the last step at the outermost depth. The test checks both
// figures each time: with Ethereum's rule they must give the receipt's gas.

const bool ioswarm::test::kKeepSteps = true;

namespace {

using nlohmann::json;

struct Execution {
    std::uint64_t gas = 0;
    std::uint64_t refund = 0;
};

constexpr std::uint64_t kCodeByteGas = 200;  // on both chains: storing a created contract

Execution trace(const ChainReceipt& receipt) {
    const json options = {{"disableStack", true}, {"disableStorage", true}, {"enableMemory", false}};
    const json steps = chain()
                           .rpc("debug_traceTransaction", json::array({to_hex0x(receipt.hash.view()), options}))
                           .at("structLogs");
    REQUIRE_FALSE(steps.empty());
    const json& last = steps.back();
    Execution out;
    out.gas = steps.front().at("gas").get<std::uint64_t>() -
              (last.at("gas").get<std::uint64_t>() - last.at("gasCost").get<std::uint64_t>());
    if (receipt.contract) out.gas += kCodeByteGas * chain().code(*receipt.contract).size();
    out.refund = last.value("refund", std::uint64_t{0});
    return out;
}

/// The refund counts up to a fifth of the gas used before it (EIP-3529).
std::uint64_t used_after_refund(std::uint64_t before, std::uint64_t refund) {
    return before - std::min(refund, before / 5);
}

/// Ethereum's price, including the minimum of EIP-7623 and the initcode words of EIP-3860.
std::uint64_t ethereum_gas(const ChainCall& call, const Execution& execution) {
    const auto zeros = static_cast<std::uint64_t>(std::count(call.data.begin(), call.data.end(), 0));
    const std::uint64_t tokens = zeros + 4 * (call.data.size() - zeros);
    std::uint64_t intrinsic = 21'000 + 4 * tokens;
    if (!call.to) intrinsic += 32'000 + 2 * ((call.data.size() + 31) / 32);
    return std::max(used_after_refund(intrinsic + execution.gas, execution.refund), 21'000 + 10 * tokens);
}

std::uint64_t iotex_gas(const ChainCall& call, const Execution& execution) {
    const std::uint64_t intrinsic = 10'000 + 100 * call.data.size();
    return std::max(used_after_refund(intrinsic + execution.gas, execution.refund),
                    10'000 + 250 * call.data.size());
}

/// Sends the call, checks that its outcome is `ok`, and returns what IoTeX would charge for it.
std::uint64_t charge(const ChainCall& call, bool ok = true) {
    const ChainReceipt receipt = chain().send(call);
    REQUIRE(receipt.ok == ok);
    const Execution execution = trace(receipt);
    REQUIRE(receipt.gas_used == ethereum_gas(call, execution));
    const std::uint64_t gas = iotex_gas(call, execution);
    // The program's own formula has no refund, because no call of agents and coordinators gets one.
    CHECK(execution.refund == 0);
    CHECK(gas == contracts::charged_gas(call.data.size(), execution.gas));
    return gas;
}

constexpr std::array<std::size_t, 5> kAgents{1, 10, 12, 50, 100};
using Row = std::array<std::uint64_t, kAgents.size()>;

std::string with_commas(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3; at -= 3)
        text.insert(at - 3, ",");
    return text;
}

void print(const char* what, const std::vector<std::uint64_t>& figures) {
    std::printf("%-52s", what);
    for (const std::uint64_t figure : figures)
        std::printf("%11s", with_commas(figure).c_str());
    std::printf("\n");
}

enum class Wallets { used, never_used };

std::vector<Share> shares_of(std::size_t count, Wallets wallets, bool send_now) {
    std::vector<Share> out;
    for (std::size_t i = 0; i < count; ++i) {
        out.push_back({new_wallet(), 1000 + i, send_now});
        if (wallets == Wallets::used) chain().set_balance(out.back().agent, 1);
    }
    return out;
}

/// Returns weights that differ from those of the epoch before.
std::vector<Share> next_weights(std::vector<Share> shares) {
    for (std::size_t i = 0; i < shares.size(); ++i)
        shares[i].weight += 7 + i % 3;
    return shares;
}

/// A pool that has settled an unrelated agent, so that the pool's own slots are in use.
Pool pool_in_use() {
    Pool pool;
    REQUIRE(pool.settle(1, {{new_wallet(), 5}}, 1000).ok);
    return pool;
}

Pool pool_in_use_v2() {
    Pool pool;
    REQUIRE(pool.settle_v2({{new_wallet(), 5}}, 1000).ok);
    return pool;
}

ChainCall settlement(const Pool& pool, std::uint64_t epoch, const std::vector<Share>& shares) {
    return pool.call_of(settle_data(epoch, shares), milli_iotx(450));
}

std::uint64_t settle_new(std::size_t agents) {
    return charge(settlement(pool_in_use(), 2, shares_of(agents, Wallets::used, false)));
}

std::uint64_t settle_steady(std::size_t agents) {
    Pool pool = pool_in_use();
    const std::vector<Share> shares = shares_of(agents, Wallets::used, false);
    REQUIRE(pool.settle(2, shares, milli_iotx(450)).ok);
    return charge(settlement(pool, 3, next_weights(shares)));
}

std::uint64_t settle_after_claims(std::size_t agents) {
    Pool pool = pool_in_use();
    const std::vector<Share> shares = shares_of(agents, Wallets::used, false);
    REQUIRE(pool.settle(2, shares, milli_iotx(450)).ok);
    for (const Share& share : shares)
        REQUIRE(pool.claim(share.agent).ok);
    return charge(settlement(pool, 3, next_weights(shares)));
}

std::uint64_t send_now_new(std::size_t agents) {
    return charge(settlement(pool_in_use(), 2, shares_of(agents, Wallets::used, true)));
}

std::uint64_t send_now_steady(std::size_t agents) {
    Pool pool = pool_in_use();
    const std::vector<Share> shares = shares_of(agents, Wallets::used, true);
    REQUIRE(pool.settle(2, shares, milli_iotx(450)).ok);
    return charge(settlement(pool, 3, next_weights(shares)));
}

std::uint64_t send_now_never_used(std::size_t agents) {
    return charge(settlement(pool_in_use(), 2, shares_of(agents, Wallets::never_used, true)));
}

struct Limits {
    const char* what;
    std::uint64_t (*measure)(std::size_t agents);
    Row limits;
};

/// Settles and claims for all agents, as coordinators of version 2 do.
Bytes settle_and_claim_all(const std::vector<Share>& shares) {
    std::vector<Address> agents;
    for (const Share& share : shares)
        agents.push_back(share.agent);
    return settle_and_claim_v2_data(shares, agents);
}

std::uint64_t v2_style(std::size_t agents, Bytes (*data)(const std::vector<Share>&), Wallets wallets,
                       bool steady) {
    const Pool pool = pool_in_use_v2();
    std::vector<Share> shares = shares_of(agents, wallets, false);
    if (steady) {
        REQUIRE(chain().send(pool.call_of(data(shares), milli_iotx(450))).ok);
        shares = next_weights(shares);
    }
    return charge(pool.call_of(data(shares), milli_iotx(450)));
}

/// Measures once per number of agents.
std::vector<std::uint64_t> row(const std::function<std::uint64_t(std::size_t)>& measure) {
    std::vector<std::uint64_t> out;
    for (const std::size_t agents : kAgents)
        out.push_back(measure(agents));
    return out;
}

}  // namespace

// The limits are the gas measured with the prototype of the contract.
TEST_CASE("a settlement costs no more gas on IoTeX than its budget") {
    const std::vector<Limits> table{
        {"settleEpoch, agents new", settle_new, {60'723, 293'625, 345'381, 1'328'745, 2'622'645}},
        {"settleEpoch, steady", settle_steady, {43'623, 122'625, 140'181, 473'745, 912'645}},
        {"settleEpoch, all claimed since", settle_after_claims, {43'623, 122'625, 140'181, 473'745, 912'645}},
        {"settleEpoch SEND_NOW, agents new", send_now_new, {49'311, 179'505, 208'437, 758'145, 1'481'445}},
        {"settleEpoch SEND_NOW, steady", send_now_steady, {49'311, 179'505, 208'437, 758'145, 1'481'445}},
        {"settleEpoch SEND_NOW, wallets never used before",
         send_now_never_used,
         {74'311, 429'505, 508'437, 2'008'145, 3'981'445}},
    };
    print("IoTeX gas; agents:", {kAgents.begin(), kAgents.end()});
    for (const Limits& line : table) {
        INFO(line.what);
        const std::vector<std::uint64_t> figures = row(line.measure);
        print(line.what, figures);
        for (std::size_t i = 0; i < kAgents.size(); ++i)
            CHECK(figures[i] <= line.limits[i]);
    }
    using namespace std::placeholders;
    print("depositAndSettle, agents new", row(std::bind(v2_style, _1, settle_v2_data, Wallets::used, false)));
    print("depositAndSettle, steady", row(std::bind(v2_style, _1, settle_v2_data, Wallets::used, true)));
    print("depositSettleAndClaim, agents new",
          row(std::bind(v2_style, _1, settle_and_claim_all, Wallets::used, false)));
    print("depositSettleAndClaim, steady",
          row(std::bind(v2_style, _1, settle_and_claim_all, Wallets::used, true)));
}

TEST_CASE("a claim costs no more gas on IoTeX than its budget") {
    Pool pool = pool_in_use();
    const Address agent = new_wallet();
    chain().set_balance(agent, 1);
    REQUIRE(pool.settle(2, {{agent, 5}}, 1000).ok);
    const std::uint64_t gas = charge(pool.call_of(agent, encode_call("claim()")));
    print("claim", {gas});
    CHECK(gas <= 24'106);
}

TEST_CASE("the deployment costs at most 5% more gas on IoTeX than its budget") {
    Bytes data = creation_code_under_test();
    const Address coordinator = new_wallet();
    const Hash256 argument = topic_of(coordinator);
    data.insert(data.end(), argument.bytes.begin(), argument.bytes.end());
    const std::uint64_t gas = charge({coordinator, std::nullopt, data, 0});
    print("deployment", {gas});
    CHECK(gas <= 1'250'096 * 105 / 100);
}

TEST_CASE("a repeated epoch reverts and costs only the gas of its data") {
    Pool pool = pool_in_use();
    const std::vector<Share> shares = shares_of(12, Wallets::used, false);
    REQUIRE(pool.settle(2, shares, 1000).ok);
    const ChainCall call = settlement(pool, 2, shares);
    const std::uint64_t gas = charge(call, false);
    print("settleEpoch, repeated epoch of 12 agents (reverts)", {gas});
    CHECK(gas == 10'000 + 250 * call.data.size());
}

TEST_CASE("the gas of execution and the refund are measured separately") {
    Pool pool;
    const Address next = new_wallet();
    REQUIRE(pool.send(pool.call_of(encode_call("setCoordinator(address)", {word(next)}))).ok);
    // Clearing the proposal's slot refunds 4,800 gas (EIP-3529).
    const ChainCall call = pool.call_of(next, encode_call("acceptCoordinator()"));
    const ChainReceipt receipt = chain().send(call);
    REQUIRE(receipt.ok);
    const Execution execution = trace(receipt);
    CHECK(execution.refund == 4'800);
    CHECK(receipt.gas_used == ethereum_gas(call, execution));
    // A fifth of what IoTeX charges before the refund is less than that.
    const std::uint64_t before = 10'000 + 4 * 100 + execution.gas;
    CHECK(before / 5 < 4'800);
    CHECK(iotex_gas(call, execution) == before - before / 5);
}
