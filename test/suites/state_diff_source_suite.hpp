// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

#include <catch2/catch.hpp>

#include "core/model/state_digest.hpp"
#include "core/ports/state_diff_source.hpp"

namespace ioswarm::test {

/// A source under test and the operations that a test can apply to it. An empty function means that this source
/// cannot do it.
struct DiffSubject {
    std::shared_ptr<void> owner{};
    StateDiffSource* diffs = nullptr;
    std::uint64_t first = 1;  ///< lowest height that the source will have
    /// Afterwards one more diff exists; after the first call it is `first`.
    std::function<void()> next_block{};
    /// After this, height `first` is no longer available.
    std::function<void()> forget_first{};
};

/// The contract of core/ports/state_diff_source.hpp. Call inside a TEST_CASE.
template <typename Make>
void state_diff_source_contract(Make make) {
    DiffSubject subject = make();
    StateDiffSource& diffs = *subject.diffs;
    const std::stop_source never;

    SECTION("diffs follow each other, each of the height that was asked for, with the digest of its entries") {
        for (int i = 0; i < 4; ++i)
            subject.next_block();
        for (std::uint64_t height = subject.first; height < subject.first + 4; ++height) {
            const auto diff = diffs.next(height, never.get_token());
            REQUIRE(diff);
            CHECK(diff->height == height);
            CHECK(has_true_digest(*diff));
            REQUIRE_FALSE(diff->entries.empty());
            CHECK(as_text(diff->entries.back().key) == "currentHeight");
        }
    }

    SECTION("height 0 is the oldest diff that there is") {
        subject.next_block();
        subject.next_block();
        const auto diff = diffs.next(0, never.get_token());
        REQUIRE(diff);
        CHECK(diff->height == subject.first);
    }

    SECTION("a reader waits for a height that is still to come") {
        subject.next_block();
        std::optional<Result<StateDiff>> got;
        {
            std::jthread reader([&] { got = diffs.next(subject.first + 2, never.get_token()); });
            subject.next_block();
            subject.next_block();
        }
        REQUIRE(got->has_value());
        CHECK((*got)->height == subject.first + 2);
    }

    SECTION("a reader that waits ends when it is told to") {
        subject.next_block();
        std::stop_source stop;
        std::optional<Result<StateDiff>> got;
        {
            std::jthread reader([&] { got = diffs.next(subject.first + 1, stop.get_token()); });
            stop.request_stop();
        }
        REQUIRE_FALSE(got->has_value());
        CHECK(got->error().code == ErrorCode::cancelled);
    }

    SECTION("a height that is no longer held is out of range") {
        if (!subject.forget_first) return;
        subject.next_block();
        subject.forget_first();
        const auto diff = diffs.next(subject.first, never.get_token());
        REQUIRE_FALSE(diff);
        CHECK(diff.error().code == ErrorCode::out_of_range);
    }
}

}  // namespace ioswarm::test
