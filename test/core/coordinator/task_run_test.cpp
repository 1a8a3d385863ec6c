// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/task_run.hpp"

#include <catch2/catch.hpp>

#include "test/core/coordinator/run_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

/// Contracts 7 (a counter) and 8 (which calls the account in its slot 1).
struct World {
    explicit World(const evm::ReadingBounds& bounds = {}) : runner(source, bounds) {
        source.set(address_of_number(1), 1'000'000, 4);
        source.set(address_of_number(7), 50, 1, kCounterCode);
        source.set_slot(address_of_number(7), 0, 5);
        source.set(address_of_number(8), 60, 1, kForwarderCode);
        source.set_slot(address_of_number(8), 1, 0x0707'0707'0707'0707);
        source.set(target(), 50, 1, kCounterCode);
        source.set_slot(target(), 0, 5);
    }
    /// The account that contract 8 calls: another counter, whose address fits into a slot of the fake.
    static Address target() {
        Address out;
        for (std::size_t i = 12; i < 20; ++i)
            out.bytes[i] = 7;
        return out;
    }
    RunRequest request(std::uint8_t to, std::uint64_t height = 100) {
        RunRequest out;
        out.height = height;
        out.action = call_of(to);
        out.sender = snapshot(1, "1000000", 4, {});
        out.receiver = snapshot(to, "50", 1, Bytes(32, to));
        out.block = BlockContext{1'800'000'000, 30'000'000, "7", "", height + 1};
        return out;
    }
    static AccountPtr snapshot(std::uint8_t number, const std::string& balance, std::uint64_t nonce,
                               Bytes hash) {
        return std::make_shared<const AccountSnapshot>(
            AccountSnapshot{to_hex0x(address_of_number(number).view()), balance, nonce, std::move(hash)});
    }

    FakeRunState source;
    TaskRunner runner;
    evm::Executor executor;
};

TaskPackage task_with(const TaskRun& run, const RunRequest& request) {
    TaskPackage task;
    task.sender = *run.sender;
    task.receiver = *run.receiver;
    task.block_height = run.height;
    task.block_context = run.block;
    task.evm_tx = request.action->evm_tx;
    add_run_data(run, task);
    return task;
}

}  // namespace

TEST_CASE("a run finds code and slots of every address that it touches") {
    World world;
    const RunRequest request = world.request(8);
    const RunAnswer answer = world.runner.run(world.executor, request);
    REQUIRE(answer.end == RunEnd::complete);
    REQUIRE(answer.run);
    CHECK(answer.run->suits_l3);
    const std::string target = to_hex0x(World::target().view());
    const std::string forwarder = to_hex0x(address_of_number(8).view());
    CHECK(answer.run->contract_code.size() == 2);
    CHECK(to_hex(answer.run->contract_code.at(target)->bytes()) == kCounterCode);
    CHECK(answer.run->storage_slots.at(target).size() == 1);
    CHECK(answer.run->storage_slots.at(forwarder).size() == 1);
    CHECK(answer.run->at_l3.own == OwnRun::valid);
    REQUIRE(answer.run->at_l3.changes.size() == 1);
    CHECK(answer.run->at_l3.changes[0].value == evm::Word(6));
    // An agent that receives this data executes the same.
    const auto executed = execute_task(world.executor, task_with(*answer.run, request));
    REQUIRE(executed);
    CHECK(compare_with_run(answer.run->at_l3, *executed, false) ==
          RunComparison{OwnRun::valid, false, Agreement::same, Agreement::same});
}

TEST_CASE("state that was read is not read again until the next block") {
    World world;
    REQUIRE(world.runner.run(world.executor, world.request(7)).run);
    CHECK(world.source.fetches == 2);  // one for the contract, one for its slot
    REQUIRE(world.runner.run(world.executor, world.request(7)).run);
    CHECK(world.source.fetches == 2);
    REQUIRE(world.runner.run(world.executor, world.request(7, 101)).run);
    CHECK(world.source.fetches == 4);
}

TEST_CASE("a transfer between plain accounts reads nothing") {
    World world;
    RunRequest request = world.request(2);
    request.receiver = World::snapshot(2, "0", 0, {});
    const RunAnswer answer = world.runner.run(world.executor, request);
    REQUIRE(answer.run);
    CHECK(answer.run->at_l3.own == OwnRun::valid);
    CHECK(answer.run->contract_code.empty());
    CHECK(world.source.fetches == 0);
}

TEST_CASE("an inner contract has no balance at L3, and its real balance at L4") {
    World world;
    // Sends 1 rau to account 0x33 and reverts if that fails:
    // PUSH0 (four times) PUSH1 1 PUSH1 0x33 GAS CALL PUSH1 0x10 JUMPI PUSH0 PUSH0 REVERT JUMPDEST STOP
    const std::string payer = "5f5f5f5f600160335af16010575f5ffd5b00";
    world.source.set(World::target(), 50, 1, payer);
    // Calls that contract and reverts if the call reverted.
    const std::string caller = "5f5f5f5f5f6001545af16010575f5ffd5b00";
    world.source.set(address_of_number(8), 60, 1, caller);
    RunRequest request = world.request(8);
    request.for_l4 = true;
    const RunAnswer answer = world.runner.run(world.executor, request);
    REQUIRE(answer.run);
    CHECK(answer.run->at_l3.own == OwnRun::invalid);
    CHECK(answer.run->at_l4.own == OwnRun::valid);
}

TEST_CASE("a run that exceeds a limit names the limit, and there is no L3 task") {
    evm::ReadingBounds bounds;
    SECTION("number of rounds") {
        bounds.rounds = 1;
        World world(bounds);
        const RunAnswer answer = world.runner.run(world.executor, world.request(7));
        CHECK(answer.end == RunEnd::too_many_rounds);
        CHECK_FALSE(answer.run);
    }
    SECTION("number of accounts") {
        bounds.accounts = 1;
        World world(bounds);
        CHECK(world.runner.run(world.executor, world.request(7)).end == RunEnd::too_many_accounts);
    }
    SECTION("number of slots") {
        bounds.slots = 0;
        World world(bounds);
        CHECK(world.runner.run(world.executor, world.request(7)).end == RunEnd::too_many_slots);
    }
    SECTION("size of code") {
        bounds.code_bytes = 3;
        World world(bounds);
        CHECK(world.runner.run(world.executor, world.request(7)).end == RunEnd::too_much_code);
    }
    SECTION("gas limit") {
        bounds.gas = 199'999;
        World world(bounds);
        CHECK(world.runner.run(world.executor, world.request(7)).end == RunEnd::too_much_work);
    }
    SECTION("time") {
        bounds.time = std::chrono::milliseconds(-1);
        World world(bounds);
        RunRequest request = world.request(7);
        request.for_l4 = true;
        CHECK(world.runner.run(world.executor, request).end == RunEnd::too_slow);
        CHECK(world.source.fetches == 0);  // no run is begun, also none on the whole state
    }
}

TEST_CASE("a creation that calls scrypt again and again is no L3 task, and the reason is its work") {
    World world;
    auto action = std::make_shared<PoolAction>(*world.request(7).action);
    // The init code calls 0x8002 in a loop, with 32 MiB (N = 2^18, r = 1, p = 1) for some 8,000 gas each time.
    const Bytes code = *from_hex(
        "60e05f52610100602052620400006040526001606052600160805260206"
        "0a0525b5f5f6101205f6180025afa50602056");
    action->receiver = std::nullopt;
    action->evm_tx = EvmTx{"", "0", code, 10'000'000, "1"};
    RunRequest request = world.request(7);
    request.action = action;
    request.receiver = nullptr;
    request.for_l4 = true;
    const RunAnswer answer = world.runner.run(world.executor, request);
    // On a machine that is slow enough, the time ends the run first.
    CHECK((answer.end == RunEnd::too_much_work || answer.end == RunEnd::too_slow));
    CHECK_FALSE(answer.run);
}

TEST_CASE("an unavailable source and a tip that moved end a run with different reasons") {
    World world;
    world.source.fails = true;
    CHECK(world.runner.run(world.executor, world.request(7)).end == RunEnd::fetch_failed);
    world.source.fails = false;
    world.source.tip = 101;
    CHECK(world.runner.run(world.executor, world.request(7)).end == RunEnd::tip_moved);
    world.source.tip = 100;
    CHECK(world.runner.run(world.executor, world.request(7)).end == RunEnd::complete);
}

TEST_CASE("a transaction that needs an unsupported precompiled contract gets no L3 task") {
    World world;
    // STATICCALL of the pairing with 192 bytes: PUSH0 PUSH0 PUSH1 192 PUSH0 PUSH1 8 GAS STATICCALL STOP
    world.source.set(address_of_number(7), 0, 1, "5f5f60c05f60085afa00");
    const RunAnswer answer = world.runner.run(world.executor, world.request(7));
    CHECK(answer.end == RunEnd::not_simulated);
    CHECK_FALSE(answer.run);
}

TEST_CASE("a transaction whose amount cannot be read is not run") {
    World world;
    RunRequest request = world.request(7);
    auto action = std::make_shared<PoolAction>(*request.action);
    action->evm_tx->value = "much";
    request.action = action;
    CHECK(world.runner.run(world.executor, request).end == RunEnd::unreadable);
}
