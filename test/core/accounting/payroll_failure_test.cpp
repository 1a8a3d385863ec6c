// SPDX-License-Identifier: Apache-2.0
// Payroll on a disk that accepts no writes for a while. The test runs in a child process whose file size
// limit simulates the full disk.
#include <csignal>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/core/accounting/payroll_fixture.hpp"

namespace ioswarm {
namespace {

using namespace ioswarm::test;

bool limit_files(rlim_t bytes) {
    const rlimit limit{bytes, RLIM_INFINITY};
    return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

Status record(Payroll& payroll, const GivenAnswer& given) {
    std::promise<Status> done;
    payroll.record({answer_of(given)}, [&](Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
}

Status register_agent(Payroll& payroll, const std::string& agent) {
    std::promise<Status> done;
    payroll.on_registration(agent, std::nullopt, [&](const Result<RegistrationOutcome>& named) {
        done.set_value(named ? Status() : Status(fail(named.error())));
    });
    return done.get_future().get();
}

/// Returns 0, or the number of the first step that failed.
int fail_and_heal(const std::string& dir) {
    signal(SIGXFSZ, SIG_IGN);
    const ManualClock clock;
    CoordinatorSettings settings;
    settings.rewards.epoch_reward_rau = 1000;
    settings.rewards.epoch_blocks = 2;
    settings.rewards.min_epoch_duration = std::chrono::seconds(0);
    settings.rewards.min_tasks_for_reward = 1;
    auto ledger = Ledger::open(dir);
    if (!ledger) return 1;
    auto payroll = Payroll::open(**ledger, settings, clock, nullptr, Log{});
    if (!payroll) return 2;
    if (!record(**payroll, {.number = 1})) return 3;
    if (!(*payroll)->on_block(block_of(1))) return 4;

    if (!limit_files(1)) return 5;
    const Status refused = record(**payroll, {.number = 2});
    if (refused || refused.error().code != ErrorCode::io) return 6;
    if ((*payroll)->on_block(block_of(2, {{1, kReceiptSuccess}}))) return 7;
    if ((*payroll)->ready()) return 8;
    // Nothing of the failed write is visible, and reading still works.
    if ((*payroll)->tasks_received() != 1 || (*payroll)->last_height() != 1) return 9;
    if ((*payroll)->shadow().compared != 0 || (*payroll)->epoch().epoch != 0) return 10;
    if (!(*payroll)->rewards("a")) return 11;
    if (!(*payroll)->answered_by(hash_of(2, kRaw)).empty()) return 12;

    if (!limit_files(RLIM_INFINITY)) return 13;
    // The same block and the same answer are submitted again.
    if (!(*payroll)->on_block(block_of(2, {{1, kReceiptSuccess}}))) return 14;
    if (!record(**payroll, {.number = 2})) return 15;
    if (!(*payroll)->ready()) return 16;
    if ((*payroll)->tasks_received() != 2 || (*payroll)->shadow().compared != 1) return 17;
    if ((*payroll)->epoch().epoch != 1 || (*payroll)->epoch().total_tasks != 1) return 18;

    // While the disk is full an agent can register and receive its payout notice. The notice stays due until it
    // can be marked.
    if (!register_agent(**payroll, "a")) return 19;
    if (!limit_files(1)) return 20;
    if (record(**payroll, {.number = 3})) return 21;
    if (!register_agent(**payroll, "a")) return 22;
    const auto payout = (*payroll)->take_payout("a");
    if (!payout || payout->epoch != 0) return 23;
    if ((*payroll)->take_payout("a")) return 24;
    if ((*payroll)->mark_notices_sent()) return 25;
    if ((*ledger)->due_payouts("a", 10)->size() != 1) return 26;
    if (!limit_files(RLIM_INFINITY)) return 27;
    if (!(*payroll)->mark_notices_sent()) return 28;
    if (!(*ledger)->due_payouts("a", 10)->empty()) return 29;

    payroll->reset();
    ledger->reset();
    ledger = Ledger::open(dir);
    if (!ledger) return 30;
    payroll = Payroll::open(**ledger, settings, clock, nullptr, Log{});
    if (!payroll) return 31;
    return (*payroll)->tasks_received() == 2 && (*payroll)->shadow().compared == 1 ? 0 : 32;
}

}  // namespace

TEST_CASE("an answer whose write failed is not counted, and counts once when it is submitted again") {
    const TempDir dir;
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(fail_and_heal(dir.path("data")));
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace ioswarm
