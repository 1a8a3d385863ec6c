// SPDX-License-Identifier: Apache-2.0
// A coordinator on a disk that accepts no writes for a while. The test runs in a child process whose file size
// limit simulates the full disk.
#include <csignal>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include "test/core/coordinator/coordinator_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

bool limit_file_size(rlim_t bytes) {
    const rlimit limit{bytes, RLIM_INFINITY};
    return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

/// Returns 0, or the number of the first step that failed.
int work_on_a_full_disk() {
    signal(SIGXFSZ, SIG_IGN);
    House house;
    house.begin_at_100();
    std::vector<std::string> said;
    house.log = Log(LogLevel::info, [&](LogLevel, std::string_view text) { said.emplace_back(text); });
    house.restart();
    FakeAgent agent = house.join("a");
    auto pool = actions(2);
    house.poll({pool[0]}, 100);
    const auto batch = agent.stream->take();
    if (!batch) return 1;
    house.poll(pool, 100);  // the second task waits for the stream

    if (!limit_file_size(1)) return 2;
    if (house.submit("a", answer_to(*batch))) return 3;
    // After the first failed commit nothing goes out, not even tasks that waited for the stream.
    if (agent.stream->take()) return 4;
    if (house.counter("tasks_with_agents") != 1) return 5;
    house.coordinator->keep_time();
    if (agent.stream->take()) return 6;
    const Reasons reasons = house.coordinator->not_ready();
    if (reasons.size() != 1 || reasons[0].part != "ledger" || reasons[0].why.empty()) return 7;
    if (house.counter("ledger_stops") != 1) return 8;
    const auto is_told = [](const std::string& text) {
        return text.find("no tasks are sent until the ledger can be written again") != std::string::npos;
    };
    if (std::count_if(said.begin(), said.end(), is_told) != 1) return 9;

    if (!limit_file_size(RLIM_INFINITY)) return 10;
    // The ledger retries by itself.
    while (!house.payroll->ready())
        std::this_thread::sleep_for(1ms);
    house.coordinator->keep_time();
    if (!house.coordinator->not_ready().empty()) return 11;
    const auto second = agent.stream->take();
    if (!second || second->tasks.size() != 1) return 12;
    if (!house.submit("a", answer_to(*second))) return 13;
    // The first batch can still be submitted, as the refusal said. If it is not, it adds no strike.
    house.manual.advance(10s);
    house.coordinator->keep_time();
    if (house.counter("batches_excused") != 1 || house.counter("agents_held_back") != 0) return 14;
    house.close();
    return 0;
}

}  // namespace

TEST_CASE("on a full disk the coordinator hands out nothing, reports it, and blames no agent") {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(work_on_a_full_disk());
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
