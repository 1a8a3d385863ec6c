// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/task_execution.hpp"

#include <catch2/catch.hpp>

#include "test/support/fakes.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

const std::string kSender = "0x0101010101010101010101010101010101010101";
const std::string kToken = "0x0707070707070707070707070707070707070707";

/// A call of a contract that adds 1 to its slot 0, or reverts if the slot was 9:
/// PUSH0 SLOAD DUP1 PUSH1 9 EQ PUSH1 0x0f JUMPI PUSH1 1 ADD PUSH0 SSTORE STOP JUMPDEST PUSH0 PUSH0 REVERT
TaskPackage counter_task(const std::string& value) {
    TaskPackage task;
    task.level = TaskLevel::l3_full_execute;
    task.sender = AccountSnapshot{kSender, "1000000000000000000", 3, {}};
    task.receiver = AccountSnapshot{kToken, "0", 1, {}};
    task.block_context = BlockContext{1'800'000'000, 30'000'000, "1000000000000", "", 101};
    task.block_height = 100;
    task.evm_tx = EvmTx{kToken, "0", {}, 100'000, "1000000000000"};
    task.contract_code[kToken] = *from_hex("5f5480600914600f576001015f55005b5f5ffd");
    task.storage_slots[kToken]["0x00"] = value;
    return task;
}

std::string padded(const std::string& digits) {
    return "0x" + std::string(64 - digits.size(), '0') + digits;
}

}  // namespace

TEST_CASE("a task is executed over its own data and answered as the public agent does") {
    evm::Executor executor;
    const auto answer = execute_task(executor, counter_task("0x05"));
    REQUIRE(answer);
    CHECK(answer->valid);
    CHECK(answer->exec_error.empty());
    // Nothing is warm: 2,100 for the first read, then 2,900 to change the slot, plus 13 cheap steps.
    CHECK(answer->gas_used == 2 + 2'100 + 3 + 3 + 3 + 3 + 10 + 3 + 3 + 2 + 2'900);
    REQUIRE(answer->state_changes.size() == 1);
    CHECK(answer->state_changes[0] == StateChange{kToken, padded("0"), padded("5"), padded("6")});
    REQUIRE(answer->logs.size() == 1);  // the agent logs each transfer, even of 0
    CHECK(answer->logs[0].topics.size() == 3);
}

TEST_CASE("a task that reverts is answered with the reason and without changes") {
    evm::Executor executor;
    const auto answer = execute_task(executor, counter_task("0x09"));
    REQUIRE(answer);
    CHECK_FALSE(answer->valid);
    CHECK(answer->reject_reason == "execution reverted");
    CHECK(answer->state_changes.empty());
}

TEST_CASE("slots and code that a task lacks are empty for the agent") {
    evm::Executor executor;
    TaskPackage task = counter_task("0x05");
    task.storage_slots.clear();
    CHECK(execute_task(executor, task)->state_changes[0].new_value == padded("1"));
    task.contract_code.clear();
    CHECK(execute_task(executor, task)->gas_used == 0);
}

TEST_CASE("a task that cannot be read is an error") {
    evm::Executor executor;
    TaskPackage task = counter_task("0x05");
    task.evm_tx.reset();
    CHECK(execute_task(executor, task).error().code == ErrorCode::bad_data);
    task = counter_task("no hex");
    CHECK(execute_task(executor, task).error().code == ErrorCode::bad_data);
    task = counter_task("0x05");
    task.sender->balance = "much";
    CHECK(execute_task(executor, task).error().code == ErrorCode::bad_data);
}

TEST_CASE("an answer is compared with the own run by validity, gas and the final values of slots") {
    const Address token = address_of_number(7);
    const RunOutcome run{OwnRun::valid, 5'032, {{token, 0, 6}}};
    TaskResult answer;
    answer.valid = true;
    answer.gas_used = 5'032;
    answer.state_changes = {{kToken, padded("0"), padded("5"), padded("6")}};
    CHECK(compare_with_run(run, answer, false) ==
          RunComparison{OwnRun::valid, false, Agreement::same, Agreement::same});

    SECTION("address case, short words and unchanged slots make no difference") {
        answer.state_changes = {{kToken, "0x01", padded("7"), padded("7")}, {kToken, "0x00", "0x05", "0x06"}};
        CHECK(compare_with_run(run, answer, true).state == Agreement::same);
        CHECK(compare_with_run(run, answer, true).receipt_counts_too);
    }
    SECTION("other gas differs") {
        answer.gas_used += 1;
        CHECK(compare_with_run(run, answer, false).gas == Agreement::differs);
    }
    SECTION("with gas 0 the gas is not compared, because the agent did not execute") {
        answer.gas_used = 0;
        CHECK(compare_with_run(run, answer, false).gas == Agreement::not_compared);
    }
    SECTION("another value, an extra change, a missing change and an unreadable one differ") {
        answer.state_changes[0].new_value = padded("7");
        CHECK(compare_with_run(run, answer, false).state == Agreement::differs);
        answer.state_changes = {{kToken, padded("0"), padded("5"), padded("6")},
                                {kToken, padded("1"), padded("5"), padded("6")}};
        CHECK(compare_with_run(run, answer, false).state == Agreement::differs);
        answer.state_changes = {};
        CHECK(compare_with_run(run, answer, false).state == Agreement::differs);
        answer.state_changes = {{"nobody", padded("0"), padded("5"), padded("6")}};
        CHECK(compare_with_run(run, answer, false).state == Agreement::differs);
    }
    SECTION("without an own run nothing is compared") {
        CHECK(compare_with_run(RunOutcome{}, answer, true) == RunComparison{});
    }
}
