// SPDX-License-Identifier: Apache-2.0
#include "core/accounting/comparison.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

namespace {

constexpr bool kMined = true;    // the receipt says success
constexpr bool kFailed = false;  // the receipt says failure

Claim executed(bool valid, OwnRun own, bool receipt_counts_too = false) {
    return {valid, false, true, {own, receipt_counts_too, Agreement::not_compared, Agreement::not_compared}};
}

}  // namespace

TEST_CASE(
    "an executed answer is right when it agrees with the coordinator's own run, whatever the block says") {
    CHECK(judge(executed(true, OwnRun::valid), kMined, false) == AnswerOutcome::matched);
    CHECK(judge(executed(false, OwnRun::invalid), kFailed, false) == AnswerOutcome::matched);
    CHECK(judge(executed(true, OwnRun::valid), kFailed, false) == AnswerOutcome::state_race);
    CHECK(judge(executed(false, OwnRun::invalid), kMined, false) == AnswerOutcome::state_race);
    CHECK(is_match(AnswerOutcome::state_race));
}

TEST_CASE("an executed answer is wrong when it differs from the own run, even if the block agrees with it") {
    CHECK(judge(executed(true, OwnRun::invalid), kMined, false) == AnswerOutcome::false_positive);
    CHECK(judge(executed(false, OwnRun::valid), kFailed, false) == AnswerOutcome::false_negative);
    // Not a nonce race.
    CHECK(judge(executed(true, OwnRun::invalid), kFailed, true) == AnswerOutcome::false_positive);
}

TEST_CASE("an answer from the agent's own state is right when it agrees with the own run or with the block") {
    CHECK(judge(executed(true, OwnRun::invalid, true), kMined, false) == AnswerOutcome::matched);
    CHECK(judge(executed(false, OwnRun::valid, true), kFailed, false) == AnswerOutcome::matched);
    CHECK(judge(executed(true, OwnRun::valid, true), kFailed, false) == AnswerOutcome::state_race);
    CHECK(judge(executed(true, OwnRun::invalid, true), kFailed, false) == AnswerOutcome::false_positive);
    CHECK(judge(executed(false, OwnRun::valid, true), kMined, false) == AnswerOutcome::false_negative);
}

TEST_CASE("without an own run the receipt decides") {
    CHECK(judge(executed(true, OwnRun::none), kMined, false) == AnswerOutcome::matched);
    CHECK(judge(executed(true, OwnRun::none), kFailed, false) == AnswerOutcome::false_positive);
    CHECK(judge(executed(true, OwnRun::none), kFailed, true) == AnswerOutcome::nonce_race);
    CHECK(judge(executed(false, OwnRun::none), kMined, false) == AnswerOutcome::false_negative);
}

TEST_CASE("gas and state are compared and counted, and never change the outcome") {
    LedgerNumbers numbers;
    count(AnswerOutcome::matched, {OwnRun::valid, false, Agreement::differs, Agreement::differs}, numbers);
    count(AnswerOutcome::state_race, {OwnRun::valid, false, Agreement::same, Agreement::same}, numbers);
    count(AnswerOutcome::false_positive, {OwnRun::invalid, false, Agreement::not_compared, Agreement::same},
          numbers);
    // Not compared, so not counted.
    count(AnswerOutcome::none, {OwnRun::valid, false, Agreement::same, Agreement::same}, numbers);
    CHECK(numbers.compared == 3);
    CHECK(numbers.matched == 2);
    CHECK(numbers.state_race_excluded == 1);
    CHECK(numbers.evm_gas_matches == 1);
    CHECK(numbers.evm_gas_mismatches == 1);
    CHECK(numbers.evm_state_matches == 2);
    CHECK(numbers.evm_state_mismatches == 1);
}
