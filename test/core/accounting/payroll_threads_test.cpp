// SPDX-License-Identifier: Apache-2.0
// Everything at once, as in a daemon: submissions, blocks, heartbeats, registrations and the monitoring API.
#include <atomic>
#include <thread>

#include "test/core/accounting/payroll_fixture.hpp"

namespace ioswarm {

using namespace ioswarm::test;

TEST_CASE("totals add up when submissions, blocks, heartbeats, registrations and views run at once") {
    constexpr std::uint64_t kSubmitters = 4;
    constexpr std::uint64_t kEach = 150;
    CoordinatorSettings settings;
    settings.rewards.epoch_reward_rau = 1'000'003;
    settings.rewards.epoch_blocks = 2;
    settings.rewards.min_epoch_duration = std::chrono::seconds(0);
    settings.rewards.min_tasks_for_reward = 1;
    settings.wallet_change_interval = std::chrono::seconds(0);
    Bookkeeping payroll(settings);
    std::atomic<std::uint64_t> working = kSubmitters;
    std::atomic<std::uint64_t> announced = 0;
    {
        std::vector<std::jthread> threads;
        for (std::uint64_t t = 0; t < kSubmitters; ++t) {
            threads.emplace_back([&, t] {
                for (std::uint64_t i = 0; i < kEach; ++i) {
                    const std::uint64_t number = t * 1000 + i;
                    std::promise<Status> done;
                    payroll->record({answer_of({.agent = "agent-" + std::to_string(t), .number = number})},
                                    [&](Status status) { done.set_value(std::move(status)); });
                    if (!done.get_future().get()) return;
                }
                --working;
            });
        }
        threads.emplace_back([&] {
            while (working > 0) {
                Mined mined;
                for (const OpenAnswers& open : payroll->open_answers()) {
                    Hash256 hash = open.raw_id;
                    hash.bytes[0] = 0;
                    mined.emplace_back((std::uint64_t{hash.bytes[30]} << 8) + hash.bytes[31], kReceiptSuccess);
                }
                if (!payroll->on_block(block_of(payroll->last_height() + 1, mined))) return;
                payroll->forget({hash_of(1, kRaw)});
            }
        });
        threads.emplace_back([&] {
            while (working > 0) {
                for (std::uint64_t t = 0; t < kSubmitters; ++t) {
                    if (payroll->take_payout("agent-" + std::to_string(t))) ++announced;
                }
            }
        });
        threads.emplace_back([&] {
            for (std::uint64_t i = 0; working > 0; ++i) {
                if (!payroll.name_wallet("agent-" + std::to_string(i % kSubmitters), address_of(i % 3))) return;
                static_cast<void>(payroll->reserve_ids(5));
            }
        });
        threads.emplace_back([&] {
            while (working > 0) {
                static_cast<void>(payroll->leaderboard());
                static_cast<void>(payroll->epoch());
                static_cast<void>(payroll->shadow());
                static_cast<void>(payroll->rewards("agent-1"));
                static_cast<void>(payroll->answered_by(hash_of(1, kRaw)));
                static_cast<void>(payroll.counter("answers_held"));
            }
        });
    }
    REQUIRE(working == 0);
    REQUIRE(payroll->ready());
    CHECK(payroll->tasks_received() == kSubmitters * kEach);

    // Two more blocks end the running epoch. After that, all work is in payouts that were announced or will be.
    payroll.pass_blocks(2);
    std::uint64_t paid = 0;
    std::uint64_t tasks = 0;
    for (std::uint64_t t = 0; t < kSubmitters; ++t) {
        const std::string agent = "agent-" + std::to_string(t);
        while (payroll.take_payout(agent))
            ++announced;
        const auto rewards = payroll->rewards(agent);
        REQUIRE(rewards);
        tasks += rewards->total_tasks;
        const auto payouts = payroll.ledger().payouts(agent, 100'000);
        REQUIRE(payouts);
        paid += payouts->size();
    }
    CHECK(announced == paid);
    CHECK(tasks == kSubmitters * kEach);
}

TEST_CASE("a submission that finds the ledger's queue full does not harm those in the queue") {
    constexpr std::uint64_t kSubmitters = 8;
    constexpr std::uint64_t kEach = 2000;
    constexpr std::uint64_t kActions = 50;  // few, so that submissions often contain the same action
    LedgerOptions options;
    options.max_waiting = 64;
    Bookkeeping payroll({}, options);
    std::atomic<std::uint64_t> refused = 0;
    std::atomic<std::uint64_t> told = 0;
    {
        std::vector<std::jthread> threads;
        for (std::uint64_t t = 0; t < kSubmitters; ++t) {
            threads.emplace_back([&, t] {
                for (std::uint64_t i = 0; i < kEach; ++i) {
                    payroll->record(
                        {answer_of({.agent = "agent-" + std::to_string(t), .number = i % kActions})},
                        [&](const Status& status) {
                            if (!status) ++refused;
                            ++told;
                        });
                }
            });
        }
    }
    while (told < kSubmitters * kEach)
        std::this_thread::yield();
    CHECK(refused > 0);
    CHECK(refused == payroll.counter("ledger_refused"));
    // Refused submissions may be repeated, and each answer counts once however often it was sent.
    for (std::uint64_t t = 0; t < kSubmitters; ++t) {
        for (std::uint64_t number = 0; number < kActions; ++number)
            REQUIRE(payroll.record({{.agent = "agent-" + std::to_string(t), .number = number}}));
    }
    CHECK(payroll->tasks_received() == kSubmitters * kActions);
}

}  // namespace ioswarm
