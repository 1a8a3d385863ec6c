// SPDX-License-Identifier: Apache-2.0
// Compares the model of version 3, which the settler's simulation uses, with the contract itself.
#include <random>

#include <catch2/catch.hpp>

#include "contracts/revert.hpp"
#include "test/contracts/pool.hpp"
#include "test/support/fake_reward_pool.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

TEST_CASE("the fake pool behaves like the real contract") {
    std::mt19937_64 random(12);
    const auto below = [&random](std::uint64_t limit) { return random() % limit; };
    Pool pool;
    const auto world = std::make_shared<FakePoolWorld>();
    FakeRewardPool model(FakeRewardPool::Version::v3, pool.address(), pool.coordinator(), world);
    std::vector<Address> wallets;
    for (int i = 0; i < 6; ++i)
        wallets.push_back(new_wallet());
    // PUSH1 0, PUSH1 0, REVERT: refuses money.
    chain().set_code(wallets[0], Bytes{0x60, 0x00, 0x60, 0x00, 0xfd});
    world->refusing.insert(wallets[0]);
    for (int step = 0; step < 60; ++step) {
        std::vector<Share> shares;
        for (std::uint64_t i = below(6); i > 0; --i)
            shares.push_back({wallets[below(wallets.size())], below(4) * below(1'000'000'007), below(2) == 0});
        const std::uint64_t epoch = 1 + below(5 + 3 * static_cast<std::uint64_t>(step));
        const U256 value = below(3) == 0 ? U256(0) : U256(random());
        const Bytes data = settle_data(epoch, shares);
        CAPTURE(step, epoch, shares.size());
        const ChainCall call = pool.call_of(data, value);
        const std::string reason = pool.revert_of(call);
        const ChainReceipt receipt = pool.send(call);
        // A failed run changes the model too. A chain would restore its copy, so the test does the same.
        const std::shared_ptr<FakeContract> before = model.clone();
        const FakeRun run = model.run(pool.coordinator(), value, data, false);
        REQUIRE(run.ok == receipt.ok);
        if (!run.ok) {
            CHECK(to_hex(run.data) == reason);
            model = dynamic_cast<FakeRewardPool&>(*before);
            continue;
        }
        REQUIRE(run.logs.size() == receipt.logs.size());
        for (std::size_t i = 0; i < run.logs.size(); ++i) {
            CHECK(run.logs[i].topics == receipt.logs[i].topics);
            CHECK(run.logs[i].data == receipt.logs[i].data);
        }
        for (const Address& wallet : wallets) {
            CHECK(model.claimable(wallet) == pool.claimable(wallet));
            CHECK(model.weight(wallet) == pool.view("agents(address)", {word(wallet)}));
        }
        CHECK(model.total_weight() == pool.view("totalWeight()"));
    }
}
