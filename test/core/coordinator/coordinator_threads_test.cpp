// SPDX-License-Identifier: Apache-2.0
// A coordinator with all its threads, on the machine's clock. Run it under TSan.
#include <condition_variable>
#include <random>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "core/coordinator/coordinator.hpp"
#include "test/core/coordinator/coordinator_fixture.hpp"
#include "test/core/coordinator/run_fixture.hpp"
#include "test/support/task_levels.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

/// A transport sink that lets one thread wait for events.
class WaitingSink final : public StreamSink {
  public:
    void on_ready() override {
        change([this] { ready_ = true; });
    }
    void on_end(Error reason) override {
        change([&] { ended_ = std::move(reason); });
    }

    /// Returns false when the stream has ended.
    bool wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ready_ || ended_; });
        ready_ = false;
        return !ended_;
    }
    [[nodiscard]] std::optional<Error> ended() const {
        const std::lock_guard lock(mutex_);
        return ended_;
    }

  private:
    template <typename F>
    void change(const F& f) {
        const std::lock_guard lock(mutex_);
        f();
        changed_.notify_all();
    }
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool ready_ = false;
    std::optional<Error> ended_;
};

/// Counts accepted answers and wakes a thread that waits for a certain number.
class Tally {
  public:
    void add(std::size_t count) {
        const std::lock_guard lock(mutex_);
        count_ += count;
        changed_.notify_all();
    }
    void wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return count_ >= count; });
    }
    [[nodiscard]] std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return count_;
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t count_ = 0;
};

/// Like answer_to(), but executes the tasks that carry a transaction.
BatchResult execute(const TaskBatch& batch, evm::Executor& executor) {
    BatchResult out = answer_to(batch);
    for (std::size_t i = 0; i < batch.tasks.size(); ++i) {
        if (!batch.tasks[i].evm_tx) continue;
        auto executed = execute_task(executor, batch.tasks[i]);
        if (!executed) continue;
        executed->task_id = batch.tasks[i].task_id;
        out.results[i] = *std::move(executed);
    }
    return out;
}

/// An agent that answers all its tasks until its stream ends.
class HonestAgent {
  public:
    HonestAgent(House& house, std::string id, Tally& tally, TaskLevel level = kL2)
        : sink_(std::make_shared<WaitingSink>()) {
        REQUIRE(house.register_agent(id, {id, level, "", "", ""})->accepted);
        auto stream = house.coordinator->open_task_stream(id, {id, level, 10}, sink_);
        REQUIRE(stream);
        stream_ = std::move(*stream);
        thread_ = std::jthread([this, &house, id = std::move(id), &tally] {
            evm::Executor executor;
            while (sink_->wait()) {
                while (const auto batch = stream_->take()) {
                    house.coordinator->submit(id, execute(*batch, executor),
                                              [&tally, batch](const Result<SubmitResponse>& r) {
                                                  if (r && r->accepted) tally.add(batch->tasks.size());
                                              });
                }
            }
        });
    }
    [[nodiscard]] std::optional<Error> ended() const { return sink_->ended(); }
    void join() { thread_.join(); }

  private:
    std::shared_ptr<WaitingSink> sink_;
    std::unique_ptr<TaskStream> stream_;
    std::jthread thread_;
};

CoordinatorSettings fast() {
    CoordinatorSettings settings;
    settings.poll_interval = 10ms;
    settings.register_interval = 0s;
    return settings;
}

void set_pool(House& house, const std::vector<PoolActionPtr>& pending, std::uint64_t height) {
    house.pool.set_tip(ChainTip{height, house.clock.wall(), 0});
    house.pool.set(pending);
}

}  // namespace

TEST_CASE("with all threads running, each transaction is dispatched, answered and compared once") {
    SystemClock clock;
    House house(fast(), &clock);
    house.begin_at_100();
    Tally tally;
    std::vector<std::unique_ptr<HonestAgent>> agents;
    for (int i = 0; i < 8; ++i)
        agents.push_back(std::make_unique<HonestAgent>(house, "agent-" + std::to_string(i), tally));
    house.coordinator->start();
    const auto pool = actions(2000);
    set_pool(house, {pool.begin(), pool.begin() + 1000}, 100);
    tally.wait_for(1000);
    set_pool(house, pool, 100);
    tally.wait_for(2000);
    house.block(101, pool);
    house.blocks.wait_until_asked(102);
    const StatusView status = house.coordinator->status();
    CHECK(status.tasks_dispatched == 2000);
    CHECK(status.tasks_received == 2000);
    CHECK(house.coordinator->shadow().compared == 2000);
    CHECK(house.coordinator->shadow().matched == 2000);
    house.coordinator->stop();
    for (auto& agent : agents) {
        agent->join();
        REQUIRE(agent->ended());
        CHECK(agent->ended()->code == ErrorCode::unavailable);
    }
    CHECK(tally.count() == 2000);
}

TEST_CASE(
    "with all threads running, agents at L3 execute what the coordinator ran before, and all results agree") {
    constexpr std::size_t kCalls = 300;
    SystemClock clock;
    CoordinatorSettings settings = fast();
    settings.task_level = TaskLevel::l3_full_execute;
    FakeRunState run_state;
    run_state.set(address_of_number(1), 1'000'000'000);
    run_state.set(address_of_number(7), 0, 1, kCounterCode);
    run_state.set_slot(address_of_number(7), 0, 5);
    House house(settings, &clock);
    house.fetchers = &run_state;
    house.restart();
    AccountState contract{0, 1, Hash256{}};
    contract.code_hash->bytes[0] = 7;
    house.state.set(address_of_number(7), contract);
    house.state.set(address_of_number(1), {1'000'000'000, 0, {}});
    house.begin_at_100();
    Tally tally;
    std::vector<std::unique_ptr<HonestAgent>> agents;
    for (int i = 0; i < 3; ++i) {
        agents.push_back(std::make_unique<HonestAgent>(house, "agent-" + std::to_string(i), tally,
                                                       TaskLevel::l3_full_execute));
    }
    house.coordinator->start();
    std::vector<PoolActionPtr> pool;
    for (std::size_t i = 0; i < kCalls; ++i)
        pool.push_back(call_of(7, i));
    set_pool(house, pool, 100);
    tally.wait_for(kCalls);
    house.block(101, pool);
    house.blocks.wait_until_asked(102);
    const ShadowTotals shadow = house.coordinator->shadow();
    CHECK(shadow.compared == kCalls);
    CHECK(shadow.matched == kCalls);
    // If this machine is too slow for a run, the task falls back to L2, where no gas is reported.
    const std::uint64_t executed = house.counter("tasks_given_at_l3");
    CHECK(executed > 0);
    CHECK(shadow.evm_gas_matches == executed);
    CHECK(shadow.evm_state_matches == executed);
    CHECK(shadow.evm_gas_mismatches == 0);
    house.coordinator->stop();
    for (auto& agent : agents)
        agent->join();
}

TEST_CASE("a drain waits for answers to tasks that agents hold, and hands out no new tasks") {
    SystemClock clock;
    House house(fast(), &clock);
    house.begin_at_100();
    const auto sink = std::make_shared<WaitingSink>();
    REQUIRE(house.register_agent("a", {"a", kL2, "", "", ""})->accepted);
    const auto stream = house.coordinator->open_task_stream("a", {"a", kL2, 10}, sink);
    REQUIRE(stream);
    house.coordinator->start();
    const auto pool = actions(2);
    set_pool(house, {pool[0]}, 100);
    REQUIRE(sink->wait());
    const auto batch = (*stream)->take();
    REQUIRE(batch);

    std::atomic<bool> drained{false};
    std::jthread drainer([&] {
        house.coordinator->drain(60s);
        drained = true;
    });
    while (house.register_agent("b", {"b", kL2, "", "", ""}))
        std::this_thread::yield();
    set_pool(house, pool, 100);
    const std::uint64_t before = house.pool.polls();
    while (house.pool.polls() < before + 3)
        std::this_thread::yield();
    CHECK_FALSE(drained);
    CHECK_FALSE((*stream)->take());
    Tally tally;
    house.coordinator->submit("a", answer_to(*batch), [&](const Result<SubmitResponse>& answer) {
        if (answer && answer->accepted) tally.add(1);
    });
    drainer.join();
    tally.wait_for(1);
    CHECK(house.coordinator->status().tasks_received == 1);
    CHECK_FALSE(sink->ended());
    house.coordinator->stop();
}

TEST_CASE("a drain ends at its time limit when an agent does not answer") {
    SystemClock clock;
    House house(fast(), &clock);
    house.begin_at_100();
    const auto sink = std::make_shared<WaitingSink>();
    REQUIRE(house.register_agent("a", {"a", kL2, "", "", ""})->accepted);
    const auto stream = house.coordinator->open_task_stream("a", {"a", kL2, 10}, sink);
    REQUIRE(stream);
    house.coordinator->start();
    set_pool(house, actions(1), 100);
    REQUIRE(sink->wait());
    REQUIRE((*stream)->take());
    house.coordinator->drain(1ms);
    CHECK(house.counter("tasks_with_agents") == 1);
    house.coordinator->stop();
    REQUIRE(sink->ended());
    CHECK(sink->ended()->code == ErrorCode::unavailable);
}

TEST_CASE("a stuck account read delays neither other reads nor polls", "[defect-22]") {
    SystemClock clock;
    House house(fast(), &clock);
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
    CoordinatorSettings settings = fast();
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
    CoordinatorSettings settings = fast();
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

TEST_CASE("agents that join and leave thousands of times lose no task, and none is paid twice", "[defect-31]") {
    SystemClock clock;
    CoordinatorSettings settings = fast();
    settings.task_attempts = 100'000;  // an agent that leaves uses up a try, and here agents leave all the time
    settings.task_level = TaskLevel::l1_sig_verify;
    House house(settings, &clock);
    house.begin_at_100();
    Tally tally;
    constexpr std::size_t kTasks = 3000;
    const auto pool = actions(kTasks);
    house.coordinator->start();

    std::vector<std::jthread> churn;
    for (unsigned t = 0; t < 4; ++t) {
        churn.emplace_back([&, t] {
            std::minstd_rand random(t + 1);
            for (int i = 0; i < 750; ++i) {
                const std::string id = "churn-" + std::to_string(t) + "-" + std::to_string(i % 3);
                const auto registered = house.register_agent(id, {id, kL2, "", "", ""});
                if (!registered || !registered->accepted) continue;
                auto sink = std::make_shared<WaitingSink>();
                auto stream = house.coordinator->open_task_stream(id, {id, kL2, 10}, sink);
                if (!stream) continue;
                (void)house.coordinator->heartbeat(id, {});
                if (random() % 4 == 0) sink = std::make_shared<WaitingSink>();
                while (const auto batch = (*stream)->take()) {
                    if (random() % 2 == 0) continue;
                    house.coordinator->submit(id, answer_to(*batch),
                                              [&tally](const Result<SubmitResponse>&) { tally.add(0); });
                }
                switch (random() % 3) {
                    case 0:
                        house.coordinator->end_agent(id, {ErrorCode::permission_denied, "revoked", id, "", ""});
                        break;
                    case 1:
                        (*stream)->closed();
                        break;
                    default:
                        break;  // the next stream replaces it, or it is destroyed
                }
            }
        });
    }
    std::jthread feed([&] {
        for (std::size_t i = 0; i < 100; ++i) {
            const auto count = static_cast<std::ptrdiff_t>((i + 1) * kTasks / 100);
            set_pool(house, {pool.begin(), pool.begin() + count}, 100 + i);
            house.block(101 + i, {});
            (void)house.coordinator->status();
            (void)house.coordinator->agents();
            std::this_thread::yield();
        }
        set_pool(house, pool, 200);
    });
    for (auto& thread : churn)
        thread.join();
    feed.join();
    for (int t = 0; t < 4; ++t) {
        for (int i = 0; i < 3; ++i) {
            house.coordinator->end_agent("churn-" + std::to_string(t) + "-" + std::to_string(i), {});
        }
    }
    Tally honest;
    HonestAgent last(house, "honest", honest);
    while (house.coordinator->status().tasks_received < kTasks)
        std::this_thread::yield();
    // Exactly once each: the block finds one answer for every transaction.
    house.block(201, pool);
    house.blocks.wait_until_asked(202);
    CHECK(house.coordinator->status().tasks_received == kTasks);
    CHECK(house.coordinator->shadow().compared == kTasks);
    CHECK(house.coordinator->agents().size() == 1);
    CHECK(house.counter("tasks_given_up") == 0);
    house.coordinator->stop();
    last.join();
}

TEST_CASE("a stop while the source hangs ends within the time-outs of the ports", "[defect-32]") {
    SystemClock clock;
    House house(fast(), &clock);
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
