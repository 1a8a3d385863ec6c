// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "core/ports/state_reader.hpp"

namespace ioswarm::test {

/// A source under test, what it holds, and the operations that a test can apply to it. An empty function means
/// that this source cannot do it.
struct StateSubject {
    std::shared_ptr<void> owner{};
    StateReader* state = nullptr;
    std::uint64_t height = 0;  ///< available at the start
    Address plain{};           ///< an account without code that has a balance at `height`
    AccountState plain_state{};
    std::optional<Address> contract{};           ///< an account with code
    Address unknown{};                           ///< an address that never appeared on the chain
    std::uint64_t height_not_held = 0;           ///< above the tip, or too old
    std::function<void(const Address&)> fail{};  ///< makes reads of this address fail; others still work
    std::function<void()> mend{};
};

/// The contract of core/ports/state_reader.hpp. Call inside a TEST_CASE.
template <typename Make>
void state_reader_contract(Make make) {
    StateSubject subject = make();
    StateReader& state = *subject.state;

    SECTION("answers stand in the order of the question, as many, doubled addresses too") {
        const std::vector<Address> asked{subject.unknown, subject.plain, subject.unknown, subject.plain};
        const auto answers = state.accounts(asked, subject.height);
        REQUIRE(answers.size() == asked.size());
        for (const auto& answer : answers)
            REQUIRE(answer);
        CHECK(answers[1]->balance_rau == subject.plain_state.balance_rau);
        CHECK(answers[1]->nonce == subject.plain_state.nonce);
        CHECK_FALSE(answers[1]->code_hash);
        CHECK(answers[3]->balance_rau == subject.plain_state.balance_rau);
        CHECK(answers[0]->balance_rau == 0);
        CHECK(answers[0]->nonce == 0);
        CHECK_FALSE(answers[0]->code_hash);
    }

    SECTION("nothing asked, nothing answered") {
        CHECK(state.accounts({}, subject.height).empty());
    }

    if (subject.contract) {
        SECTION("a contract has a code hash") {
            const std::vector<Address> asked{*subject.contract};
            const auto answers = state.accounts(asked, subject.height);
            REQUIRE(answers.size() == 1);
            REQUIRE(answers[0]);
            CHECK(answers[0]->code_hash);
        }
    }

    SECTION("a height that is not held is out_of_range for each address") {
        const std::vector<Address> asked{subject.plain, subject.unknown};
        const auto answers = state.accounts(asked, subject.height_not_held);
        REQUIRE(answers.size() == 2);
        for (const auto& answer : answers) {
            REQUIRE_FALSE(answer);
            CHECK(answer.error().code == ErrorCode::out_of_range);
        }
    }

    SECTION("several threads may ask at once") {
        std::vector<std::jthread> threads;
        std::vector<int> right(4, 0);
        for (std::size_t i = 0; i < right.size(); ++i) {
            threads.emplace_back([&, i] {
                const std::vector<Address> asked{subject.plain};
                for (int n = 0; n < 20; ++n) {
                    const auto answers = state.accounts(asked, subject.height);
                    if (answers.size() == 1 && answers[0] &&
                        answers[0]->balance_rau == subject.plain_state.balance_rau) {
                        ++right[i];
                    }
                }
            });
        }
        threads.clear();
        for (const int count : right)
            CHECK(count == 20);
    }

    if (subject.fail) {
        SECTION("an address that cannot be read fails alone") {
            subject.fail(subject.unknown);
            const std::vector<Address> asked{subject.plain, subject.unknown, subject.plain};
            const auto answers = state.accounts(asked, subject.height);
            REQUIRE(answers.size() == 3);
            CHECK(answers[0]);
            CHECK(answers[2]);
            REQUIRE_FALSE(answers[1]);
            const ErrorCode code = answers[1].error().code;
            CHECK((code == ErrorCode::unavailable || code == ErrorCode::timed_out ||
                   code == ErrorCode::bad_data));
            subject.mend();
            CHECK(state.accounts(asked, subject.height)[1]);
        }
    }
}

}  // namespace ioswarm::test
