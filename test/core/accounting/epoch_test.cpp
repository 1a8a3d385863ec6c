// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <future>

#include "test/core/accounting/payroll_fixture.hpp"

namespace ioswarm {
namespace {

using namespace ioswarm::test;

/// Settings for epochs of `blocks` blocks with a reward of 800 IOTX; one task makes an agent eligible.
CoordinatorSettings epochs_of(std::uint64_t blocks, const char* reward_iotx = "800") {
    CoordinatorSettings out;
    out.rewards.epoch_reward_rau = iotx_to_rau(*parse_decimal(reward_iotx));
    out.rewards.epoch_blocks = blocks;
    out.rewards.min_tasks_for_reward = 1;
    out.wallet_change_interval = std::chrono::seconds(0);
    return out;
}

void end_epoch(Bookkeeping& payroll) {
    payroll.clock().advance(std::chrono::seconds(30));
    const std::uint64_t epoch = payroll->epoch().epoch;
    for (int i = 0; i < 1000 && payroll->epoch().epoch == epoch; ++i)
        payroll.pass_blocks(1);
    REQUIRE(payroll->epoch().epoch == epoch + 1);
}

class CountingSettler final : public RewardSettler {
  public:
    void epoch_closed(std::uint64_t epoch) override { closed.push_back(epoch); }
    std::vector<std::uint64_t> closed;
};

}  // namespace

TEST_CASE("an epoch ends after its number of blocks and pays its work") {
    Bookkeeping payroll(epochs_of(3));
    CountingSettler settler;
    payroll.settler = &settler;
    payroll.reopen();
    payroll.clock().advance(std::chrono::seconds(100));
    REQUIRE(payroll.record({{.agent = "a", .number = 1}, {.agent = "b", .number = 2}}));
    REQUIRE(payroll->on_block(block_of(50)));
    REQUIRE(payroll->on_block(block_of(51)));
    CHECK(payroll->epoch().epoch == 0);
    CHECK(payroll->epoch().start_height == 50);
    REQUIRE(payroll->on_block(block_of(52)));
    CHECK(payroll->epoch().epoch == 1);
    CHECK(payroll->epoch().start_height == 53);
    CHECK(payroll->epoch().total_tasks == 0);
    CHECK(payroll->leaderboard().empty());
    CHECK(payroll->tasks_received() == 2);
    CHECK(settler.closed == std::vector<std::uint64_t>{0});

    const auto rewards = payroll->rewards("a");
    REQUIRE(rewards);
    REQUIRE(rewards->history.size() == 1);
    CHECK(rewards->history[0].epoch == 0);
    CHECK(rau_to_iotx(rewards->history[0].amount_rau) == "360");
    CHECK(rewards->history[0].rank == 1);
    CHECK(rau_to_iotx(rewards->earned_rau) == "360");
    CHECK(rewards->total_tasks == 1);
    const auto row = payroll.ledger().epoch(0);
    REQUIRE((row && *row));
    CHECK((*row)->first_height == 50);
    CHECK((*row)->last_height == 52);
    CHECK(rau_to_iotx((*row)->cut_rau) == "80");
    CHECK(rau_to_iotx((*row)->pool_rau) == "720");
}

TEST_CASE("changed rewards apply from the next epoch on") {
    // Given an epoch with work, and rewards that change twice while it runs
    Bookkeeping payroll(epochs_of(3));
    payroll.clock().advance(std::chrono::seconds(100));
    REQUIRE(payroll.record({{.agent = "a", .number = 1}}));
    REQUIRE(payroll->on_block(block_of(50)));
    payroll->change_rewards(epochs_of(1, "1").rewards);
    payroll->change_rewards(epochs_of(2, "400").rewards);
    CHECK(payroll->rewards_in_force().epoch_blocks == 3);
    // When the epoch ends, it ends and pays by the rules that it began with
    REQUIRE(payroll->on_block(block_of(51)));
    CHECK(payroll->epoch().epoch == 0);
    REQUIRE(payroll->on_block(block_of(52)));
    REQUIRE(payroll->epoch().epoch == 1);
    CHECK(rau_to_iotx((*payroll.ledger().epoch(0).value()).pool_rau) == "720");
    // Then the last change counts for the epoch after it
    CHECK(payroll->rewards_in_force().epoch_blocks == 2);
    payroll.clock().advance(std::chrono::seconds(30));
    REQUIRE(payroll.record({{.agent = "a", .number = 2}}));
    REQUIRE(payroll->on_block(block_of(53)));
    REQUIRE(payroll->on_block(block_of(54)));
    REQUIRE(payroll->epoch().epoch == 2);
    CHECK(rau_to_iotx((*payroll.ledger().epoch(1).value()).pool_rau) == "360");
}

TEST_CASE("the setting for payouts through the contract cannot be changed while the program runs") {
    Bookkeeping payroll(epochs_of(1));
    RewardSettings other = epochs_of(1).rewards;
    other.settles_on_chain = true;
    payroll->change_rewards(other);
    REQUIRE(payroll.record({{.number = 1}}));
    end_epoch(payroll);
    CHECK_FALSE(payroll->rewards_in_force().settles_on_chain);
}

TEST_CASE("the epoch counter, history and totals continue after a restart", "[defect-1]") {
    Bookkeeping payroll(epochs_of(2));
    for (std::uint64_t round = 0; round < 4; ++round) {
        REQUIRE(payroll.record({{.number = round}}));
        end_epoch(payroll);
        payroll.reopen();
        CHECK(payroll->epoch().epoch == round + 1);
        CHECK(payroll->tasks_received() == round + 1);
    }
    const auto rewards = payroll->rewards("a");
    REQUIRE(rewards);
    REQUIRE(rewards->history.size() == 4);
    CHECK(rewards->history.front().epoch == 3);
    CHECK(rewards->history.back().epoch == 0);
    CHECK(rau_to_iotx(rewards->earned_rau) == "2880");
    CHECK(rewards->total_tasks == 4);
}

TEST_CASE("epochs are at least 30 s apart, also over a restart", "[defect-1]") {
    Bookkeeping payroll(epochs_of(2));
    payroll.pass_blocks(5);
    CHECK(payroll->epoch().epoch == 0);
    payroll.clock().advance(std::chrono::seconds(20));
    payroll.reopen();
    payroll.pass_blocks(1);
    CHECK(payroll->epoch().epoch == 0);
    CHECK(payroll->epoch().elapsed >= std::chrono::seconds(20));
    payroll.clock().advance(std::chrono::seconds(10));
    payroll.pass_blocks(1);
    CHECK(payroll->epoch().epoch == 1);
    CHECK(payroll->epoch().elapsed < std::chrono::seconds(1));
}

TEST_CASE("a wall clock that jumps neither ends an epoch nor delays its end") {
    Bookkeeping payroll(epochs_of(2));
    payroll.pass_blocks(2);
    payroll.clock().set_wall(payroll.clock().wall() + std::chrono::hours(5));
    payroll.pass_blocks(1);
    CHECK(payroll->epoch().epoch == 0);
    payroll.clock().set_wall(payroll.clock().wall() - std::chrono::hours(10));
    payroll.reopen();
    payroll.clock().advance(std::chrono::seconds(30));
    payroll.pass_blocks(1);
    CHECK(payroll->epoch().epoch == 1);
}

TEST_CASE("an epoch without work ends, and so does one without eligible agents") {
    CoordinatorSettings settings = epochs_of(2);
    settings.rewards.min_tasks_for_reward = 9999;
    Bookkeeping payroll(settings);
    end_epoch(payroll);
    REQUIRE(payroll.record({{.number = 1}}));
    end_epoch(payroll);
    CHECK(payroll->epoch().epoch == 2);
    const auto rewards = payroll->rewards("a");
    REQUIRE(rewards);
    CHECK(rewards->history.empty());
    CHECK(rewards->total_tasks == 1);
    CHECK(rewards->earned_rau == 0);
    CHECK_FALSE(payroll.take_payout("a"));
    CHECK((*payroll.ledger().epoch(1))->pool_rau == 0);
}

TEST_CASE("an epoch reward of 0 distributes nothing") {
    Bookkeeping payroll(epochs_of(2, "0"));
    REQUIRE(payroll.record({{.number = 1}}));
    end_epoch(payroll);
    CHECK(payroll->rewards("a")->history.empty());
    CHECK_FALSE(payroll.take_payout("a"));
    CHECK(payroll->rewards("a")->total_tasks == 1);
}

TEST_CASE("a task counts in the epoch of its submission, its comparison in the epoch of the block") {
    Bookkeeping payroll(epochs_of(2));
    REQUIRE(payroll.record({{.agent = "a", .number = 1}, {.agent = "b", .number = 2}}));
    end_epoch(payroll);
    REQUIRE(payroll->on_block(block_of(payroll->last_height() + 1, {{1, kReceiptSuccess}})));
    CHECK(payroll->epoch().total_tasks == 0);
    CHECK(payroll->epoch().agents == 0);
    CHECK(payroll->epoch().compared == 1);
    CHECK(payroll->epoch().correct == 1);
    const RewardHistoryEntry first = payroll->rewards("a")->history.at(0);
    CHECK(first.tasks == 1);
    CHECK(first.compared == 0);
    CHECK_FALSE(first.bonus_applied);  // the epoch had no comparison
    end_epoch(payroll);
    CHECK(payroll->rewards("a")->total_compared == 1);
    CHECK(payroll->rewards("a")->history.size() == 1);
}

TEST_CASE("the comparisons of an epoch's last block belong to that epoch") {
    Bookkeeping payroll(epochs_of(2));
    REQUIRE(payroll.record({{.agent = "a", .number = 1}, {.agent = "b", .number = 2, .valid = false}}));
    payroll.clock().advance(std::chrono::seconds(30));
    payroll.pass_blocks(1);
    REQUIRE(payroll->on_block(block_of(2, {{1, kReceiptSuccess}, {2, kReceiptSuccess}})));
    CHECK(payroll->epoch().epoch == 1);
    CHECK(payroll->epoch().compared == 0);
    CHECK(payroll->rewards("a")->history.at(0).bonus_applied);
    CHECK(payroll->rewards("a")->history.at(0).rank == 1);
    CHECK_FALSE(payroll->rewards("b")->history.at(0).bonus_applied);
    CHECK(payroll->rewards("b")->history.at(0).compared == 1);
    // 720 IOTX are divided by the weights 1200 and 1000, exact to the rau.
    CHECK(to_decimal(payroll->rewards("a")->history.at(0).amount_rau) == "392727272727272727273");
    CHECK(to_decimal(payroll->rewards("b")->history.at(0).amount_rau) == "327272727272727272727");
}

TEST_CASE("each payout is announced once, oldest first, also over restarts") {
    Bookkeeping payroll(epochs_of(2));
    CHECK_FALSE(payroll.take_payout("a"));
    for (std::uint64_t i = 0; i < 3; ++i) {
        REQUIRE(payroll.record(
            {{.agent = "a", .number = i}, {.agent = "b", .number = i}, {.agent = "b", .number = 10 + i}}));
        end_epoch(payroll);
    }
    auto payout = payroll.take_payout("a");
    REQUIRE(payout);
    CHECK(payout->epoch == 0);
    CHECK(payout->amount_iotx == 240.0);
    CHECK(payout->rank == 2);
    CHECK(payout->total_agents == 2);
    payroll.reopen();
    CHECK(payroll.take_payout("a")->epoch == 1);
    CHECK(payroll.take_payout("a")->epoch == 2);
    CHECK_FALSE(payroll.take_payout("a"));
    REQUIRE(payroll.record({{.agent = "a", .number = 99}}));
    end_epoch(payroll);
    CHECK(payroll.take_payout("a")->epoch == 3);
    CHECK_FALSE(payroll.take_payout("a"));
    payroll.reopen();
    CHECK_FALSE(payroll.take_payout("a"));
    CHECK(payroll.take_payout("b")->epoch == 0);
    CHECK_FALSE(payroll.take_payout("nobody"));
}

TEST_CASE("payouts are announced while the ledger waits for the disk, and marked together later") {
    Bookkeeping payroll(epochs_of(2));
    REQUIRE(payroll.record(
        {{.agent = "a", .number = 1}, {.agent = "b", .number = 2}, {.agent = "c", .number = 3}}));
    for (const char* agent : {"a", "b", "c"})
        REQUIRE(payroll.register_agent(agent));
    end_epoch(payroll);
    const auto due = [&](const std::string& agent) { return payroll.ledger().due_payouts(agent, 10)->size(); };
    std::promise<void> held;
    std::promise<void> release;
    REQUIRE(payroll.ledger().submit({[&](LedgerTx&) -> Status {
                                         held.set_value();
                                         release.get_future().wait();
                                         return {};
                                     },
                                     {},
                                     true}));
    held.get_future().wait();
    // None of this may wait while an fsync hangs. After a crash now, the notices would be sent again.
    for (const char* agent : {"a", "b", "c"}) {
        REQUIRE(payroll->take_payout(agent));
        CHECK_FALSE(payroll->take_payout(agent));
        CHECK(due(agent) == 1);
    }
    CHECK(payroll.counter("notices_unmarked") == 3);
    const std::uint64_t commits = payroll.counter("ledger_commits");
    release.set_value();
    REQUIRE(payroll->mark_notices_sent());
    CHECK(due("a") + due("b") + due("c") == 0);
    CHECK(payroll.counter("notices_unmarked") == 0);
    // The operation that blocked, and one or two marks: the worker thread may have marked some too.
    CHECK(payroll.counter("ledger_commits") - commits <= 3);
}

TEST_CASE("a payout that was announced and not marked before a crash is announced again") {
    Bookkeeping payroll(epochs_of(2));
    REQUIRE(payroll.record({{.number = 1}}));
    end_epoch(payroll);
    const std::string copy = payroll.dir() + "-at-the-crash";
    REQUIRE(payroll.register_agent("a"));
    std::promise<void> held;
    std::promise<void> release;
    REQUIRE(payroll.ledger().submit({[&](LedgerTx&) -> Status {
                                         held.set_value();
                                         release.get_future().wait();
                                         return {};
                                     },
                                     {},
                                     true}));
    held.get_future().wait();
    CHECK(payroll->take_payout("a"));
    std::filesystem::copy(payroll.dir(), copy);
    release.set_value();

    auto ledger = Ledger::open(copy);
    REQUIRE(ledger);
    CHECK((*ledger)->due_payouts("a", 10)->size() == 1);
}

TEST_CASE("a wallet can change once per minute, and a refused change is written nowhere") {
    CoordinatorSettings settings = epochs_of(2);
    settings.wallet_change_interval = std::chrono::seconds(60);
    Bookkeeping payroll(settings);
    const auto wait_for = [&](std::uint64_t wallet) {
        return payroll.register_agent("a", address_of(wallet))->wait.count();
    };
    CHECK(wait_for(1) == 0);  // the first wallet is not a change
    CHECK(wait_for(2) == 0);
    CHECK(wait_for(3) == 60);
    CHECK(wait_for(2) == 0);  // the same wallet again is not a change
    payroll.clock().advance(std::chrono::milliseconds(59'500));
    CHECK(wait_for(3) == 1);
    CHECK((*payroll.ledger().agent("a"))->next_wallet == address_of(2));
    CHECK(payroll.ledger().wallet_changes("a")->size() == 2);
    payroll.clock().advance(std::chrono::milliseconds(500));
    CHECK(wait_for(3) == 0);
    CHECK((*payroll.ledger().agent("a"))->next_wallet == address_of(3));
    CHECK(payroll.register_agent("b", address_of(9))->wait.count() == 0);  // each agent has its own interval
    CHECK(payroll.counter("wallet_changes_too_soon") == 2);
}

TEST_CASE("when more payouts are due than one read returns, every one is announced") {
    Bookkeeping payroll(epochs_of(1));
    for (std::uint64_t i = 0; i < 130; ++i) {
        REQUIRE(payroll.record({{.number = i}}));
        end_epoch(payroll);
    }
    for (std::uint64_t i = 0; i < 130; ++i)
        REQUIRE(payroll.take_payout("a")->epoch == i);
    CHECK_FALSE(payroll.take_payout("a"));
}

TEST_CASE("with a reward contract no payout is announced before its settlement") {
    CoordinatorSettings settings = epochs_of(2);
    settings.rewards.settles_on_chain = true;
    Bookkeeping payroll(settings);
    REQUIRE(payroll.record({{.number = 1}}));
    end_epoch(payroll);
    CHECK_FALSE(payroll.take_payout("a"));
    const auto payouts = payroll.ledger().payouts_of_epoch(0);
    REQUIRE(payouts);
    REQUIRE(payouts->size() == 1);
    CHECK(payouts->at(0).notice == PayoutNotice::waiting);
    CHECK(payouts->at(0).weight == 1000);

    // When the settlement is final, the payout is announced once. Payouts that are already final change
    // nothing.
    CHECK(*payroll->payouts_final({{"a", 0}, {"a", 7}, {"stranger", 0}}) == 1);
    CHECK(*payroll->payouts_final({{"a", 0}}) == 0);
    const auto told = payroll.take_payout("a");
    REQUIRE(told);
    CHECK(told->epoch == 0);
    CHECK_FALSE(payroll.take_payout("a"));
}

TEST_CASE("a payout that is settled after later ones is announced as well") {
    CoordinatorSettings settings = epochs_of(2);
    settings.rewards.settles_on_chain = true;
    Bookkeeping payroll(settings);
    for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
        REQUIRE(payroll.record({{.number = epoch}}));
        end_epoch(payroll);
    }
    REQUIRE(*payroll->payouts_final({{"a", 1}, {"a", 2}}) == 2);
    CHECK(payroll.take_payout("a")->epoch == 1);
    CHECK(payroll.take_payout("a")->epoch == 2);
    CHECK_FALSE(payroll.take_payout("a"));
    REQUIRE(*payroll->payouts_final({{"a", 0}}) == 1);
    CHECK(payroll.take_payout("a")->epoch == 0);
    CHECK_FALSE(payroll.take_payout("a"));
}

TEST_CASE("a payout of 0 does not wait for a settlement") {
    CoordinatorSettings settings = epochs_of(2, "0.000000000000000001");
    settings.rewards.settles_on_chain = true;
    Bookkeeping payroll(settings);
    REQUIRE(payroll.record({{.agent = "a", .number = 1}, {.agent = "b", .number = 2}}));
    end_epoch(payroll);
    const auto payouts = payroll.ledger().payouts_of_epoch(0);
    REQUIRE(payouts);
    REQUIRE(payouts->size() == 2);
    CHECK(payouts->at(0).amount_rau + payouts->at(1).amount_rau == 1);
    for (const PayoutRow& row : *payouts)
        CHECK((row.notice == PayoutNotice::waiting) == (row.amount_rau != 0));
}

TEST_CASE("an agent's first wallet applies at once, another from the next epoch on, and changes are recorded") {
    Bookkeeping payroll(epochs_of(2));
    const Address first = address_of(0xaaaa);
    const Address second = address_of(0xbbbb);
    const auto wallet_at = [&](std::uint64_t epoch) {
        return payroll.ledger().payouts_of_epoch(epoch)->at(0).wallet;
    };

    REQUIRE(payroll.record({{.number = 1}}));
    end_epoch(payroll);
    CHECK_FALSE(wallet_at(0));  // the agent named no wallet, so the share is recorded as owed

    REQUIRE(payroll.record({{.number = 2}}));
    CHECK(payroll->leaderboard().at(0).wallet.empty());
    REQUIRE(payroll.name_wallet("a", first));
    CHECK(payroll->leaderboard().at(0).wallet == to_hex0x(first.view()));
    REQUIRE(payroll.name_wallet("a", second));
    REQUIRE(payroll.register_agent("a"));
    CHECK(payroll->leaderboard().at(0).wallet == to_hex0x(first.view()));
    payroll.reopen();
    CHECK(payroll->leaderboard().at(0).wallet == to_hex0x(first.view()));
    end_epoch(payroll);
    CHECK(wallet_at(1) == first);

    REQUIRE(payroll.record({{.number = 3}}));
    CHECK(payroll->leaderboard().at(0).wallet == to_hex0x(second.view()));
    REQUIRE(payroll.name_wallet("a", second));
    end_epoch(payroll);
    CHECK(wallet_at(2) == second);

    const auto changes = payroll.ledger().wallet_changes("a");
    REQUIRE(changes);
    REQUIRE(changes->size() == 2);
    CHECK(changes->at(0).before == first);
    CHECK(changes->at(0).after == second);
    CHECK(changes->at(0).from_epoch == 2);
    CHECK_FALSE(changes->at(1).before);
    CHECK(changes->at(1).from_epoch == 1);
}

TEST_CASE("a wallet that is set back before the change applies stays, and the list of changes is bounded") {
    Bookkeeping payroll(epochs_of(2));
    const Address first = address_of(1);
    REQUIRE(payroll.name_wallet("a", first));
    REQUIRE(payroll.name_wallet("a", address_of(2)));
    REQUIRE(payroll.name_wallet("a", first));
    REQUIRE(payroll.record({{.number = 1}}));
    end_epoch(payroll);
    REQUIRE(payroll.record({{.number = 2}}));
    CHECK(payroll->leaderboard().at(0).wallet == to_hex0x(first.view()));
    for (std::uint64_t i = 10; i < 160; ++i)
        REQUIRE(payroll.name_wallet("a", address_of(i)));
    CHECK(payroll.ledger().wallet_changes("a")->size() == 100);
    CHECK(payroll.ledger().wallet_changes("a")->at(0).after == address_of(159));
}

TEST_CASE("agents that left long ago leave memory, and the ledger still answers what they earned",
          "[defect-3]") {
    Bookkeeping payroll(epochs_of(2));
    for (std::uint64_t i = 0; i < 300; ++i)
        REQUIRE(payroll.name_wallet("gone-" + std::to_string(i), address_of(i)));
    std::vector<GivenAnswer> all;
    for (std::uint64_t i = 0; i < 300; ++i)
        all.push_back({.agent = "gone-" + std::to_string(i), .number = i});
    REQUIRE(payroll.record(all));
    CHECK(payroll->leaderboard().size() == 300);
    end_epoch(payroll);
    CHECK(payroll->leaderboard().empty());
    CHECK(payroll->epoch().agents == 0);
    CHECK(payroll->rewards("gone-17")->history.size() == 1);
}

TEST_CASE("history is read from the ledger, newest first and at most 1,000 epochs", "[defect-2]") {
    Bookkeeping payroll(epochs_of(1, "1"));
    // Write enough epochs to exceed the limit, in the form in which closing an epoch writes them.
    REQUIRE(payroll.ledger().run([](LedgerTx& tx) -> Status {
        for (std::uint64_t epoch = 0; epoch < 1500; ++epoch) {
            EpochRow row;
            row.epoch = epoch;
            PayoutRow payout;
            payout.epoch = epoch;
            payout.agent_id = "a";
            payout.amount_rau = epoch;
            if (Status status = tx.add_epoch(row, {&payout, 1}); !status) return status;
        }
        return tx.set_agent({"a", std::nullopt, std::nullopt, 1500, 0, 0, 5000});
    }));
    const auto rewards = payroll->rewards("a");
    REQUIRE(rewards);
    CHECK(rewards->history.size() == 1000);
    CHECK(rewards->history.front().epoch == 1499);
    CHECK(rewards->history.back().epoch == 500);
    CHECK(rewards->earned_rau == 5000);
    CHECK(rewards->total_tasks == 1500);
}

TEST_CASE("an epoch stays complete in the ledger as long as one of its payouts is owed", "[defect-2]") {
    Bookkeeping payroll(epochs_of(1, "1"));
    REQUIRE(payroll.ledger().run([](LedgerTx& tx) -> Status {
        for (const std::uint64_t epoch : {0U, 1U, 2U, 3U}) {
            EpochRow row;
            row.epoch = epoch;
            PayoutRow paid;
            paid.epoch = epoch;
            paid.agent_id = "a";
            PayoutRow waits = paid;
            waits.agent_id = "b";
            waits.notice = PayoutNotice::waiting;
            if (Status status = tx.add_epoch(row, std::vector{paid, waits}); !status) return status;
        }
        auto numbers = tx.numbers();
        if (!numbers) return fail(numbers.error());
        numbers->epoch = 100'001;
        return tx.set_numbers(*numbers);
    }));
    payroll.reopen();
    end_epoch(payroll);  // epoch 100,001 ends: epochs from 2 on are kept
    for (const std::uint64_t epoch : {0U, 1U, 2U, 3U})
        CHECK(*payroll.ledger().epoch(epoch));
    CHECK(payroll.ledger().payouts("a", 10)->size() == 4);
    CHECK(payroll.ledger().payouts("b", 10)->size() == 4);

    // When one of the open payouts is paid, its epoch is dropped at the next close.
    REQUIRE(*payroll->payouts_final({{"b", 1}}) == 1);
    end_epoch(payroll);  // epochs from 3 on are kept in any case
    CHECK(*payroll.ledger().epoch(0));
    CHECK_FALSE(*payroll.ledger().epoch(1));
    CHECK(*payroll.ledger().epoch(2));
    CHECK(payroll.ledger().payouts_of_epoch(0)->size() == 2);
    CHECK(payroll.ledger().payouts_of_epoch(1)->empty());
}

TEST_CASE("the history of an unknown agent is empty and no error") {
    Bookkeeping payroll(epochs_of(1));
    const auto rewards = payroll->rewards("nobody");
    REQUIRE(rewards);
    CHECK(rewards->agent_id == "nobody");
    CHECK(rewards->history.empty());
    CHECK(rewards->earned_rau == 0);
}

TEST_CASE("payouts of an epoch in the ledger add up to its pool", "[defect-21]") {
    Bookkeeping payroll(epochs_of(1, "0.123456789012345678"));
    std::vector<GivenAnswer> all;
    for (std::uint64_t i = 0; i < 97; ++i) {
        for (std::uint64_t k = 0; k <= i % 7; ++k)
            all.push_back({.agent = "agent-" + std::to_string(i), .number = 100 * i + k});
    }
    REQUIRE(payroll.record(all));
    end_epoch(payroll);
    U256 sum = 0;
    const auto payouts = payroll.ledger().payouts_of_epoch(0);
    REQUIRE(payouts);
    REQUIRE(payouts->size() == 97);
    for (const PayoutRow& payout : *payouts)
        sum += payout.amount_rau;
    CHECK(sum == (*payroll.ledger().epoch(0))->pool_rau);
    CHECK(to_decimal(sum + (*payroll.ledger().epoch(0))->cut_rau) == "123456789012345678");
}

}  // namespace ioswarm
