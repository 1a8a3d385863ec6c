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

#include "core/diffs/diff_chain.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "test/support/diff_rows.hpp"
#include "test/support/small_disk.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm {
namespace {

using test::TempDir;

constexpr std::size_t kValueBytes = 5000;

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

/// True if the log holds heights 1 to `tip`, each as it was appended.
bool holds_all(const DiffStore& store, std::uint64_t tip) {
    if (store.range() != DiffRange{1, tip}) return false;
    for (std::uint64_t next = 1; next <= tip;) {
        const auto rows = store.read(next, 64, std::size_t{1} << 30);
        if (!rows) return false;
        for (const DiffRow& row : *rows) {
            if (row.height != next || row.record != test::some_row(next, kValueBytes).record) return false;
            ++next;
        }
    }
    return true;
}

int fill_and_heal(const std::string& file, ErrorCode expected, const std::function<bool()>& make_room) {
    auto store = SqliteDiffStore::open(file);
    if (!store) return 10;
    std::uint64_t tip = 0;
    Status status;
    for (std::uint64_t count = 1; tip < 100'000; count = count % 7 + 1) {
        status = (*store)->append(test::some_rows(tip + 1, count, kValueBytes));
        if (!status) break;
        tip += count;
    }
    if (status) return 11;
    if (status.error().code != expected) return 12;
    // A repeated append is also all or nothing, however often it is tried.
    for (int i = 0; i < 3; ++i) {
        if ((*store)->append(test::some_rows(tip + 1, 60, kValueBytes))) return 13;
        if (!holds_all(**store, tip)) return 14;
    }
    if (!make_room()) return 15;
    if (!(*store)->append(test::some_rows(tip + 1, 60, kValueBytes))) return 16;
    if (!holds_all(**store, tip + 60)) return 17;
    store->reset();
    store = SqliteDiffStore::open(file);
    if (!store) return 18;
    return holds_all(**store, tip + 60) ? 0 : 19;
}

}  // namespace

TEST_CASE("an append that the system refuses writes nothing, and succeeds when the system accepts it again") {
    const TempDir dir;
    CHECK(in_child([&] {
              signal(SIGXFSZ, SIG_IGN);
              rlimit limit{1024 * 1024, RLIM_INFINITY};
              if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
              return fill_and_heal(dir.path("statediffs.db"), ErrorCode::io, [] {
                  rlimit more{RLIM_INFINITY, RLIM_INFINITY};
                  return setrlimit(RLIMIT_FSIZE, &more) == 0;
              });
          }) == 0);
}

TEST_CASE("an append on a full disk is resource_exhausted and writes nothing, and succeeds when there is room",
          "[.][full-disk]") {
    const TempDir dir;
    const test::SmallDisk disk(dir.path(), "2m");
    if (!disk.is_mounted()) return;
    const int result = in_child([&] {
        return fill_and_heal(dir.path("statediffs.db"), ErrorCode::resource_exhausted,
                             [&] { return disk.grow_to("64m"); });
    });
    CHECK(result == 0);
}

}  // namespace ioswarm
