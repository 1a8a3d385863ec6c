// SPDX-License-Identifier: Apache-2.0
// A process that records answers and processes blocks is killed at random points, 240 times (IOSWARM_KILLS
// changes the number). Everything that it acknowledged over a pipe must be in the ledger, and the ledger's
// figures must add up.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "core/accounting/open_work.hpp"
#include "test/core/accounting/payroll_fixture.hpp"

namespace ioswarm {
namespace {

using namespace ioswarm::test;

constexpr std::uint64_t kThreads = 4;
constexpr std::uint64_t kAgents = 5;
constexpr std::uint64_t kPerLife = 100'000;  // number of action numbers per life of the process
// Marks a word of the child as a height; other words are action numbers.
constexpr std::uint64_t kBlockBit = 1ULL << 63;

CoordinatorSettings settings() {
    CoordinatorSettings out;
    out.late_result_blocks = 1'000'000'000;  // so that every recorded answer stays in the ledger
    out.rewards.epoch_reward_rau = *u256_from_decimal("1000000000000000007");
    out.rewards.epoch_blocks = 3;
    out.rewards.min_epoch_duration = std::chrono::seconds(0);
    out.rewards.min_tasks_for_reward = 1;
    return out;
}

std::string agent_of(std::uint64_t number) {
    return "agent-" + std::to_string(number % kAgents);
}

void tell(int out, std::uint64_t word) {
    if (write(out, &word, sizeof word) != sizeof word) _exit(3);
}

/// Records answers and processes blocks until it is killed. Each submission has two answers; some answers are
/// sent a second time.
[[noreturn]] void live(const std::string& dir, std::uint64_t first_number, int out) {
    auto ledger = Ledger::open(dir);
    if (!ledger) _exit(4);
    const SystemClock clock;
    auto payroll = Payroll::open(**ledger, settings(), clock, nullptr, Log{});
    if (!payroll) _exit(5);
    std::atomic<std::uint64_t> next = first_number;
    std::atomic<std::uint64_t> mined = first_number;
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            while (next < first_number + kPerLife) {
                const std::uint64_t number = next.fetch_add(2);
                std::vector<Answer> answers{answer_of({.agent = agent_of(number), .number = number}),
                                            answer_of({.agent = agent_of(number + 1), .number = number + 1})};
                // An answer that an earlier life recorded must not be counted again.
                if (number % 8 == 0 && number >= kPerLife) {
                    answers.push_back(
                        answer_of({.agent = agent_of(number - kPerLife), .number = number - kPerLife}));
                }
                std::promise<void> done;
                (*payroll)->record(std::move(answers), [&](const Status& status) {
                    if (status) tell(out, number);
                    done.set_value();
                });
                done.get_future().wait();
            }
        });
    }
    for (;;) {
        // Actions of this life. Some are answered already, others will be answered late.
        const std::uint64_t up_to = next;
        Mined actions;
        for (std::uint64_t number = mined; number < up_to; number += 3)
            actions.emplace_back(number, kReceiptSuccess);
        mined = up_to;
        const std::uint64_t height = (*payroll)->last_height() + 1;
        if (!(*payroll)->on_block(block_of(height, actions))) _exit(6);
        tell(out, kBlockBit | height);
    }
}

struct Told {
    std::vector<std::uint64_t> numbers;
    std::uint64_t height = 0;
};

bool read_word(int in, std::uint64_t& word) {
    std::size_t have = 0;
    while (have < sizeof word) {
        const ssize_t got = read(in, reinterpret_cast<char*>(&word) + have, sizeof word - have);
        if (got <= 0) return false;
        have += static_cast<std::size_t>(got);
    }
    return true;
}

/// One life of the process: it is killed after `words` words and a little more time.
Told run_and_kill(const std::string& dir, std::uint64_t first_number, std::uint64_t words, useconds_t more) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        close(ends[0]);
        live(dir, first_number, ends[1]);
    }
    close(ends[1]);
    Told told;
    const auto take = [&](std::uint64_t word) {
        if ((word & kBlockBit) != 0) {
            told.height = word & ~kBlockBit;
        } else {
            told.numbers.push_back(word);
        }
    };
    std::uint64_t word = 0;
    for (std::uint64_t i = 0; i < words && read_word(ends[0], word); ++i)
        take(word);
    usleep(more);  // to a point inside a commit
    REQUIRE(kill(child, SIGKILL) == 0);
    while (read_word(ends[0], word))
        take(word);
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    return told;
}

LedgerState load(Ledger& ledger) {
    LedgerState out;
    REQUIRE(ledger.run([&](LedgerTx& tx) -> Status {
        auto state = tx.load();
        if (!state) return fail(state.error());
        out = std::move(*state);
        return {};
    }));
    return out;
}

/// Checks the money: each epoch's payouts add up to its pool, and each agent's total is the sum of its payouts.
void check_money(Ledger& ledger, const LedgerState& state, std::map<std::string, std::uint64_t>& tasks) {
    std::map<std::string, U256> earned;
    std::uint64_t closed_tasks = 0;
    std::uint64_t next_height = 0;
    for (std::uint64_t number = 0; number < state.numbers.epoch; ++number) {
        const auto epoch = ledger.epoch(number);
        REQUIRE(epoch);
        REQUIRE(*epoch);
        if (number > 0) REQUIRE((*epoch)->first_height == next_height);
        next_height = (*epoch)->last_height + 1;
        closed_tasks += (*epoch)->tasks;
        const auto payouts = ledger.payouts_of_epoch(number);
        REQUIRE(payouts);
        U256 sum = 0;
        for (const PayoutRow& payout : *payouts) {
            sum += payout.amount_rau;
            earned[payout.agent_id] += payout.amount_rau;
        }
        REQUIRE(sum == (*epoch)->pool_rau);
    }
    REQUIRE(closed_tasks == state.numbers.closed_tasks);
    for (std::uint64_t i = 0; i < kAgents; ++i) {
        const auto agent = ledger.agent(agent_of(i));
        REQUIRE(agent);
        if (!*agent) continue;
        REQUIRE((*agent)->earned_rau == earned[agent_of(i)]);
        tasks[agent_of(i)] += (*agent)->tasks;
    }
}

void check_books(const std::string& dir, const Told& told, std::uint64_t height_before) {
    auto ledger = Ledger::open(dir);
    REQUIRE(ledger);
    const LedgerState state = load(**ledger);

    std::vector<Hash256> held;
    std::map<std::string, std::uint64_t> answers_of_agent;
    std::vector<Hash256> mined;
    for (const RecentBlockRow& block : state.recent) {
        for (const MinedAction& action : block.actions)
            mined.push_back(action.action_hash);
    }
    std::sort(mined.begin(), mined.end());
    std::uint64_t compared = 0;
    for (const AnswerRow& row : state.answers) {
        held.push_back(row.raw_id);
        ++answers_of_agent[row.agent_id];
        if (std::binary_search(mined.begin(), mined.end(), *row.action_hash)) ++compared;
    }
    std::sort(held.begin(), held.end());
    REQUIRE(std::adjacent_find(held.begin(), held.end()) == held.end());
    const OpenWork payroll(state, true, settings().late_result_blocks);
    for (const std::uint64_t number : told.numbers) {
        REQUIRE(std::binary_search(held.begin(), held.end(), hash_of(number, kRaw)));
        REQUIRE(std::binary_search(held.begin(), held.end(), hash_of(number + 1, kRaw)));
    }
    REQUIRE(state.numbers.last_height >= std::max(told.height, height_before));
    REQUIRE(payroll.numbers().compared == compared);
    REQUIRE(payroll.numbers().matched == compared);

    // Every answer was counted as work exactly once, in a closed epoch or in the running one.
    std::map<std::string, std::uint64_t> tasks;
    check_money(**ledger, state, tasks);
    std::uint64_t running = 0;
    for (const auto& [agent_id, agent] : payroll.work()) {
        tasks[agent_id] += agent.work.tasks;
        running += agent.work.tasks;
    }
    REQUIRE(state.numbers.closed_tasks + running == state.answers.size());
    for (const auto& [agent, count] : answers_of_agent)
        REQUIRE(tasks[agent] == count);
}

}  // namespace

TEST_CASE("when the process is killed at any point, every acknowledged answer counts exactly once",
          "[defect-1]") {
    const char* wanted = std::getenv("IOSWARM_KILLS");
    const std::uint64_t kills = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 240;
    std::mt19937_64 random(7);
    std::unique_ptr<TempDir> dir;
    std::uint64_t height = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t blocks = 0;
    for (std::uint64_t i = 0; i < kills; ++i) {
        if (i % 20 == 0) {  // start a new ledger now and then, so that the checks stay quick
            dir = std::make_unique<TempDir>();
            height = 0;
        }
        const Told told = run_and_kill(dir->path("data"), i % 20 * kPerLife, random() % 60,
                                       static_cast<useconds_t>(random() % 1500));
        check_books(dir->path("data"), told, height);
        height = std::max(height, told.height);
        acknowledged += 2 * told.numbers.size();
        blocks += told.height > 0 ? 1 : 0;
    }
    // If the process were always killed before it did anything, the test would prove nothing.
    CHECK(acknowledged > 10 * kills);
    CHECK(blocks > kills / 2);
    INFO(acknowledged << " answers acknowledged");
}

}  // namespace ioswarm
