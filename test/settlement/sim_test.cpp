// SPDX-License-Identifier: Apache-2.0
// The settler lives through thousands of lifetimes in which everything fails that can fail, and must pay
// exactly once. A seed determines the whole lifetime. To watch one:
//     IOSWARM_SIM_SEED=17 ./settlement_sim_test "[replay]"
#include <chrono>
#include <cstdlib>
#include <map>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "settlement/failpoint.hpp"
#include "test/settlement/sim_faults.hpp"
#include "test/settlement/sim_setup.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

std::uint64_t number_in_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct SimTotals {
    std::uint64_t lifetimes = 0;
    std::uint64_t steps = 0;
    std::uint64_t kills = 0;
    std::uint64_t kills_in_recovery = 0;
    std::uint64_t settlements = 0;
    std::uint64_t reverted = 0;
    std::uint64_t halts = 0;
    std::uint64_t resumes = 0;
    std::uint64_t max_blocks = 0;

    void add(const SimReport& report) {
        ++lifetimes;
        steps += report.steps;
        kills += report.kills;
        kills_in_recovery += report.kills_in_recovery;
        settlements += report.settlements;
        reverted += report.reverted;
        halts += report.halts;
        resumes += report.resumes;
        max_blocks = std::max(max_blocks, report.blocks_to_settle);
    }
};

std::string how_to_replay(std::uint64_t seed) {
    return fmt::format("seed {}; to replay it: IOSWARM_SIM_SEED={} ./settlement_sim_test \"[replay]\"", seed,
                       seed);
}

/// Simulates the seeds `first`, `first` + 1 and so on.
SimTotals live_all(std::uint64_t first, std::uint64_t count) {
    SimTotals totals;
    std::uint64_t failed = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const SimReport report = sim_live(seed);
        totals.add(report);
        if (report.violation.empty()) continue;
        FAIL_CHECK(report.violation << "\n" << how_to_replay(seed));
        if (++failed == 5) break;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf(
        "%llu lifetimes in %.1f s (%.1f per second): %llu steps, %llu kills (%llu while it recovered), "
        "%llu transactions paid, %llu reverted, %llu halts (%llu ended by the operator), at most %llu blocks "
        "to the end\n",
        static_cast<unsigned long long>(totals.lifetimes), took.count(),
        static_cast<double>(totals.lifetimes) / took.count(), static_cast<unsigned long long>(totals.steps),
        static_cast<unsigned long long>(totals.kills),
        static_cast<unsigned long long>(totals.kills_in_recovery),
        static_cast<unsigned long long>(totals.settlements), static_cast<unsigned long long>(totals.reverted),
        static_cast<unsigned long long>(totals.halts), static_cast<unsigned long long>(totals.resumes),
        static_cast<unsigned long long>(totals.max_blocks));
    return totals;
}

}  // namespace

TEST_CASE("everything owed is paid exactly once, whatever crashes and whatever endpoints answer") {
    const SimTotals totals = live_all(number_in_environment("IOSWARM_SIM_FIRST", 1),
                                      number_in_environment("IOSWARM_SIM_LIVES", 2'000));
    if (totals.lifetimes < 2'000) return;
    CHECK(totals.kills > totals.lifetimes);
    CHECK(totals.kills_in_recovery > totals.lifetimes / 10);
    for (const char* const name : settlement::failpoint_names()) {
        const auto found = sim_failpoints().find(name);
        CAPTURE(name);
        const bool was_reached = found != sim_failpoints().end() && found->second.reached > 0;
        CHECK(was_reached);
        if (was_reached) CHECK(found->second.killed > 0);
    }
    for (const std::string_view name : sim_fault_names()) {
        const auto found = sim_fault_counts().find(name);
        const std::uint64_t count = found == sim_fault_counts().end() ? 0 : found->second;
        CAPTURE(name);
        CHECK(count > 0);
        std::printf("%8llu  %.*s\n", static_cast<unsigned long long>(count), static_cast<int>(name.size()),
                    name.data());
    }
}

TEST_CASE("the same seed gives the same simulated lifetime") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const SimReport first = sim_live(seed);
        const SimReport second = sim_live(seed);
        CAPTURE(seed);
        CHECK(first.trace == second.trace);
        CHECK(first.steps == second.steps);
        CHECK(first.violation == second.violation);
    }
}

TEST_CASE("each deliberate fault in the settler is noticed", "[mutants]") {
    constexpr std::uint64_t kMaxSeeds = 600;
    for (const SimMutant mutant : kAllMutants) {
        std::uint64_t seed = 1;
        while (seed <= kMaxSeeds && sim_live(seed, mutant).violation.empty())
            ++seed;
        CAPTURE(to_string(mutant));
        CHECK(seed <= kMaxSeeds);
        if (seed > kMaxSeeds) continue;
        const SimReport report = sim_live(seed, mutant);
        std::printf("%s: noticed at seed %llu: %s\n", to_string(mutant), static_cast<unsigned long long>(seed),
                    report.violation.c_str());
        // The violation comes from the fault: without it the same seed has none.
        CHECK(sim_live(seed).violation.empty());
    }
}

TEST_CASE("one seed can be replayed with a log of its events", "[.][replay]") {
    const std::uint64_t seed = number_in_environment("IOSWARM_SIM_SEED", 1);
    const SimReport report = sim_live(seed, SimMutant::none, true);
    CHECK(report.violation.empty());
    std::printf("%s\n", report.violation.c_str());
}

TEST_CASE("a hundred thousand lifetimes pay everything exactly once", "[.][long]") {
    // Split into parts that can run in parallel.
    const std::uint64_t part = number_in_environment("IOSWARM_SIM_PART", 0);
    constexpr std::uint64_t kPart = 12'500;
    live_all(1'000'000 + part * kPart, kPart);
}
