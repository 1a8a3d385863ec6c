// SPDX-License-Identifier: Apache-2.0
#include "core/accounting/recent_answers.hpp"

#include "test/core/accounting/payroll_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

JudgedAnswer judged_at(std::uint64_t height) {
    JudgedAnswer out;
    out.height = height;
    return out;
}

}  // namespace

TEST_CASE("an agent's newest compared answers are listed, newest first") {
    Bookkeeping payroll;
    REQUIRE(payroll.record({{.number = 1}, {.number = 2, .valid = false}}));
    REQUIRE(payroll.record({{.agent = "b", .number = 1}}));
    CHECK(payroll->recent_answers("a").empty());
    REQUIRE(payroll->on_block(block_of(10, {{1, kReceiptSuccess}})));
    REQUIRE(payroll->on_block(block_of(11, {{2, kReceiptSuccess}})));

    const auto answers = payroll->recent_answers("a");
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].height == 11);
    CHECK(answers[0].action_hash == hash_of(2));
    CHECK_FALSE(answers[0].valid);
    CHECK(answers[0].outcome == AnswerOutcome::false_negative);
    CHECK(answers[1].height == 10);
    CHECK(answers[1].outcome == AnswerOutcome::matched);
    CHECK(payroll->recent_answers("b").size() == 1);
    CHECK(payroll->recent_answers("nobody").empty());
}

TEST_CASE("an answer that is compared after its block is listed with that block") {
    Bookkeeping payroll;
    REQUIRE(payroll->on_block(block_of(10, {{1, kReceiptSuccess}})));
    REQUIRE(payroll.record({{.number = 1}}));
    const auto answers = payroll->recent_answers("a");
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].height == 10);
    CHECK(answers[0].outcome == AnswerOutcome::matched);
}

TEST_CASE("the numbers of remembered answers and of agents are bounded") {
    RecentAnswers recent;
    for (std::uint64_t height = 1; height <= RecentAnswers::kPerAgent + 3; ++height)
        recent.add({{"a", judged_at(height)}});
    const auto answers = recent.of("a");
    REQUIRE(answers.size() == RecentAnswers::kPerAgent);
    CHECK(answers.front().height == RecentAnswers::kPerAgent + 3);
    for (std::size_t i = 1; i < RecentAnswers::kMaxAgents; ++i)
        recent.add({{"agent-" + std::to_string(i), judged_at(i)}});
    CHECK_FALSE(recent.of("a").empty());
    recent.add({{"one-more", judged_at(1)}});
    CHECK(recent.of("a").empty());
    CHECK(recent.of("one-more").size() == 1);
    CHECK(recent.of("agent-1").size() == 1);
}
