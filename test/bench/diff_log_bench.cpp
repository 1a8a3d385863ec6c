// SPDX-License-Identifier: Apache-2.0
// P5 (durable appends to the diff log, compared with a loop of fdatasync on the same disk), the rate at which
// the log serves a reader that catches up (its share of P6), and P12 (start-up with 100,000 diffs and 10,000
// epochs). Runs in IOSWARM_BENCH_DIR, by default the directory for temporary files.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/accounting/payroll.hpp"
#include "core/base/text.hpp"
#include "core/diffs/diff_feed.hpp"
#include "core/diffs/diff_hub.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "core/ledger/ledger.hpp"
#include "test/bench/goal.hpp"
#include "test/bench/ledger_history.hpp"
#include "test/support/diff_rows.hpp"
#include "test/support/scripted_diffs.hpp"

namespace ioswarm {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kRounds = 5;
/// Floor and appends alternate after this time, because the speed of a shared disk varies from second to
/// second.
constexpr auto kTurn = std::chrono::milliseconds(100);
constexpr int kTurns = 10;  // per round
constexpr std::size_t kGroup = 64;

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

[[noreturn]] void die(std::string_view what) {
    std::fprintf(stderr, "diff_log_bench: %.*s\n", static_cast<int>(what.size()), what.data());
    std::exit(1);
}

void must(const Status& status) {
    if (!status) die(status.error().text());
}

template <typename T>
T must(Result<T> result) {
    if (!result) die(result.error().text());
    return std::move(*result);
}

/// The unavoidable cost: a diff's bytes are appended and synced, again and again.
double fdatasync_rate(const std::filesystem::path& dir) {
    const std::string file = (dir / "floor").string();
    const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0) die("cannot write " + file);
    const std::array<char, 4096> page{};
    std::uint64_t count = 0;
    const auto start = SteadyClock::now();
    while (SteadyClock::now() - start < kTurn) {
        if (write(fd, page.data(), page.size()) != static_cast<ssize_t>(page.size()) || fdatasync(fd) != 0)
            die("fdatasync");
        ++count;
    }
    const double rate = static_cast<double>(count) / seconds_since(start);
    close(fd);
    return rate;
}

/// A diff of 1.2 KB, like that of a block with a few transfers: accounts that share most of their bytes.
std::vector<DiffRow> blocks(std::uint64_t first, std::uint64_t count) {
    std::vector<DiffRow> out;
    out.reserve(count);
    for (std::uint64_t height = first; height < first + count; ++height) {
        StateDiff diff;
        diff.height = height;
        for (std::uint64_t account = 0; account < 10; ++account) {
            StateDiffEntry entry{0, "Account", Bytes(20), Bytes(74)};
            std::uint64_t word = height * 16 + account;
            for (std::size_t i = 0; i < 20; ++i) {
                word = (word ^ (word >> 29)) * 0xbf58476d1ce4e5b9ULL;
                entry.key[i] = static_cast<std::uint8_t>(word >> 56);
                entry.value[i] = static_cast<std::uint8_t>(word >> 48);
            }
            diff.entries.push_back(std::move(entry));
        }
        diff.digest = Bytes(32, static_cast<std::uint8_t>(height));
        out.push_back(test::row_of(diff));
    }
    return out;
}

struct Rate {
    double per_second = 0;
    double cpu_us = 0;  // per diff
};

/// The rows are made before the time is measured.
Rate append_for_a_turn(DiffStore& store, std::size_t group) {
    Rate out;
    std::uint64_t count = 0;
    double elapsed = 0;
    double cpu = 0;
    while (elapsed < std::chrono::duration<double>(kTurn).count()) {
        std::vector<std::vector<DiffRow>> groups;
        for (std::size_t i = 0; i < 10; ++i)
            groups.push_back(blocks(store.range().tip + 1 + i * group, group));
        const double cpu_before = cpu_seconds();
        const auto start = SteadyClock::now();
        for (auto& rows : groups)
            must(store.append(std::move(rows)));
        elapsed += seconds_since(start);
        cpu += cpu_seconds() - cpu_before;
        count += groups.size() * group;
    }
    out.per_second = static_cast<double>(count) / elapsed;
    out.cpu_us = cpu / static_cast<double>(count) * 1e6;
    return out;
}

void add(const Rate& turn, Rate& round) {
    round.per_second += turn.per_second / kTurns;
    round.cpu_us += turn.cpu_us / kTurns;
}

Rate read_all(const DiffStore& store) {
    const DiffRange held = store.range();
    const double cpu = cpu_seconds();
    const auto start = SteadyClock::now();
    std::uint64_t next = held.floor;
    while (next <= held.tip)
        next += must(store.read(next, kGroup, std::size_t{4} << 20)).size();
    const auto count = static_cast<double>(held.tip - held.floor + 1);
    return {count / seconds_since(start), (cpu_seconds() - cpu) / count * 1e6};
}

void bench_appends(const std::filesystem::path& dir) {
    std::vector<double> floor, one, group, ratio, one_cpu, group_cpu, read, read_cpu;
    for (int round = 0; round < kRounds; ++round) {
        const auto store =
            must(SqliteDiffStore::open(dir / ("log-" + std::to_string(round)) / "statediffs.db"));
        double synced = 0;
        Rate single, grouped;
        for (int turn = 0; turn < kTurns; ++turn) {
            synced += fdatasync_rate(dir) / kTurns;
            add(append_for_a_turn(*store, 1), single);
            add(append_for_a_turn(*store, kGroup), grouped);
        }
        floor.push_back(synced);
        one.push_back(single.per_second);
        one_cpu.push_back(single.cpu_us);
        group.push_back(grouped.per_second);
        group_cpu.push_back(grouped.cpu_us);
        const Rate reading = read_all(*store);
        read.push_back(reading.per_second);
        read_cpu.push_back(reading.cpu_us);
    }
    const bench::Sample floor_sample = bench::sample_of(floor);
    const bench::Sample one_sample = bench::sample_of(one);
    const bench::Sample group_sample = bench::sample_of(group);
    bench::print_goal("P5", "durable append of a 1.2 KB diff, one commit each", one_sample, "/s", floor_sample,
                      ">= 0.8 of fdatasync", one_sample.median >= 0.8 * floor_sample.median);
    bench::print_figure("P5", "  CPU a diff", bench::sample_of(one_cpu), "us");
    bench::print_goal("P5", "the same, 64 a commit, beside one a commit", group_sample, "/s", one_sample,
                      ">= 30x", group_sample.median >= 30 * one_sample.median);
    bench::print_figure("P5", "  CPU a diff", bench::sample_of(group_cpu), "us");
    bench::print_figure("P6", "the log's share: rows read, unpacked and checked", bench::sample_of(read), "/s");
    bench::print_figure("P6", "  CPU a diff", bench::sample_of(read_cpu), "us");
}

void bench_start(const std::filesystem::path& dir) {
    const std::string file = (dir / "statediffs.db").string();
    {
        const auto store = must(SqliteDiffStore::open(file));
        for (std::uint64_t next = 1; next < 100'000; next += 1000)
            must(store->append(blocks(next, 1000)));
        const auto ledger = must(Ledger::open(dir));
        if (Status written = bench::write_history(*ledger, 10'000, 100); !written) die(written.error().text());
    }
    std::vector<double> log_ms, all_ms;
    const SystemClock clock;
    for (int round = 0; round < kRounds; ++round) {
        const auto start = SteadyClock::now();
        const auto ledger = must(Ledger::open(dir));
        const auto payroll = must(Payroll::open(*ledger, {}, clock, nullptr, Log{}));
        const auto began_log = SteadyClock::now();
        const auto store = must(SqliteDiffStore::open(file));
        DiffHub hub(
            *store, {}, [] { return std::string(); }, Log{});
        test::ScriptedDiffSource source;
        DiffFeed feed(source, *store, {}, {}, Log{});
        feed.start();
        if (must(store->read(99'000, 1, 0)).front().height != 99'000) die("no diff");
        log_ms.push_back(seconds_since(began_log) * 1e3);
        all_ms.push_back(seconds_since(start) * 1e3);
    }
    bench::print_figure("P12", "open a log of 100,000 diffs and read one", bench::sample_of(log_ms), "ms");
    const bench::Sample all = bench::sample_of(all_ms);
    bench::print_goal("P12", "the same with a ledger of 10,000 epochs", all, "ms", {}, "<= 1000 ms",
                      all.median <= 1000);
}

int run() {
    const char* wanted = std::getenv("IOSWARM_BENCH_DIR");
    std::string name =
        ((wanted != nullptr ? std::filesystem::path(wanted) : std::filesystem::temp_directory_path()) /
         "ioswarm-bench-XXXXXX")
            .string();
    if (mkdtemp(name.data()) == nullptr) die("cannot make " + name);
    const std::filesystem::path dir = name;
    bench_appends(dir);
    bench_start(dir / "start");
    std::error_code ignored;
    std::filesystem::remove_all(dir, ignored);
    return 0;
}

}  // namespace
}  // namespace ioswarm

int main() {
    return ioswarm::run();
}
