// SPDX-License-Identifier: Apache-2.0
// The ledger's share of P10 (durable submissions, 64 callers at once, compared with a loop of fdatasync on the
// same disk) and of P12 (start with 10,000 epochs of history). Runs in IOSWARM_BENCH_DIR, by default the
// directory for temporary files.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/accounting/payroll.hpp"
#include "core/ledger/ledger.hpp"
#include "test/bench/goal.hpp"
#include "test/bench/ledger_history.hpp"

namespace ioswarm {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kCallers = 64;
constexpr auto kRound = std::chrono::milliseconds(1000);
constexpr int kRounds = 5;

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
    std::fprintf(stderr, "ledger_bench: %.*s\n", static_cast<int>(what.size()), what.data());
    std::exit(1);
}

void must(const Status& status) {
    if (!status) die(status.error().text());
}

/// The unavoidable cost: one page is appended and synced, again and again.
double fdatasync_rate(const std::filesystem::path& dir) {
    const std::string file = (dir / "floor").string();
    const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) die("cannot write " + file);
    const std::array<char, 4096> page{};
    std::uint64_t count = 0;
    const auto start = SteadyClock::now();
    while (SteadyClock::now() - start < kRound) {
        if (write(fd, page.data(), page.size()) != static_cast<ssize_t>(page.size()) || fdatasync(fd) != 0)
            die("fdatasync");
        ++count;
    }
    const double rate = static_cast<double>(count) / seconds_since(start);
    close(fd);
    return rate;
}

struct Round {
    double rate = 0;    // submissions per second
    double cpu_us = 0;  // µs per submission, for everything: callers, the ledger's thread, blocks
};

/// One open ledger for all rounds, so that tables and files have the size that they have in a running daemon.
class Load {
  public:
    explicit Load(const std::filesystem::path& dir) {
        auto ledger = Ledger::open(dir);
        if (!ledger) die(ledger.error().text());
        ledger_ = std::move(*ledger);
        auto payroll = Payroll::open(*ledger_, settings_, clock_, nullptr, Log{});
        if (!payroll) die(payroll.error().text());
        payroll_ = std::move(*payroll);
    }

    /// Keeps kCallers submissions in progress; each starts when an earlier one is reported durable. Every 100
    /// ms there is a block with everything that was answered before.
    Round run(std::uint64_t answers_each) {
        std::atomic<std::uint64_t> done = 0;
        std::atomic<std::uint64_t> flying = kCallers;
        std::atomic<bool> stop = false;
        std::promise<void> landed;
        std::function<void()> next = [&] {
            if (stop) {
                if (--flying == 0) landed.set_value();
                return;
            }
            payroll_->record(bench::submission(next_.fetch_add(answers_each), answers_each),
                             [&](const Status& status) {
                                 must(status);
                                 ++done;
                                 next();
                             });
        };
        const double cpu = cpu_seconds();
        const auto start = SteadyClock::now();
        for (std::size_t i = 0; i < kCallers; ++i)
            next();
        while (SteadyClock::now() - start < kRound) {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            mine();
        }
        const double elapsed = seconds_since(start);
        const auto count = static_cast<double>(done.load());
        const double used = cpu_seconds() - cpu;
        stop = true;
        landed.get_future().wait();
        return {count / elapsed, used / count * 1e6};
    }

  private:
    void mine() {
        ExecutedBlock block;
        block.height = payroll_->last_height() + 1;
        const std::uint64_t up_to = next_;
        for (; mined_ < up_to; ++mined_)
            block.receipts.push_back({bench::hash_of(mined_, 0), kReceiptSuccess, 21000});
        must(payroll_->on_block(block));
    }

    CoordinatorSettings settings_;
    SystemClock clock_;
    std::unique_ptr<Ledger> ledger_;
    std::unique_ptr<Payroll> payroll_;
    std::atomic<std::uint64_t> next_ = 1;
    std::uint64_t mined_ = 1;
};

void bench_start(const std::filesystem::path& dir) {
    {
        auto ledger = Ledger::open(dir);
        if (!ledger) die(ledger.error().text());
        must(bench::write_history(**ledger, 10'000, 100));
    }
    std::vector<double> open_ms;
    std::vector<double> history_ms;
    const SystemClock clock;
    for (int round = 0; round < kRounds; ++round) {
        const auto start = SteadyClock::now();
        auto ledger = Ledger::open(dir);
        if (!ledger) die(ledger.error().text());
        auto payroll = Payroll::open(**ledger, {}, clock, nullptr, Log{});
        if (!payroll) die(payroll.error().text());
        open_ms.push_back(seconds_since(start) * 1e3);
        const auto asked = SteadyClock::now();
        const auto rewards = (*payroll)->rewards("agent-42");
        history_ms.push_back(seconds_since(asked) * 1e3);
        if (!rewards || rewards->history.size() != 1000) die("no history");
    }
    const bench::Sample open_sample = bench::sample_of(open_ms);
    bench::print_goal("P12", "open 10,000 epochs x 100 agents, 20,000 pending", open_sample, "ms", {},
                      "<= 1000 ms, diffs included", open_sample.median <= 1000);
    bench::print_figure("P12", "history of one agent, 1,000 epochs", bench::sample_of(history_ms), "ms");
}

void bench_submissions(const std::filesystem::path& dir) {
    Load load(dir / "load");
    std::vector<double> floor, rate_1, cpu_1, rate_10, cpu_10;
    for (int round = 0; round < kRounds; ++round) {
        floor.push_back(fdatasync_rate(dir));
        const Round one = load.run(1);
        rate_1.push_back(one.rate);
        cpu_1.push_back(one.cpu_us);
        const Round ten = load.run(10);
        rate_10.push_back(ten.rate);
        cpu_10.push_back(ten.cpu_us);
    }
    const bench::Sample floor_sample = bench::sample_of(floor);
    bench::print_figure("P10", "floor: fdatasync of a page, one after another", floor_sample, "/s");
    bench::print_figure("P10", "durable submissions, 64 callers, 1 answer each", bench::sample_of(rate_1),
                        "/s");
    bench::print_figure("P10", "  CPU a submission, recorded and compared", bench::sample_of(cpu_1), "us");
    bench::print_figure("P10", "durable submissions, 64 callers, 10 answers each", bench::sample_of(rate_10),
                        "/s");
    bench::print_figure("P10", "  CPU a submission, recorded and compared", bench::sample_of(cpu_10), "us");
}

int run() {
    const char* wanted = std::getenv("IOSWARM_BENCH_DIR");
    std::string name =
        ((wanted != nullptr ? std::filesystem::path(wanted) : std::filesystem::temp_directory_path()) /
         "ioswarm-bench-XXXXXX")
            .string();
    if (mkdtemp(name.data()) == nullptr) die("cannot make " + name);
    const std::filesystem::path dir = name;
    bench_submissions(dir);
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
