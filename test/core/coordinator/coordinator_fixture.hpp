// SPDX-License-Identifier: Apache-2.0
#pragma once

// A whole coordinator with a ledger in its own folder, on fakes of the ports. It can be closed and opened
// again, as by a restart.

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "core/coordinator/coordinator.hpp"
#include "core/ledger/ledger.hpp"
#include "test/core/coordinator/engine_fixture.hpp"
#include "test/support/fakes.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm::test {

class House {
  public:
    explicit House(CoordinatorSettings settings_in = {}, const Clock* clock_in = nullptr)
        : settings(std::move(settings_in)), clock(clock_in ? *clock_in : manual) {
        open();
    }
    ~House() { close(); }
    House(const House&) = delete;
    House& operator=(const House&) = delete;

    void open() {
        settings.metrics = {};  // a process begins to count again
        LedgerOptions options;
        options.metrics = settings.metrics;
        auto opened = Ledger::open(dir_.path("data"), {}, options);
        REQUIRE(opened);
        ledger = std::move(*opened);
        auto read = Payroll::open(*ledger, settings, clock, nullptr, log);
        REQUIRE(read);
        payroll = std::move(*read);
        auto made = Coordinator::create(settings, pool, state, blocks, *payroll, clock, log, fetchers);
        REQUIRE(made);
        coordinator = std::move(*made);
    }
    void close() {
        if (coordinator) coordinator->stop();
        coordinator.reset();
        payroll.reset();
        ledger.reset();
    }
    void restart() {
        close();
        open();
    }

    [[nodiscard]] std::uint64_t counter(const std::string& name) const {
        return settings.metrics.values().at(name);
    }

    /// Registers the agent and waits for the response, which comes from another thread.
    Result<RegisterResponse> register_agent(const std::string& id, const RegisterRequest& request) {
        std::promise<Result<RegisterResponse>> done;
        coordinator->register_agent(id, request,
                                    [&](Result<RegisterResponse> r) { done.set_value(std::move(r)); });
        return done.get_future().get();
    }
    FakeAgent join(const std::string& id, TaskLevel level = TaskLevel::l2_state_verify) {
        const auto response = register_agent(id, {id, level, "here", "1", ""});
        REQUIRE(response);
        REQUIRE(response->accepted);
        auto sink = std::make_shared<FakeSink>();
        auto stream = coordinator->open_task_stream(id, {id, level, 10}, sink);
        REQUIRE(stream);
        return {sink, std::move(*stream)};
    }
    /// One poll with this pool at this tip, with all reads and dispatches that follow from it.
    void poll(const std::vector<PoolActionPtr>& pending, std::uint64_t height) {
        pool.set(pending);
        pool.set_tip(ChainTip{height, clock.wall(), 0});
        REQUIRE(coordinator->poll_once());
        coordinator->read_now();
    }
    Result<SubmitResponse> submit(const std::string& id, BatchResult batch) {
        std::promise<Result<SubmitResponse>> done;
        coordinator->submit(id, std::move(batch),
                            [&](Result<SubmitResponse> r) { done.set_value(std::move(r)); });
        return done.get_future().get();
    }
    /// The next block, with these actions in it, all successful.
    void block(std::uint64_t height, const std::vector<PoolActionPtr>& mined) {
        std::vector<Receipt> receipts;
        for (const PoolActionPtr& action : mined)
            receipts.push_back({*action->hash, kReceiptSuccess, 21000});
        blocks.push(fake_block(height, std::move(receipts), clock.wall()));
    }
    /// Acts as if block 100 had been processed before. From then on block 101 is expected, whether it exists
    /// yet or not.
    void begin_at_100() { REQUIRE(payroll->on_block(fake_block(100, {}, clock.wall()))); }
    Status follow() { return coordinator->follow_once({}); }

    CoordinatorSettings settings;
    ManualClock manual;
    const Clock& clock;
    Log log;
    FakeActPool pool;
    FakeState state;
    FakeBlocks blocks;
    evm::StateFetchers* fetchers = nullptr;  ///< used from the next open() on
    std::unique_ptr<Ledger> ledger;
    std::unique_ptr<Payroll> payroll;
    std::unique_ptr<Coordinator> coordinator;

  private:
    TempDir dir_;
};

}  // namespace ioswarm::test
