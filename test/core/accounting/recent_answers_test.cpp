// SPDX-License-Identifier: Apache-2.0
#include "core/accounting/recent_answers.hpp"

#include "test/core/accounting/accounting_fixture.hpp"

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
    Bookkeeping books;
    REQUIRE(books.record({{.number = 1}, {.number = 2, .valid = false}}));
    REQUIRE(books.record({{.agent = "b", .number = 1}}));
    CHECK(books->recent_answers("a").empty());
    REQUIRE(books->on_block(block_of(10, {{1, kReceiptSuccess}})));
    REQUIRE(books->on_block(block_of(11, {{2, kReceiptSuccess}})));

    const auto answers = books->recent_answers("a");
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].height == 11);
    CHECK(answers[0].action_hash == hash_of(2));
    CHECK_FALSE(answers[0].valid);
    CHECK(answers[0].verdict == Verdict::false_negative);
    CHECK(answers[1].height == 10);
    CHECK(answers[1].verdict == Verdict::matched);
    CHECK(books->recent_answers("b").size() == 1);
    CHECK(books->recent_answers("nobody").empty());
}

TEST_CASE("an answer that is compared after its block is listed with that block") {
    Bookkeeping books;
    REQUIRE(books->on_block(block_of(10, {{1, kReceiptSuccess}})));
    REQUIRE(books.record({{.number = 1}}));
    const auto answers = books->recent_answers("a");
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].height == 10);
    CHECK(answers[0].verdict == Verdict::matched);
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
