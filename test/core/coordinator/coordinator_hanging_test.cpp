// SPDX-License-Identifier: Apache-2.0
// A coordinator with all its threads, on the machine's clock. Run it under TSan.
#include <condition_variable>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "core/coordinator/coordinator.hpp"
#include "test/core/coordinator/coordinator_fixture.hpp"
#include "test/core/coordinator/coordinator_threads_fixture.hpp"
#include "test/core/coordinator/run_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

TEST_CASE("a stuck account read delays neither other reads nor polls", "[defect-22]") {
    SystemClock clock;
    House house(fast_settings(), &clock);
    house.begin_at_100();
    Tally tally;
    HonestAgent agent(house, "a", tally);
    house.coordinator->start();
    house.state.stall();
    set_pool(house, {fake_action({.sender = 9, .receiver = 8})}, 100);
    house.state.wait_until_stalled(1);
    const std::uint64_t before = house.pool.polls();
    while (house.pool.polls() < before + 3)
        std::this_thread::yield();
    house.state.release();
    tally.wait_for(1);
    house.coordinator->stop();
    agent.join();
}

TEST_CASE("reads that hang leave at least one thread for other reads", "[defect-22]") {
    // Reads of the accounts of senders 1 to 3 fail at first and hang from then on. The others answer at once.
    class HangingState final : public StateReader {
      public:
        std::vector<Result<AccountState>> accounts(std::span<const Address> addresses, std::uint64_t) override {
            std::vector<Result<AccountState>> out;
            for (const Address& address : addresses) {
                if (address.bytes[0] > 3) {
                    out.emplace_back(AccountState{});
                    continue;
                }
                std::unique_lock lock(mutex_);
                if (!failed_.insert(address).second) changed_.wait(lock, [this] { return over_; });
                out.emplace_back(fail(ErrorCode::timed_out, "cannot read account", "", "no answer"));
            }
            return out;
        }
        void end() {
            const std::lock_guard lock(mutex_);
            over_ = true;
            changed_.notify_all();
        }

      private:
        std::mutex mutex_;
        std::condition_variable changed_;
        std::set<Address> failed_;
        bool over_ = false;
    };
    SystemClock clock;
    CoordinatorSettings settings = fast_settings();
    settings.prefetch_concurrency = 2;
    House house(settings, &clock);
    HangingState state;
    auto made = Coordinator::create(settings, house.pool, state, house.blocks, *house.payroll, clock, Log());
    REQUIRE(made);
    house.coordinator = std::move(*made);
    Tally tally;
    HonestAgent agent(house, "a", tally);
    house.coordinator->start();
    std::vector<PoolActionPtr> pool;
    for (std::uint8_t i = 1; i <= 3; ++i)
        pool.push_back(fake_action({.sender = i, .receiver = 9}));
    for (std::uint8_t i = 10; i < 30; ++i) {
        pool.push_back(fake_action({.sender = i, .receiver = 9}));
        set_pool(house, pool, 100);
        tally.wait_for(static_cast<std::size_t>(i) - 9);
    }
    CHECK(house.coordinator->status().tasks_received == 20);
    state.end();
    house.coordinator->stop();
    agent.join();
    house.coordinator.reset();  // before its state reader is destroyed
}

TEST_CASE("the number of concurrent account reads stays within its limit", "[defect-17]") {
    SystemClock clock;
    CoordinatorSettings settings = fast_settings();
    settings.prefetch_concurrency = 3;
    House house(settings, &clock);
    house.begin_at_100();
    Tally tally;
    std::vector<std::unique_ptr<HonestAgent>> agents;
    for (int i = 0; i < 4; ++i)
        agents.push_back(std::make_unique<HonestAgent>(house, "agent-" + std::to_string(i), tally));
    std::vector<PoolActionPtr> pool;
    for (int i = 0; i < 125; ++i) {
        pool.push_back(fake_action(
            {.sender = static_cast<std::uint8_t>(i), .receiver = static_cast<std::uint8_t>(255 - i)}));
    }
    house.coordinator->start();
    set_pool(house, pool, 100);
    tally.wait_for(125);
    CHECK(house.state.peak_concurrency() <= 3);
    house.coordinator->stop();
    for (auto& agent : agents)
        agent->join();
}

TEST_CASE("a stop while the source hangs ends within the time-outs of the ports", "[defect-32]") {
    SystemClock clock;
    House house(fast_settings(), &clock);
    house.begin_at_100();
    Tally tally;
    HonestAgent agent(house, "a", tally);
    house.coordinator->start();
    set_pool(house, actions(1), 100);
    tally.wait_for(1);
    // The block follower waits in next() for a block that never comes.
    house.coordinator->stop();
    agent.join();
    REQUIRE(agent.ended());
}
