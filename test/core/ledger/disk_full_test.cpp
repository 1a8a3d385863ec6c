// SPDX-License-Identifier: Apache-2.0
// A disk that accepts no writes, and later accepts them again. The test runs in a child process because the
// limit applies to a whole process.
#include <csignal>
#include <functional>
#include <string>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include "core/ledger/ledger.hpp"
#include "test/support/small_disk.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm {
namespace {

using test::TempDir;

Status add_many(Ledger& ledger, std::uint64_t first, std::uint64_t count) {
    return ledger.run([=](LedgerTx& tx) -> Status {
        for (std::uint64_t number = first; number < first + count; ++number) {
            AnswerRow row;
            row.id = number + 1;
            row.agent_id = "agent";
            if (Status status = tx.add_answer(row); !status) return status;
        }
        return {};
    });
}

std::size_t count_answers(Ledger& ledger) {
    std::size_t count = 0;
    const Status status = ledger.run([&](LedgerTx& tx) -> Status {
        const auto state = tx.load();
        if (!state) return fail(state.error());
        count = state->answers.size();
        return {};
    });
    return status ? count : 0;
}

/// Runs `body` in a child; its return value is the child's exit status.
template <typename Body>
int in_child(Body body) {
    const pid_t child = fork();
    if (child < 0) return -1;
    if (child == 0) _exit(body());
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -2;
    return WEXITSTATUS(status);
}

/// Writes until a write fails. Returns 0 and the number of acknowledged answers.
int fill(Ledger& ledger, std::uint64_t& acknowledged, Error& error) {
    for (std::uint64_t round = 0; round < 10'000; ++round) {
        const Status status = add_many(ledger, acknowledged, 500);
        if (!status) {
            error = status.error();
            return 0;
        }
        acknowledged += 500;
    }
    return 1;
}

/// Waits until the ledger recovers by itself, without a write from the caller.
bool heals(Ledger& ledger) {
    for (int i = 0; i < 2000; ++i) {
        if (ledger.ready()) return true;
        usleep(5000);
    }
    return false;
}

int fill_and_heal(const std::string& dir, ErrorCode expected, const char* why,
                  const std::function<bool()>& make_room) {
    const LedgerOptions options;
    auto ledger = Ledger::open(dir, {}, options);
    if (!ledger) return 10;
    std::uint64_t acknowledged = 0;
    Error error;
    if (fill(**ledger, acknowledged, error) != 0) return 11;
    if (error.code != expected) return 12;
    if (why != nullptr && error.why.find(why) == std::string::npos) return 13;
    if ((*ledger)->ready()) return 14;
    if (count_answers(**ledger) != acknowledged && (*ledger)->ready()) return 15;
    if (options.metrics.value("ledger_failed_commits") == 0) return 16;
    if (!make_room()) return 17;
    if (!heals(**ledger)) return 18;
    if (count_answers(**ledger) != acknowledged) return 19;
    if (!add_many(**ledger, acknowledged, 500)) return 20;
    ledger->reset();
    ledger = Ledger::open(dir);
    if (!ledger) return 21;
    return count_answers(**ledger) == acknowledged + 500 ? 0 : 22;
}

}  // namespace

TEST_CASE("writes that the system refuses are io errors, lose nothing acknowledged, and work again later") {
    const TempDir dir;
    CHECK(in_child([&] {
              signal(SIGXFSZ, SIG_IGN);
              // The WAL reaches the limit; the database file itself stays below it.
              rlimit limit{1024 * 1024, RLIM_INFINITY};
              if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
              return fill_and_heal(dir.path("data"), ErrorCode::io, nullptr, [] {
                  rlimit more{RLIM_INFINITY, RLIM_INFINITY};
                  return setrlimit(RLIMIT_FSIZE, &more) == 0;
              });
          }) == 0);
}

TEST_CASE("a write on a full disk is an io error that names the cause, and works again when there is room",
          "[.][full-disk]") {
    const TempDir dir;
    const test::SmallDisk disk(dir.path(), "2m");
    if (!disk.is_mounted()) return;
    const int result = in_child([&] {
        return fill_and_heal(dir.path("data"), ErrorCode::io, "no space left",
                             [&] { return disk.grow_to("64m"); });
    });
    CHECK(result == 0);
}

}  // namespace ioswarm
