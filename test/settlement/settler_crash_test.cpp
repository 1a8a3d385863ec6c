// SPDX-License-Identifier: Apache-2.0
// The process is killed at every failpoint, and once more while it recovers. Everything must be paid exactly
// once.
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "core/crypto/eth_tx.hpp"
#include "test/settlement/settler_fixture.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;
using Version = FakeRewardPool::Version;
using State = SettlerStep::State;

namespace {

struct Killed {};

void set_base_fee(SettlerWorld& world, std::uint64_t gwei) {
    world.chain.set_rules([gwei](FakeChainRules& rules) { rules.base_fee = U256(gwei) * 1'000'000'000; });
}

/// A world in which the settler dies at a failpoint, and again at the first one that it reaches afterwards.
class KilledWorld {
  public:
    KilledWorld(Version version, std::string kill_at) : world(version), kill_at_(std::move(kill_at)) {
        set_failpoint_hook([this](const char* name) { reached_point(name); });
        world.owe(1, 'a', 10);
        world.owe(1, 'b', 5);
    }
    ~KilledWorld() { set_failpoint_hook({}); }
    KilledWorld(const KilledWorld&) = delete;
    KilledWorld& operator=(const KilledWorld&) = delete;

    /// Runs `work`. When the settler dies in it, starts a new process and runs `work` again.
    template <typename Work>
    void survive(Work work) {
        for (;;) {
            try {
                work();
                return;
            } catch (const Killed&) {
                world.restart();
            }
        }
    }
    /// In each tick, steps until the settler waits, calls `between` with the tick's number and the last step,
    /// and mines a block.
    template <typename Between>
    void run(Between between, int ticks = 60) {
        for (int tick = 0; tick < ticks; ++tick) {
            SettlerStep last;
            survive([&] { last = world.steps(); });
            between(tick, last);
            world.wait(last);
        }
    }
    void check_paid_once() {
        CHECK(world.chain.balance(SettlerWorld::wallet_of('a')) == SettlerWorld::iotx(10));
        CHECK(world.chain.balance(SettlerWorld::wallet_of('b')) == SettlerWorld::iotx(5));
        CHECK(world.pool().deposited() == SettlerWorld::iotx(15));
        CHECK_FALSE(world.store->live_intent()->has_value());
        CHECK(kills_ <= 1);  // nothing can be killed after the last failpoint
    }

    SettlerWorld world;
    std::set<std::string> reached;
    std::function<void(const std::string&)> at_point;

  private:
    void reached_point(const std::string& name) {
        reached.insert(name);
        if (at_point) at_point(name);
        const bool first = kills_ == 2 && name == kill_at_;
        if (!first && kills_ != 1) return;
        --kills_;
        throw Killed{};
    }

    std::string kill_at_;
    int kills_ = 2;
};

// The chain's price rises, so the settler raises its price too. The block of the payment is taken back once.
std::set<std::string> pay_through_trouble(Version version, const std::string& kill_at) {
    KilledWorld killed(version, kill_at);
    bool reorganised = false;
    killed.run([&](int tick, const SettlerStep&) {
        if (tick == 0) set_base_fee(killed.world, 1'100);
        if (tick == 8) set_base_fee(killed.world, 1'000);
        const auto live = killed.world.store->live_intent();
        if (!reorganised && *live && (*live)->state == IntentState::mined) {
            killed.world.chain.reorganise(2);
            reorganised = true;
        }
    });
    CHECK(reorganised);
    if (killed.reached.contains(kill_at)) killed.check_paid_once();
    return killed.reached;
}

// The payment is not mined, and the operator replaces it. Then it is paid again.
std::set<std::string> replace_by_empty(Version version, const std::string& kill_at) {
    KilledWorld killed(version, kill_at);
    killed.run([&](int tick, const SettlerStep&) {
        SettlerWorld& world = killed.world;
        if (tick == 0) set_base_fee(world, 1'990);
        if (tick == 2) {
            killed.survive([&] {
                const auto live = world.store->live_intent();
                if (!*live || (*live)->state == IntentState::cancelling) return;
                const Status done = world.settler->unstick(Settler::Unstick::replace_by_empty,
                                                           world.settings.limits.max_gas_price);
                REQUIRE(done.has_value());
            });
        }
        if (tick == 6) set_base_fee(world, 1'000);
    });
    CHECK(killed.world.intent(1).state == IntentState::cancelled);
    if (killed.reached.contains(kill_at)) killed.check_paid_once();
    return killed.reached;
}

// The contract refuses the call after planning and before signing: the plan is dropped and made again.
std::set<std::string> drop_plan(Version version, const std::string& kill_at) {
    KilledWorld killed(version, kill_at);
    bool was_paused = false;
    killed.at_point = [&](const std::string& name) {
        if (name != "plan_stored" || was_paused) return;
        was_paused = true;
        killed.world.pool_world->paused = true;
    };
    killed.run([&](int tick, const SettlerStep&) {
        if (tick == 2) killed.world.pool_world->paused = false;
    });
    if (killed.reached.contains(kill_at)) killed.check_paid_once();
    return killed.reached;
}

// Another transaction of the same key takes the nonce, and the operator resumes.
std::set<std::string> lose_nonce(Version version, const std::string& kill_at) {
    KilledWorld killed(version, kill_at);
    killed.run([&](int tick, const SettlerStep& last) {
        SettlerWorld& world = killed.world;
        if (tick == 0) {
            world.chain.forget_pool();
            EthTx tx;
            tx.chain_id = 4690;
            tx.gas_price = U256(1'500) * 1'000'000'000;
            tx.gas_limit = 21'000;
            tx.to = filled_with<Address>(0xee);
            const RawEthTx raw = sign_transaction(tx, world.key);
            static_cast<void>(
                world.chain.answer(R"({"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":[")" +
                                   to_hex0x(raw.raw) + "\"]}"));
        }
        if (last.state == State::halted)
            killed.survive([&] {
                if (world.store->halt()->reason == HaltReason::none) return;
                const Status done = world.settler->resume();
                REQUIRE(done.has_value());
            });
    });
    if (killed.reached.contains(kill_at)) killed.check_paid_once();
    return killed.reached;
}

}  // namespace

TEST_CASE("the settler pays everything once, even if it is killed at any failpoint and again in recovery") {
    std::set<std::string> reached;
    for (const char* const name : failpoint_names()) {
        INFO("killed at " << name);
        for (const auto scenario : {pay_through_trouble, replace_by_empty, drop_plan, lose_nonce})
            reached.merge(scenario(Version::v3, name));
    }
    for (const char* const name : failpoint_names()) {
        INFO(name);
        CHECK(reached.contains(name));
    }
    CHECK(reached.size() == failpoint_names().size());
}

TEST_CASE("a version 2 contract is paid once in two steps, even if the settler is killed at any failpoint") {
    for (const char* const name : failpoint_names()) {
        INFO("killed at " << name);
        pay_through_trouble(Version::v2, name);
    }
}

TEST_CASE("a flipped bit in what a finished settlement did is found") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    CHECK(world.run().state == SettlerStep::State::idle);
    const Bytes data = world.intent(1).data;
    world.settler.reset();
    world.store.reset();
    const std::string file = world.dir.path("settlement.db");
    const std::string sound = whole_file(file);
    const std::string call(data.begin(), data.end());
    std::size_t flipped = 0;
    for (std::size_t at = sound.find(call); at != std::string::npos; at = sound.find(call, at + 1)) {
        std::string damaged = sound;
        damaged[at + call.size() / 2] = static_cast<char>(damaged[at + call.size() / 2] ^ 1);
        std::ofstream(file, std::ios::binary | std::ios::trunc) << damaged;
        const auto opened = settlement::SettlementStore::open(world.dir.path());
        REQUIRE_FALSE(opened.has_value());
        CHECK(opened.error().code == ErrorCode::data_loss);
        ++flipped;
    }
    CHECK(flipped >= 2);  // the call stands in the intent and in the signed bytes
}
