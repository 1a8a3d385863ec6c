// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "contracts/keystore.hpp"
#include "settlement/settler.hpp"
#include "test/settlement/store_fixture.hpp"
#include "test/support/fake_chain.hpp"
#include "test/support/fake_reward_pool.hpp"
#include "test/support/fakes.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm::test {

/// A ledger in memory. Epoch e has the blocks 10e-9 to 10e.
class MemoryPayouts final : public settlement::PayoutSource {
  public:
    void owe(std::uint64_t epoch, const std::string& agent, const U256& amount, std::optional<Address> wallet) {
        rows[{epoch, agent}] = {amount, wallet};
        next_epoch = std::max(next_epoch, epoch + 1);
    }
    Result<settlement::LedgerFacts> read(std::uint64_t first_epoch) override {
        settlement::LedgerFacts out;
        out.chain = chain;
        out.next_epoch = next_epoch;
        out.last_height = next_epoch == 0 ? 0 : 10 * (next_epoch - 1);
        for (const auto& [key, row] : rows) {
            if (key.first < first_epoch) continue;
            settlement::OwedPayout one;
            one.epoch = key.first;
            one.first_height = 10 * key.first - 9;
            one.last_height = 10 * key.first;
            one.agent_id = key.second;
            one.amount_rau = row.first;
            one.wallet = row.second;
            if (const auto now = present.find(key.second); now != present.end())
                one.present_wallet = now->second;
            out.waiting.push_back(std::move(one));
        }
        return out;
    }
    Result<std::vector<std::optional<U256>>> amounts(
        std::span<const std::pair<std::uint64_t, std::string>> payouts) override {
        std::vector<std::optional<U256>> out;
        for (const auto& key : payouts) {
            const auto found = rows.find(key);
            out.push_back(found == rows.end() ? std::nullopt : std::optional<U256>(found->second.first));
        }
        return out;
    }
    Result<std::uint64_t> oldest_epoch() override { return rows.empty() ? 0 : rows.begin()->first.first; }

    std::optional<ChainIdentity> chain = ChainIdentity{4690, std::nullopt};
    std::uint64_t next_epoch = 0;
    std::map<std::pair<std::uint64_t, std::string>, std::pair<U256, std::optional<Address>>> rows;
    std::map<std::string, Address> present;  ///< the wallets that agents name now
};

/// Everything that a settler needs, in memory except for settlement.db. Agents are named "a", "b" and so on,
/// each with its own wallet. Amounts are in IOTX.
class SettlerWorld {
  public:
    explicit SettlerWorld(FakeRewardPool::Version version = FakeRewardPool::Version::v3,
                          std::size_t endpoint_count = 1)
        : endpoint_count_(endpoint_count) {
        chain.set_rules([&](FakeChainRules& rules) { rules.nodes = endpoint_count_; });
        chain.fund(key.address(), iotx(1'000'000));
        chain.put_contract(contract,
                           std::make_shared<FakeRewardPool>(version, contract, key.address(), pool_world));
        identity.chain_id = 4690;
        identity.contract = contract;
        identity.wallet = key.address();
        identity.pool = version == FakeRewardPool::Version::v3   ? settlement::PoolVersion::v3
                        : version == FakeRewardPool::Version::v2 ? settlement::PoolVersion::v2
                                                                 : settlement::PoolVersion::v2_damaged;
        identity.first_epoch = 1;
        settings.limits.max_gas_price = U256(2'000) * 1'000'000'000;
        settings.limits.max_gas_percent = 100;
        settings.limits.max_per_settlement_rau = iotx(100'000);
        settings.limits.max_per_day_rau = iotx(1'000'000);
        settings.poll = std::chrono::milliseconds(2'000);
        REQUIRE(settlement::SettlementStore::create(dir.path(), identity).has_value());
        restart();
    }

    static U256 iotx(std::uint64_t amount) { return U256(amount) * 1'000'000'000'000'000'000U; }
    static Address wallet_of(char agent) { return filled_with<Address>(static_cast<std::uint8_t>(agent)); }
    void owe(std::uint64_t epoch, char agent, std::uint64_t amount) {
        ledger.owe(epoch, std::string(1, agent), iotx(amount), wallet_of(agent));
    }

    /// Ends the process and starts another one.
    void restart(settlement::SettlementStore::FileCheck check = settlement::SettlementStore::FileCheck::whole) {
        settler.reset();
        client.reset();
        signer.reset();
        store.reset();
        endpoints.clear();
        store = std::move(*settlement::SettlementStore::open(dir.path(), check));
        std::vector<std::unique_ptr<contracts::RpcEndpoint>> made;
        for (std::size_t i = 0; i < endpoint_count_; ++i) {
            auto one = std::make_unique<FakeEndpoint>(chain, "http://fake:" + std::to_string(i), i);
            one->before = [this, i](const RpcCall& call) { return before ? before(i, call) : std::nullopt; };
            one->after = [this, i](const RpcCall& call, Result<RpcReply> reply) {
                return after ? after(i, call, std::move(reply)) : std::move(reply);
            };
            endpoints.push_back(one.get());
            made.push_back(std::move(one));
        }
        client = std::make_unique<contracts::ChainClient>(std::move(made), 4690);
        signer = std::make_unique<settlement::SettlementSigner>(key, identity, settings.limits);
        settler =
            std::make_unique<settlement::Settler>(*store, ledger, *client, *signer, settings, clock, Log());
    }

    settlement::SettlerStep step() {
        auto out = settler->step();
        INFO((out ? std::string() : out.error().text()));
        REQUIRE(out.has_value());
        return *out;
    }
    /// Takes steps until the settler waits; at most 50.
    settlement::SettlerStep steps() {
        for (int i = 0; i < 50; ++i) {
            const settlement::SettlerStep one = step();
            if (one.state != settlement::SettlerStep::State::again) return one;
        }
        FAIL("it never waits");
        return {};
    }
    /// Mines `blocks` blocks and advances the clock by the settler's wait.
    void wait(const settlement::SettlerStep& step, std::size_t blocks = 1) {
        chain.mine(blocks);
        clock.advance(step.wait);
    }
    /// Takes steps, with a block between two waits, until nothing is in progress or owed; at most `rounds`
    /// blocks.
    settlement::SettlerStep run(int rounds = 40) {
        settlement::SettlerStep last;
        for (int i = 0; i < rounds; ++i) {
            last = steps();
            if (last.state == settlement::SettlerStep::State::idle ||
                last.state == settlement::SettlerStep::State::halted)
                return last;
            wait(last);
        }
        return last;
    }
    [[nodiscard]] settlement::IntentRow intent(std::uint64_t id) const { return store->intent(id)->value(); }
    [[nodiscard]] const FakeRewardPool& pool() const {
        held_ = chain.contract(contract);
        return dynamic_cast<const FakeRewardPool&>(*held_);
    }
    [[nodiscard]] std::size_t mined() const { return chain.mined(key.address()).size(); }
    [[nodiscard]] int sends(std::size_t endpoint = 0) const {
        const auto found = endpoints[endpoint]->asked.find("eth_sendRawTransaction");
        return found == endpoints[endpoint]->asked.end() ? 0 : found->second;
    }

    PrivateKey key = contracts::key_from_hex(std::string(64, '7')).value();
    Address contract = filled_with<Address>(0xc0);
    TempDir dir;
    FakeChain chain;
    std::shared_ptr<FakePoolWorld> pool_world = std::make_shared<FakePoolWorld>();
    MemoryPayouts ledger;
    ManualClock clock;
    settlement::SettlementIdentity identity;
    settlement::SettlerSettings settings;
    std::function<std::optional<Result<RpcReply>>(std::size_t, const RpcCall&)> before;
    std::function<Result<RpcReply>(std::size_t, const RpcCall&, Result<RpcReply>)> after;

    std::unique_ptr<settlement::SettlementStore> store;
    std::vector<FakeEndpoint*> endpoints;
    std::unique_ptr<contracts::ChainClient> client;
    std::unique_ptr<settlement::SettlementSigner> signer;
    std::unique_ptr<settlement::Settler> settler;

  private:
    std::size_t endpoint_count_;
    mutable std::shared_ptr<FakeContract> held_;
};

}  // namespace ioswarm::test
