// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "test/core/accounting/payroll_fixture.hpp"

namespace ioswarm {
namespace {

using namespace ioswarm::test;

constexpr std::uint64_t kReverted = 106;

WorkRow work_of(Bookkeeping& payroll, const std::string& agent) {
    for (const LeaderboardEntry& entry : payroll->leaderboard()) {
        if (entry.agent_id == agent) return {agent, entry.tasks, entry.compared, entry.correct, 0};
    }
    return {agent, 0, 0, 0, 0};
}

}  // namespace

TEST_CASE("accepted answers count as work of the current epoch and survive a restart", "[defect-1]") {
    Bookkeeping payroll;
    REQUIRE(payroll.record(
        {{.agent = "a", .number = 1, .latency_us = 100}, {.agent = "a", .number = 2, .latency_us = 301}}));
    REQUIRE(payroll.record({{.agent = "b", .number = 1}}));
    for (int round = 0; round < 2; ++round) {
        const auto board = payroll->leaderboard();
        REQUIRE(board.size() == 2);
        CHECK(board[0].agent_id == "a");
        CHECK(board[0].rank == 1);
        CHECK(board[0].tasks == 2);
        CHECK(board[0].avg_latency_us == 200.5);
        CHECK(board[1].agent_id == "b");
        CHECK(payroll->tasks_received() == 3);
        CHECK(payroll->epoch().total_tasks == 3);
        CHECK(payroll->epoch().agents == 2);
        payroll.reopen();
    }
}

TEST_CASE("work that a restart counts from the stored answers is written with the next block", "[defect-1]") {
    Bookkeeping payroll;
    REQUIRE(payroll->on_block(block_of(1, {{2, kReceiptSuccess}})));
    REQUIRE(payroll.record({{.agent = "a", .number = 1}, {.agent = "a", .number = 2}}));
    payroll.reopen();
    payroll.pass_blocks(1);
    payroll.reopen();
    payroll.pass_blocks(100);
    payroll.reopen();
    CHECK(payroll->tasks_received() == 2);
    CHECK(work_of(payroll, "a").tasks == 2);
    CHECK(work_of(payroll, "a").compared == 1);
    CHECK(payroll->shadow().compared == 1);
}

TEST_CASE("an agent is paid for an action once, also after a restart", "[defect-19][defect-36]") {
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.number = 1}, {.number = 1}}));
    REQUIRE(payroll.record({{.number = 1}}));
    CHECK(payroll->tasks_received() == 1);
    CHECK(payroll.counter("answers_repeated") == 2);
    payroll.reopen();
    REQUIRE(payroll.record({{.number = 1}}));
    CHECK(payroll->tasks_received() == 1);
    // With redundancy, each agent is paid.
    REQUIRE(payroll.record({{.agent = "b", .number = 1}}));
    CHECK(payroll->tasks_received() == 2);
}

TEST_CASE(
    "an agent is paid once for a transaction that the pool lists in two envelopes, also after a restart") {
    const auto answer_in = [](std::uint8_t envelope) {
        Answer answer = answer_of({.number = 1});
        answer.raw_id = hash_of(1, envelope);
        return answer;
    };
    Bookkeeping payroll;
    const auto record = [&](std::vector<Answer> answers) {
        std::promise<Status> done;
        payroll->record(std::move(answers), [&](Status status) { done.set_value(std::move(status)); });
        return done.get_future().get();
    };
    SECTION("in one submission") {
        REQUIRE(record({answer_in(kRaw), answer_in(kRaw + 1)}));
    }
    SECTION("one after the other") {
        REQUIRE(record({answer_in(kRaw)}));
        REQUIRE(record({answer_in(kRaw + 1)}));
    }
    SECTION("after a restart") {
        REQUIRE(record({answer_in(kRaw)}));
        payroll.reopen();
        REQUIRE(record({answer_in(kRaw + 1)}));
    }
    SECTION("after its block") {
        REQUIRE(record({answer_in(kRaw)}));
        REQUIRE(payroll->on_block(block_of(10, {{1, kReceiptSuccess}})));
        REQUIRE(record({answer_in(kRaw + 1)}));
    }
    CHECK(payroll->tasks_received() == 1);
    REQUIRE(payroll->on_block(block_of(11, {{1, kReceiptSuccess}})));
    CHECK(payroll->shadow().compared == 1);
}

TEST_CASE("the blocks of the last 32 heights are known after a restart") {
    Bookkeeping payroll;
    REQUIRE(payroll->on_block(block_of(10, {{1, kReceiptSuccess}, {2, kReceiptSuccess}})));
    REQUIRE(payroll->on_block(block_of(11, {})));
    payroll.reopen();
    const std::vector<MinedBlock> recent = payroll->recent_blocks();
    REQUIRE(recent.size() == 2);
    CHECK(recent[0].height == 10);
    CHECK(recent[0].actions == std::vector<Hash256>{hash_of(1), hash_of(2)});
    CHECK(recent[1].height == 11);
}

TEST_CASE("an answer paid before its action was mined is not paid again after", "[defect-19]") {
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.number = 1}}));
    REQUIRE(payroll->on_block(block_of(10, {{1, kReceiptSuccess}})));
    REQUIRE(payroll.record({{.number = 1}}));
    CHECK(payroll->tasks_received() == 1);
    CHECK(payroll->shadow().compared == 1);
}

TEST_CASE("answers are compared by transaction, whoever answered and at any time", "[defect-12]") {
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.agent = "a", .number = 1}}));
    REQUIRE(payroll.record({{.agent = "b", .number = 1}}));
    REQUIRE(payroll.record({{.agent = "c", .number = 1, .valid = false}}));
    REQUIRE(payroll->on_block(block_of(10, {{1, kReceiptSuccess}})));
    CHECK(payroll->shadow().compared == 3);
    CHECK(payroll->shadow().matched == 2);
    CHECK(payroll->shadow().mismatched == 1);
    CHECK(work_of(payroll, "a").correct == 1);
    CHECK(work_of(payroll, "c").compared == 1);
    CHECK(work_of(payroll, "c").correct == 0);
}

TEST_CASE("answers to pending actions are kept, even over 1,000 blocks", "[defect-13][defect-14]") {
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.number = 1}, {.number = 2}}));
    REQUIRE(payroll->on_block(block_of(1, {{2, kReceiptSuccess}})));
    for (std::uint64_t height = 2; height <= 1001; ++height)
        REQUIRE(payroll->on_block(block_of(height)));
    CHECK(payroll->open_answers().size() == 1);
    REQUIRE(payroll->on_block(block_of(1002, {{1, kReceiptSuccess}})));
    CHECK(payroll->shadow().compared == 2);
}

TEST_CASE("answers to mined actions are dropped when the time for late answers is over", "[defect-41]") {
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.number = 1}}));
    REQUIRE(payroll->on_block(block_of(1, {{1, kReceiptSuccess}})));
    payroll.pass_blocks(32);
    LedgerState state;
    const auto load = [&] {
        REQUIRE(payroll.ledger().run([&](LedgerTx& tx) -> Status {
            auto loaded = tx.load();
            if (!loaded) return fail(loaded.error());
            state = std::move(*loaded);
            return {};
        }));
    };
    load();
    CHECK(state.answers.size() == 1);
    CHECK(state.recent.size() == 33);
    payroll.pass_blocks(1);
    load();
    CHECK(state.answers.empty());
    CHECK(payroll.counter("answers_held") == 0);
    CHECK(state.recent.size() == 33);
    payroll.pass_blocks(100);
    load();
    CHECK(state.recent.size() == 33);
}

TEST_CASE("answers to an action that the coordinator forgot are dropped with the next block", "[defect-41]") {
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.number = 1}, {.number = 2}, {.number = 3, .hashable = false}}));
    payroll->forget({hash_of(1, kRaw), hash_of(3, kRaw), hash_of(99, kRaw)});
    CHECK(payroll->open_answers().size() == 3);
    REQUIRE(payroll->on_block(block_of(1)));
    REQUIRE(payroll->open_answers().size() == 1);
    CHECK(payroll->open_answers()[0].raw_id == hash_of(2, kRaw));
    payroll.reopen();
    CHECK(payroll->open_answers().size() == 1);
    REQUIRE(payroll->on_block(block_of(2, {{1, kReceiptSuccess}, {2, kReceiptSuccess}})));
    CHECK(payroll->shadow().compared == 1);
    CHECK(payroll->tasks_received() == 3);
}

TEST_CASE("an action that is mined in the block that would drop it is compared") {
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.number = 1}}));
    payroll->forget({hash_of(1, kRaw)});
    REQUIRE(payroll->on_block(block_of(1, {{1, kReceiptSuccess}})));
    CHECK(payroll->shadow().compared == 1);
}

TEST_CASE("an answer without execution is right about every mined action") {
    Bookkeeping payroll;
    REQUIRE(payroll.record(
        {{.agent = "a", .number = 1, .valid = true}, {.agent = "a", .number = 2, .valid = false}}));
    REQUIRE(payroll->on_block(block_of(1, {{1, kReverted}, {2, kReverted}})));
    const ShadowTotals totals = payroll->shadow();
    CHECK(totals.matched == 1);
    CHECK(totals.false_negatives == 1);
    CHECK(totals.false_positives == 0);
}

TEST_CASE("an answer from execution is compared with the receipt's status") {
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.agent = "a", .number = 1, .valid = true, .executed = true, .has_reason = true},
                            {.agent = "a", .number = 2, .valid = false, .executed = true},
                            {.agent = "a", .number = 3, .valid = true, .executed = true},
                            {.agent = "a", .number = 4, .valid = false, .executed = true}}));
    REQUIRE(payroll->on_block(
        block_of(1, {{1, kReverted}, {2, kReverted}, {3, kReceiptSuccess}, {4, kReceiptSuccess}})));
    const ShadowTotals totals = payroll->shadow();
    CHECK(totals.compared == 4);
    CHECK(totals.matched == 2);
    CHECK(totals.false_positives == 1);
    CHECK(totals.false_negatives == 1);
    CHECK(totals.nonce_race_excluded == 0);
}

TEST_CASE("an answer that a nonce race made wrong counts as a match and as excluded") {
    Bookkeeping payroll;
    SECTION("when another answered action of the sender succeeded in the block") {
        REQUIRE(payroll.record({{.number = 1, .executed = true}, {.number = 2, .executed = true}}));
        REQUIRE(payroll->on_block(block_of(1, {{1, kReceiptSuccess}, {2, kReverted}})));
        CHECK(payroll->shadow().nonce_race_excluded == 1);
        CHECK(payroll->shadow().matched == 2);
        CHECK(payroll->shadow().mismatched == 0);
    }
    SECTION("when the other action was dispatched and is not answered yet") {
        REQUIRE(payroll.record({{.number = 2, .executed = true}}));
        const DispatchedAction other{hash_of(1), address_of(7)};
        REQUIRE(payroll->on_block(block_of(1, {{1, kReceiptSuccess}, {2, kReverted}}), std::span(&other, 1)));
        CHECK(payroll->shadow().nonce_race_excluded == 1);
    }
    SECTION("when the answer comes after the block, and after a restart") {
        REQUIRE(payroll.record({{.number = 1, .executed = true}}));
        REQUIRE(payroll->on_block(block_of(1, {{1, kReceiptSuccess}, {2, kReverted}})));
        payroll.reopen();
        REQUIRE(payroll.record({{.number = 2, .executed = true}}));
        CHECK(payroll->shadow().nonce_race_excluded == 1);
        CHECK(payroll->shadow().matched == 2);
    }
    SECTION("not when the agent gave a reason") {
        REQUIRE(payroll.record(
            {{.number = 1, .executed = true}, {.number = 2, .executed = true, .has_reason = true}}));
        REQUIRE(payroll->on_block(block_of(1, {{1, kReceiptSuccess}, {2, kReverted}})));
        CHECK(payroll->shadow().nonce_race_excluded == 0);
        CHECK(payroll->shadow().false_positives == 1);
    }
    SECTION("not when the other action is of another sender, failed, or is in another block") {
        REQUIRE(payroll.record({{.number = 1, .executed = true, .sender = 8},
                                {.number = 2, .executed = true},
                                {.number = 3, .valid = false, .executed = true},
                                {.number = 4, .executed = true}}));
        REQUIRE(payroll->on_block(block_of(1, {{4, kReceiptSuccess}})));
        REQUIRE(payroll->on_block(block_of(2, {{1, kReceiptSuccess}, {2, kReverted}, {3, kReverted}})));
        CHECK(payroll->shadow().nonce_race_excluded == 0);
        CHECK(payroll->shadow().false_positives == 1);
    }
    SECTION("not when the other action was never dispatched") {
        REQUIRE(payroll.record({{.number = 2, .executed = true}}));
        REQUIRE(payroll->on_block(block_of(1, {{1, kReceiptSuccess}, {2, kReverted}})));
        CHECK(payroll->shadow().nonce_race_excluded == 0);
    }
}

TEST_CASE("executed answers are compared with the coordinator's own runs, also after a restart") {
    const RunComparison agrees{OwnRun::valid, false, Agreement::same, Agreement::same};
    const RunComparison differs{OwnRun::valid, false, Agreement::differs, Agreement::differs};
    const RunComparison fails{OwnRun::invalid, false, Agreement::not_compared, Agreement::same};
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.number = 1, .executed = true, .run = agrees},
                            {.number = 2, .executed = true, .run = differs},  // gas and state do not affect pay
                            {.number = 3, .executed = true, .run = agrees},   // the block contradicts the run
                            {.number = 4, .executed = true, .run = fails}}));  // the agent is wrong
    payroll.reopen();  // the runs are stored in the ledger
    REQUIRE(payroll->on_block(
        block_of(1, {{1, kReceiptSuccess}, {2, kReceiptSuccess}, {3, kReverted}, {4, kReceiptSuccess}})));
    const auto check = [&] {
        const ShadowTotals totals = payroll->shadow();
        CHECK(totals.compared == 4);
        CHECK(totals.matched == 3);
        CHECK(totals.state_race_excluded == 1);
        CHECK(totals.false_positives == 1);
        CHECK(totals.evm_gas_matches == 2);
        CHECK(totals.evm_gas_mismatches == 1);
        CHECK(totals.evm_state_matches == 3);
        CHECK(totals.evm_state_mismatches == 1);
        CHECK(work_of(payroll, "a").correct == 3);
    };
    check();
    payroll.reopen();
    check();
}

TEST_CASE("a late answer that agrees with the coordinator's own run does not count as a match") {
    Bookkeeping payroll;
    REQUIRE(payroll->on_block(block_of(100, {{1, kReceiptSuccess}, {2, kReverted}})));
    const RunComparison agrees{OwnRun::valid, true, Agreement::same, Agreement::same};
    REQUIRE(payroll.record({{.number = 1, .executed = true, .known_height = 100, .run = agrees},
                            {.number = 2, .executed = true, .known_height = 100, .run = agrees}}));
    CHECK(payroll->shadow().compared == 0);
    CHECK(payroll->shadow().evm_gas_matches == 0);
    CHECK(payroll->shadow().state_race_excluded == 0);
}

TEST_CASE("an answer that came when its block was known does not count as a match after a restart either") {
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.number = 1, .executed = true, .known_height = 1}}));
    payroll.reopen();
    REQUIRE(payroll->on_block(block_of(1, {{1, kReceiptSuccess}})));
    CHECK(payroll->shadow().compared == 0);
}

TEST_CASE("a late answer is compared for 32 blocks after the block, also after a restart") {
    Bookkeeping payroll;
    REQUIRE(payroll->on_block(block_of(100, {{1, kReceiptSuccess}, {2, kReverted}, {3, kReceiptSuccess}})));
    REQUIRE(payroll.record({{.number = 1}}));
    CHECK(payroll->shadow().compared == 1);
    for (std::uint64_t height = 101; height <= 132; ++height)
        REQUIRE(payroll->on_block(block_of(height)));
    payroll.reopen();
    REQUIRE(payroll.record({{.number = 2, .executed = true}}));
    CHECK(payroll->shadow().compared == 2);
    CHECK(payroll->shadow().false_positives == 1);
    REQUIRE(payroll->on_block(block_of(133)));
    REQUIRE(payroll.record({{.number = 3}}));
    CHECK(payroll->shadow().compared == 2);
    CHECK(payroll->tasks_received() == 3);  // all are counted as work
    CHECK(work_of(payroll, "a").compared == 2);
}

TEST_CASE(
    "an executed answer that comes after its block counts as work, never as a match, but may be a mismatch") {
    Bookkeeping payroll;
    SECTION("the coordinator has processed the block") {
        REQUIRE(payroll->on_block(
            block_of(100, {{1, kReceiptSuccess}, {2, kReverted}, {3, kReceiptSuccess}, {4, kReceiptSuccess}})));
        REQUIRE(payroll.record({{.number = 1, .executed = true, .known_height = 100},
                                {.number = 2, .valid = false, .executed = true, .known_height = 101},
                                {.number = 3, .valid = false, .executed = true, .known_height = 100}}));
        // This answer came before the block and was recorded after it.
        REQUIRE(payroll.record({{.agent = "b", .number = 4, .executed = true, .known_height = 99}}));
        payroll.reopen();
    }
    SECTION("the coordinator knows the block and has not processed it yet") {
        REQUIRE(payroll.record({{.number = 1, .executed = true, .known_height = 100},
                                {.number = 2, .valid = false, .executed = true, .known_height = 101},
                                {.number = 3, .valid = false, .executed = true, .known_height = 100},
                                {.agent = "b", .number = 4, .executed = true, .known_height = 99}}));
        REQUIRE(payroll->on_block(
            block_of(100, {{1, kReceiptSuccess}, {2, kReverted}, {3, kReceiptSuccess}, {4, kReceiptSuccess}})));
    }
    CHECK(payroll->tasks_received() == 4);
    CHECK(work_of(payroll, "a").tasks == 3);
    CHECK(work_of(payroll, "a").compared == 1);
    CHECK(work_of(payroll, "a").correct == 0);
    CHECK(work_of(payroll, "b").correct == 1);
    CHECK(payroll->shadow().matched == 1);
    CHECK(payroll->shadow().false_negatives == 1);
}

TEST_CASE("an answer without execution that comes after its block is compared like any other") {
    Bookkeeping payroll;
    REQUIRE(payroll->on_block(block_of(100, {{1, kReceiptSuccess}})));
    REQUIRE(payroll.record({{.number = 1, .known_height = 100}}));
    CHECK(work_of(payroll, "a").correct == 1);
}

TEST_CASE("late answers of one group commit are all counted") {
    Bookkeeping payroll;
    REQUIRE(payroll->on_block(block_of(1, {{1, kReceiptSuccess}, {2, kReceiptSuccess}, {3, kReceiptSuccess}})));
    std::vector<std::future<Status>> all;
    for (std::uint64_t i = 0; i < 90; ++i) {
        auto done = std::make_shared<std::promise<Status>>();
        all.push_back(done->get_future());
        payroll->record({answer_of({.agent = "agent-" + std::to_string(i), .number = 1 + i % 3})},
                        [done](Status status) { done->set_value(std::move(status)); });
    }
    for (auto& one : all)
        CHECK(one.get());
    CHECK(payroll->shadow().compared == 90);
    payroll.reopen();
    CHECK(payroll->shadow().compared == 90);
    CHECK(payroll->tasks_received() == 90);
    CHECK(payroll->epoch().correct == 90);
}

TEST_CASE("without shadow mode an agent's own outcome counts, and blocks change nothing") {
    CoordinatorSettings settings;
    settings.shadow_mode = false;
    Bookkeeping payroll(settings);
    REQUIRE(payroll.record({{.number = 1, .valid = true}, {.number = 2, .valid = false}}));
    CHECK(payroll->epoch().compared == 2);
    CHECK(payroll->epoch().correct == 1);
    REQUIRE(payroll->on_block(block_of(1, {{1, kReceiptSuccess}, {2, kReceiptSuccess}})));
    REQUIRE(payroll.record({{.agent = "b", .number = 2, .valid = true}}));
    CHECK(payroll->epoch().compared == 3);
    CHECK(payroll->epoch().correct == 2);
    CHECK(payroll->shadow() == ShadowTotals{});

    // If shadow mode is switched on later, tasks counted before are not counted again.
    REQUIRE(payroll.record({{.number = 5}}));
    payroll.settings().shadow_mode = true;
    payroll.reopen();
    REQUIRE(payroll->on_block(block_of(2, {{5, kReceiptSuccess}})));
    CHECK(payroll->epoch().compared == 4);
    CHECK(payroll->shadow().compared == 0);
}

TEST_CASE("a block at or below the last height changes nothing") {
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.number = 1}}));
    REQUIRE(payroll->on_block(block_of(10, {{1, kReceiptSuccess}})));
    REQUIRE(payroll->on_block(block_of(10, {{1, kReceiptSuccess}})));
    REQUIRE(payroll->on_block(block_of(9, {{1, kReceiptSuccess}})));
    CHECK(payroll->last_height() == 10);
    CHECK(payroll->shadow().compared == 1);
    payroll.reopen();
    REQUIRE(payroll->on_block(block_of(10, {{1, kReceiptSuccess}})));
    CHECK(payroll->shadow().compared == 1);
    CHECK(payroll->last_height() == 10);
}

TEST_CASE("after a restart the payroll returns which actions were answered and by whom") {
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.agent = "a", .number = 1}, {.agent = "a", .number = 2}}));
    REQUIRE(payroll.record({{.agent = "b", .number = 1}}));
    payroll.reopen();
    std::map<Hash256, OpenAnswers> open;
    for (const OpenAnswers& one : payroll->open_answers())
        open.emplace(one.raw_id, one);
    REQUIRE(open.size() == 2);
    CHECK(open.at(hash_of(1, kRaw)).answers == 2);
    CHECK(open.at(hash_of(1, kRaw)).action_hash == hash_of(1));
    CHECK(open.at(hash_of(2, kRaw)).answers == 1);
    auto agents = payroll->answered_by(hash_of(1, kRaw));
    std::sort(agents.begin(), agents.end());
    CHECK(agents == std::vector<std::string>{"a", "b"});
    CHECK(payroll->answered_by(hash_of(9, kRaw)).empty());
}

TEST_CASE("reserved ids never repeat, across restarts too", "[defect-42]") {
    Bookkeeping payroll;
    const auto first = payroll->reserve_ids(1000);
    REQUIRE(first);
    const auto second = payroll->reserve_ids(1);
    REQUIRE(second);
    CHECK(*second == *first + 1000);
    payroll.reopen();
    REQUIRE(payroll->on_block(block_of(1)));
    const auto third = payroll->reserve_ids(10);
    REQUIRE(third);
    CHECK(*third == *second + 1);
    CHECK_FALSE(payroll->reserve_ids(0));
}

TEST_CASE("an absurd latency is cut so that the average stays in range") {
    Bookkeeping payroll;
    REQUIRE(payroll.record(
        {{.number = 1, .latency_us = ~std::uint64_t{0}}, {.number = 2, .latency_us = ~std::uint64_t{0}}}));
    CHECK(payroll->leaderboard().at(0).avg_latency_us == 4294967296.0);
    payroll.reopen();
    CHECK(payroll->leaderboard().at(0).avg_latency_us == 4294967296.0);
}

}  // namespace ioswarm
