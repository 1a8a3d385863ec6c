// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>

#include <catch2/catch.hpp>

#include "contracts/gas.hpp"
#include "test/contracts/pool.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

/// A size as the PUSH3 instruction, in hex.
std::string push3(std::size_t size) {
    return "62" + to_hex(BytesView(to_word(size).bytes).last(3));
}

/// Creates a wallet with this code.
Address payee(const std::string& code) {
    const Address out = new_wallet();
    chain().set_code(out, hex(code));
    return out;
}

/// Code that calls the payer back with `data`, and accepts the payment whatever the result.
std::string calls_back(const Bytes& data) {
    constexpr std::size_t kProgram = 23;
    // CODECOPY(0, kProgram, size); CALL(gas, caller, 0, 0, size, 0, 0); STOP
    const std::string size = push3(data.size());
    const std::string program = size + push3(kProgram) +
                                "5f39"
                                "5f5f" +
                                size + "5f5f335af15000";
    REQUIRE(program.size() == 2 * kProgram);
    return program + to_hex(data);
}

struct Hostile {
    const char* what;
    std::string code;
};

/// Payees that prevent a payment within the gas that payments get.
std::vector<Hostile> hostile() {
    return {{"reverts", "5f5ffd"},
            {"runs into an invalid instruction", "fe"},
            {"loops until its gas is gone", "5b5f56"},
            {"reverts with 90 KB", push3(90'000) + "5ffd"},
            {"reverts with 1 MiB", push3(1U << 20U) + "5ffd"},
            {"returns 1 MiB", push3(1U << 20U) + "5ff3"}};
}

/// "returns 90 KB": accepts the payment. Its large answer must cost the pool nothing.
const std::string kReturnsMuch = "62015f905ff3";

Bytes batch_claim_data(const std::vector<Address>& agents) {
    return encode_call("batchClaimFor(address[])", {list(agents)});
}

}  // namespace

TEST_CASE("a payee that refuses is credited and the others are paid") {
    for (const Hostile& kind : hostile()) {
        INFO(kind.what);
        Pool pool;
        const Address bad = payee(kind.code);
        const Address first = new_wallet();
        const Address last = new_wallet();
        const std::vector<Share> shares{{first, 10, true}, {bad, 80, true}, {last, 10, true}};
        // Not more gas than a coordinator would give.
        ChainCall call = pool.call_of(settle_data(1, shares), 1000);
        call.gas = 300'000;
        const ChainReceipt receipt = pool.send(call);
        REQUIRE(receipt.ok);
        CHECK(chain().balance(first) == 100);
        CHECK(chain().balance(last) == 100);
        CHECK(chain().balance(bad) == 0);
        CHECK(pool.claimable(bad) == 800);
        CHECK(pool.view("agents(address)", {word(bad)}, 0) == 80);
        const auto failed = events(receipt, "ClaimFailed(address,uint256)");
        REQUIRE(failed.size() == 1);
        CHECK(failed[0].topics[1] == topic_of(bad));
        CHECK(data_word(failed[0]) == 800);
        CHECK(events(receipt, "Claimed(address,uint256)").size() == 2);
        CHECK(pool.balance() == 800);

        // It does not stop a batch of claims or the claims in a settlement of version 2 either.
        const ChainReceipt batch = pool.send(pool.call_of(new_wallet(), batch_claim_data({bad, bad})));
        REQUIRE(batch.ok);
        CHECK(events(batch, "ClaimFailed(address,uint256)").size() == 2);
        CHECK(pool.claimable(bad) == 800);
        // When it claims for itself, the call fails, and its money stays in the pool.
        ChainCall claim = pool.call_of(bad, encode_call("claim()"));
        claim.gas = 200'000;
        CHECK_FALSE(pool.send(claim).ok);
        CHECK(pool.claimable(bad) == 800);
        CHECK(pool.balance() == 800);
        // Once it accepts payments, it gets all of its money.
        chain().set_code(bad, {});
        REQUIRE(pool.claim(bad).ok);
        CHECK(chain().balance(bad) == 800);
        CHECK(pool.balance() == 0);
    }
}

TEST_CASE("a failed claim reverts with a reason") {
    Pool pool;
    const Address bad = payee("5f5ffd");
    REQUIRE(pool.settle(1, {{bad, 1}}, 10).ok);
    const std::string failed = encode_reason("transfer failed");
    CHECK(pool.revert_of(pool.call_of(bad, encode_call("claim()"))) == failed);
    CHECK(pool.revert_of(pool.call_of(new_wallet(), encode_call("claimFor(address)", {word(bad)}))) == failed);
}

TEST_CASE("the claims in a settlement of version 2 skip a payee that refuses") {
    for (const Hostile& kind : hostile()) {
        INFO(kind.what);
        Pool pool;
        const Address bad = payee(kind.code);
        const Address good = new_wallet();
        ChainCall call = pool.call_of(settle_and_claim_v2_data({{bad, 3}, {good, 1}}, {bad, good}), 1000);
        call.gas = 300'000;
        REQUIRE(pool.send(call).ok);
        CHECK(chain().balance(good) == 250);
        CHECK(pool.claimable(bad) == 750);
        CHECK(pool.claimable(good) == 0);
    }
}

TEST_CASE("data that a payee returns costs the pool no gas") {
    Pool pool;
    const Address loud = payee(kReturnsMuch);
    const Address quiet = payee("00");
    for (const Address& agent : {loud, quiet})
        REQUIRE(pool.settle(agent == loud ? 1 : 2, {{agent, 1, true}}, 10).ok);
    const ChainReceipt to_quiet = pool.settle(3, {{quiet, 1, true}}, 10);
    const ChainReceipt to_loud = pool.settle(4, {{loud, 1, true}}, 10);
    REQUIRE(to_loud.ok);
    CHECK(chain().balance(loud) == 20);
    // Its own 90 KB of memory cost 24,000 gas. Copying them would cost the pool as much again.
    CHECK(to_loud.gas_used < to_quiet.gas_used + 30'000);
}

TEST_CASE("a payee gets enough gas to record a payment, and no more") {
    Pool pool;
    // Stores the value in a new slot and logs it, as some wallets do: about 24,000 gas.
    const Address bookkeeper = payee(
        "345f55"
        "5f5fa0"
        "00");
    REQUIRE(pool.settle(1, {{bookkeeper, 1, true}}, 10).ok);
    CHECK(chain().balance(bookkeeper) == 10);
    // Two new slots need more gas than a payment gets.
    const Address greedy = payee(
        "345f55"
        "34600155"
        "00");
    REQUIRE(pool.settle(2, {{greedy, 1, true}}, 10).ok);
    CHECK(chain().balance(greedy) == 0);
    CHECK(pool.claimable(greedy) == 10);
    // When it pays the gas itself, it can use as much as it likes.
    REQUIRE(pool.claim(greedy).ok);
    CHECK(chain().balance(greedy) == 10);
}

TEST_CASE("a payee that calls back in gets its share once") {
    struct Mode {
        const char* what;
        Bytes (*data)(const Address& self);
    };
    const std::array<Mode, 3> modes{
        Mode{"claim", [](const Address&) { return encode_call("claim()"); }},
        Mode{"claimFor", [](const Address& self) { return encode_call("claimFor(address)", {word(self)}); }},
        Mode{"batchClaimFor", [](const Address& self) {
                 return batch_claim_data({self, self});
             }}};
    for (const Mode& mode : modes) {
        INFO(mode.what);
        Pool pool;
        const Address other = new_wallet();
        const auto credit = [&](std::uint64_t epoch) {
            const Address agent = new_wallet();
            chain().set_code(agent, hex(calls_back(mode.data(agent))));
            REQUIRE(pool.settle(epoch, {{agent, 1}, {other, 9}}, 1000).ok);
            return agent;
        };
        const Address claims = credit(1);
        REQUIRE(pool.claim(claims).ok);
        CHECK(chain().balance(claims) == 100);

        const Address is_claimed_for = credit(2);
        REQUIRE(pool.send(pool.call_of(encode_call("claimFor(address)", {word(is_claimed_for)}))).ok);
        CHECK(chain().balance(is_claimed_for) == 100);

        const Address in_batch = credit(3);
        REQUIRE(pool.send(pool.call_of(batch_claim_data({in_batch, in_batch}))).ok);
        CHECK(chain().balance(in_batch) + pool.claimable(in_batch) == 100);

        // SEND_NOW: it can claim 100 and is sent 50 more.
        const Address sent = credit(4);
        REQUIRE(pool.settle(5, {{sent, 1, true}, {other, 1}}, 100).ok);
        CHECK(chain().balance(sent) + pool.claimable(sent) == 150);

        U256 owed = pool.claimable(other);
        for (const Address& agent : {claims, is_claimed_for, in_batch, sent})
            owed += pool.claimable(agent);
        CHECK(pool.balance() == owed);
        CHECK(pool.claimable(other) == 4 * 900 + 50);
    }
}

TEST_CASE("a payee that is the coordinator cannot settle the same epoch again from inside the payment") {
    Pool pool;
    const Address inside = payee(calls_back(settle_data(5, {})));
    REQUIRE(pool.send(pool.call_of(encode_call("setCoordinator(address)", {word(inside)}))).ok);
    REQUIRE(pool.send(pool.call_of(inside, encode_call("acceptCoordinator()"))).ok);
    const ChainReceipt receipt = pool.send(pool.call_of(inside, settle_data(5, {{inside, 1, true}}), 10));
    REQUIRE(receipt.ok);
    CHECK(events(receipt, "EpochSettled(uint64,uint256,uint256,uint256)").size() == 1);
    CHECK(pool.view("epochState(uint64)", {word(U256(5))}) == 1);
}

TEST_CASE("with any gas limit a settlement is complete or did not happen") {
    Pool pool;
    const Address bad = payee("fe");
    const Address wallet = new_wallet();
    const Address contract = payee("00");
    const Address credited = new_wallet();
    const std::vector<Share> shares{{wallet, 1, true}, {bad, 1, true}, {credited, 1}, {contract, 1, true}};
    std::uint64_t epoch = 0;
    std::uint64_t refused = 0;
    for (std::uint64_t gas = 30'000; gas <= 310'000; gas += 4'000) {
        INFO(gas);
        ChainCall call = pool.call_of(settle_data(epoch + 1, shares), 4000);
        call.gas = gas;
        if (pool.send(call).ok)
            ++epoch;
        else
            ++refused;
        for (const Address& paid : {wallet, contract})
            REQUIRE(chain().balance(paid) == epoch * 1000);
        for (const Address& owed : {bad, credited})
            REQUIRE(pool.claimable(owed) == epoch * 1000);
        REQUIRE(pool.balance() == epoch * 2000);
        REQUIRE(pool.view("lastEpoch()") == epoch);
    }
    CHECK(epoch > 10);
    CHECK(refused > 10);
}

TEST_CASE("gas that is too low for a payee reverts the call instead of skipping the payee") {
    Pool pool;
    const Address bookkeeper = payee(
        "345f55"
        "5f5fa0"
        "00");
    REQUIRE(pool.settle(1, {{bookkeeper, 1}}, 10).ok);
    ChainCall batch = pool.call_of(new_wallet(), batch_claim_data({bookkeeper}));
    batch.gas = 90'000;
    CHECK(pool.revert_of(batch) == encode_error("LowGas()"));
    ChainCall settle = pool.call_of(settle_data(2, {{bookkeeper, 1, true}}), 10);
    settle.gas = 100'000;
    CHECK(pool.revert_of(settle) == encode_error("LowGas()"));
    // So if an estimate searches for the lowest sufficient gas limit, that limit is sufficient for the payee
    // too.
    batch.gas = 60'000;
    while (!pool.send(batch).ok) {
        REQUIRE(chain().balance(bookkeeper) == 0);
        batch.gas += 1'000;
        REQUIRE(batch.gas < 200'000);
    }
    CHECK(chain().balance(bookkeeper) == 10);
}

// The limit is in IoTeX's gas. The test gives the execution what that limit leaves for it, since anvil prices
// the calldata differently.
TEST_CASE("the gas limit of settlements is enough for the most expensive payees") {
    for (const std::size_t count : {1U, 2U, 10U, 40U}) {
        INFO(count);
        Pool pool;
        std::vector<Share> shares;
        for (std::size_t i = 0; i < count; ++i) {
            shares.push_back({new_wallet(), 1});
            shares.push_back({payee("fe"), 1, true});
            shares.push_back({new_wallet(), 1, true});
        }
        ChainCall call = pool.call_of(settle_data(1, shares), 3000);
        const std::uint64_t limit = contracts::settle_epoch_gas_limit(count, 2 * count);
        const auto zeros = static_cast<std::uint64_t>(std::count(call.data.begin(), call.data.end(), 0));
        const std::uint64_t ethereum_intrinsic = 21'000 + 16 * (call.data.size() - zeros) + 4 * zeros;
        call.gas = limit - contracts::intrinsic_gas(call.data.size()) + ethereum_intrinsic;
        const ChainReceipt receipt = pool.send(call);
        REQUIRE(receipt.ok);
        CHECK(events(receipt, "Claimed(address,uint256)").size() == count);
    }
}
