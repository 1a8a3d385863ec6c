// SPDX-License-Identifier: Apache-2.0
// Accounting on a disk that accepts no writes for a while. The test runs in a child process whose file size
// limit simulates the full disk.
#include <csignal>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/core/accounting/accounting_fixture.hpp"

namespace ioswarm {
namespace {

using namespace ioswarm::test;

bool limit_files(rlim_t bytes) {
    const rlimit limit{bytes, RLIM_INFINITY};
    return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

Status record(Accounting& books, const GivenAnswer& given) {
    std::promise<Status> done;
    books.record({answer_of(given)}, [&](Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
}

Status welcome(Accounting& books, const std::string& agent) {
    std::promise<Status> done;
    books.welcome(agent, std::nullopt, [&](const Result<WalletNaming>& named) {
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
    auto books = Accounting::open(**ledger, settings, clock, nullptr, Log{});
    if (!books) return 2;
    if (!record(**books, {.number = 1})) return 3;
    if (!(*books)->on_block(block_of(1))) return 4;

    if (!limit_files(1)) return 5;
    const Status refused = record(**books, {.number = 2});
    if (refused || refused.error().code != ErrorCode::io) return 6;
    if ((*books)->on_block(block_of(2, {{1, kReceiptSuccess}}))) return 7;
    if ((*books)->ready()) return 8;
    // Nothing of the failed write is visible, and reading still works.
    if ((*books)->tasks_received() != 1 || (*books)->last_height() != 1) return 9;
    if ((*books)->shadow().compared != 0 || (*books)->epoch().epoch != 0) return 10;
    if (!(*books)->rewards("a")) return 11;
    if (!(*books)->answered_by(hash_of(2, kRaw)).empty()) return 12;

    if (!limit_files(RLIM_INFINITY)) return 13;
    // The same block and the same answer are submitted again.
    if (!(*books)->on_block(block_of(2, {{1, kReceiptSuccess}}))) return 14;
    if (!record(**books, {.number = 2})) return 15;
    if (!(*books)->ready()) return 16;
    if ((*books)->tasks_received() != 2 || (*books)->shadow().compared != 1) return 17;
    if ((*books)->epoch().epoch != 1 || (*books)->epoch().total_tasks != 1) return 18;

    // While the disk is full an agent can register and receive its payout notice. The notice stays due until it
    // can be marked.
    if (!welcome(**books, "a")) return 19;
    if (!limit_files(1)) return 20;
    if (record(**books, {.number = 3})) return 21;
    if (!welcome(**books, "a")) return 22;
    const auto payout = (*books)->take_payout("a");
    if (!payout || payout->epoch != 0) return 23;
    if ((*books)->take_payout("a")) return 24;
    if ((*books)->mark_payouts_told()) return 25;
    if ((*ledger)->due_payouts("a", 10)->size() != 1) return 26;
    if (!limit_files(RLIM_INFINITY)) return 27;
    if (!(*books)->mark_payouts_told()) return 28;
    if (!(*ledger)->due_payouts("a", 10)->empty()) return 29;

    books->reset();
    ledger->reset();
    ledger = Ledger::open(dir);
    if (!ledger) return 30;
    books = Accounting::open(**ledger, settings, clock, nullptr, Log{});
    if (!books) return 31;
    return (*books)->tasks_received() == 2 && (*books)->shadow().compared == 1 ? 0 : 32;
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
