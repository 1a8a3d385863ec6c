// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/read_workers.hpp"

#include <thread>

#include <catch2/catch.hpp>

#include "test/core/coordinator/run_fixture.hpp"
#include "test/support/task_levels.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

TEST_CASE("stopping the workers ends a run that would go on for an hour") {
    evm::ReadingBounds bounds;
    bounds.time = std::chrono::hours(1);
    bounds.gas = ~std::uint64_t{0};
    RunDesk desk(RunDesk::at_level(TaskLevel::l3_full_execute), {}, bounds);
    desk.contract(9, "5b5f56");  // jumps to its own start for ever
    const FakeAgent agent = desk.join("a", TaskLevel::l3_full_execute);
    desk.update({call_of(9, 0, ~std::uint64_t{0})}, 100);
    for (const AccountReadPtr& read : desk.engine->dispatch(true))
        desk.engine->reads_done(read, read_accounts(desk.state, *read));
    const auto runs = desk.engine->take_runs();
    REQUIRE(runs.size() == 1);
    ReadWorkers workers(desk.state, &desk.runner, *desk.engine, {});
    workers.start(2);
    workers.add(runs);
    while (desk.source.fetches == 0)
        std::this_thread::yield();
    workers.stop();
    CHECK(desk.counter("runs_too_slow") == 1);
}
