// SPDX-License-Identifier: Apache-2.0
// Typical use of a new pool by delegates: work is priced as the coordinator prices it, settled on chain, and
// claimed. Each case runs with settleEpoch and with the calls that coordinators of version 2 send.
#include <catch2/catch.hpp>

#include "core/accounting/rewards.hpp"
#include "test/contracts/pool.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

enum class Calls { settle_epoch, version_2 };

class Delegate {
  public:
    Delegate(Calls calls, const U256& reward) : calls_(calls) {
        settings_.epoch_reward_rau = reward;
        settings_.min_tasks_for_reward = 1;
        settings_.bonus_multiplier = Decimal{1, 0};
    }

    RewardSettings& settings() { return settings_; }

    /// Prices an epoch's work (tasks per agent) and settles it. Does nothing when nobody earned anything, as
    /// the coordinator does.
    void epoch(const std::map<std::string, std::uint64_t>& tasks) {
        std::vector<EpochWork> work;
        for (const auto& [agent, count] : tasks)
            work.push_back({agent, count, 0, 0});
        const EpochShares priced = share_out(settings_, work);
        ++epoch_;
        if (priced.shares.empty()) return;
        std::vector<Share> shares;
        // The weight is the amount in rau, so that every share matches the announced amount to the rau.
        for (const EpochShare& share : priced.shares)
            shares.push_back({wallet(share.agent_id), share.amount_rau});
        deposited_ += priced.pool_rau;
        const ChainReceipt receipt = calls_ == Calls::settle_epoch
                                         ? pool_.settle(epoch_, shares, priced.pool_rau)
                                         : pool_.settle_v2(shares, priced.pool_rau);
        REQUIRE(receipt.ok);
        U256 owed;
        for (const auto& [agent, address] : wallets_)
            owed += pool_.claimable(address);
        CHECK(pool_.balance() == owed);
    }

    U256 claimable(const std::string& agent) { return pool_.claimable(wallet(agent)); }

    /// Claims everything for everybody. Returns each wallet's balance afterwards.
    std::map<std::string, U256> claim_all() {
        std::map<std::string, U256> out;
        for (const auto& [agent, address] : wallets_) {
            if (pool_.claimable(address) != 0) REQUIRE(pool_.claim(address).ok);
            out[agent] = chain().balance(address);
        }
        return out;
    }

    U256 balance() const { return pool_.balance(); }
    const U256& deposited() const { return deposited_; }

  private:
    const Address& wallet(const std::string& agent) {
        const auto found = wallets_.find(agent);
        return found != wallets_.end() ? found->second : wallets_.emplace(agent, new_wallet()).first->second;
    }

    Calls calls_;
    RewardSettings settings_;
    Pool pool_;
    std::map<std::string, Address> wallets_;
    std::uint64_t epoch_ = 0;
    U256 deposited_;
};

}  // namespace

TEST_CASE("a single agent is paid the whole pool") {
    for (const Calls calls : {Calls::settle_epoch, Calls::version_2}) {
        Delegate delegate(calls, milli_iotx(500));
        delegate.epoch({{"a", 25}});
        CHECK(delegate.claimable("a") == milli_iotx(450));
        CHECK(delegate.claim_all()["a"] == milli_iotx(450));
        CHECK(delegate.balance() == 0);
    }
}

TEST_CASE("agents are paid in proportion to their work") {
    for (const Calls calls : {Calls::settle_epoch, Calls::version_2}) {
        Delegate delegate(calls, iotx(1));
        delegate.epoch({{"a", 60}, {"b", 30}, {"c", 10}});
        auto paid = delegate.claim_all();
        CHECK(paid["a"] == milli_iotx(540));
        CHECK(paid["b"] == milli_iotx(270));
        CHECK(paid["c"] == milli_iotx(90));
        CHECK(delegate.balance() == 0);
    }
}

TEST_CASE("ten agents over five epochs are paid the full amount, exact to the rau") {
    for (const Calls calls : {Calls::settle_epoch, Calls::version_2}) {
        Delegate delegate(calls, milli_iotx(500) + 7);
        std::map<std::string, U256> expected;
        for (std::uint64_t epoch = 1; epoch <= 5; ++epoch) {
            std::map<std::string, std::uint64_t> tasks;
            std::vector<EpochWork> work;
            for (std::uint64_t i = 0; i < 10; ++i) {
                const std::string agent = "agent-" + std::to_string(i);
                tasks[agent] = 10 + i * epoch;
                work.push_back({agent, tasks[agent], 0, 0});
            }
            for (const EpochShare& share : share_out(delegate.settings(), work).shares)
                expected[share.agent_id] += share.amount_rau;
            delegate.epoch(tasks);
        }
        CHECK(delegate.balance() == delegate.deposited());
        CHECK(delegate.claim_all() == expected);
        CHECK(delegate.balance() == 0);
    }
}

TEST_CASE("agents that join and leave are paid for the epochs in which they worked") {
    for (const Calls calls : {Calls::settle_epoch, Calls::version_2}) {
        Delegate delegate(calls, milli_iotx(500));
        delegate.epoch({{"a", 100}, {"b", 100}, {"d", 100}});
        delegate.epoch({{"a", 100}, {"b", 100}, {"d", 100}});
        for (int epoch = 3; epoch <= 10; ++epoch)
            delegate.epoch({{"a", 100}, {"b", 100}});
        delegate.epoch({{"a", 100}, {"new", 300}});
        auto paid = delegate.claim_all();
        // Ten times 0.45: two thirds of two epochs and half of eight, then a quarter and three quarters.
        CHECK(paid["a"] == milli_iotx(300 + 1800) + milli_iotx(450) / 4);
        CHECK(paid["b"] == milli_iotx(300 + 1800));
        CHECK(paid["d"] == milli_iotx(300));
        CHECK(paid["new"] == milli_iotx(450) * 3 / 4);
        CHECK(delegate.balance() == 0);
    }
}

TEST_CASE("agents with too few tasks are not paid") {
    for (const Calls calls : {Calls::settle_epoch, Calls::version_2}) {
        Delegate delegate(calls, milli_iotx(500));
        delegate.settings().min_tasks_for_reward = 10;
        delegate.epoch({{"busy", 10}, {"idle", 9}});
        CHECK(delegate.claimable("busy") == milli_iotx(450));
        CHECK(delegate.claimable("idle") == 0);
        delegate.settings().min_tasks_for_reward = 9999;
        delegate.epoch({{"busy", 10}, {"idle", 9}});
        CHECK(delegate.claimable("busy") == milli_iotx(450));
        delegate.settings().min_tasks_for_reward = 1;
        delegate.epoch({{"busy", 10}, {"idle", 10}});
        CHECK(delegate.claimable("idle") == milli_iotx(225));
    }
}

TEST_CASE("the delegate's cut does not go into the pool") {
    for (const Calls calls : {Calls::settle_epoch, Calls::version_2}) {
        Delegate delegate(calls, iotx(800));
        delegate.epoch({{"a", 100}, {"b", 100}});
        CHECK(delegate.deposited() == iotx(720));
        CHECK(delegate.claimable("a") == iotx(360));
        delegate.settings().delegate_cut_pct = Decimal{0, 0};
        delegate.epoch({{"a", 100}});
        CHECK(delegate.claimable("a") == iotx(1160));
        // The delegate takes all of it: nobody is paid, and the epoch passes.
        delegate.settings().delegate_cut_pct = Decimal{100, 0};
        delegate.epoch({{"a", 100}});
        CHECK(delegate.claimable("a") == iotx(1160));
        delegate.claim_all();
        CHECK(delegate.balance() == 0);
    }
}
