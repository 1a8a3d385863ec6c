// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

#include <catch2/catch.hpp>

#include "core/ports/block_source.hpp"

namespace ioswarm::test {

/// A source under test and the operations that a test can apply to it. An empty function means that this source
/// cannot do it.
struct BlockSubject {
    std::shared_ptr<void> owner{};
    BlockSource* blocks = nullptr;
    std::uint64_t first = 1;  ///< lowest height that the source will have
    /// Afterwards one more block exists; after the first call it is `first`.
    std::function<void()> next_block{};
    std::function<void()> fail{};  ///< breaks the connection: at least one call fails, later ones may succeed
    /// After this, height `first` is no longer available.
    std::function<void()> forget_first{};
};

/// The contract of core/ports/block_source.hpp. Call inside a TEST_CASE.
template <typename Make>
void block_source_contract(Make make) {
    BlockSubject subject = make();
    BlockSource& blocks = *subject.blocks;
    const std::stop_source never;

    SECTION("blocks that exist are given at once, the same each time, in any order") {
        for (int i = 0; i < 3; ++i)
            subject.next_block();
        for (const std::uint64_t height :
             {subject.first + 2, subject.first, subject.first + 1, subject.first}) {
            const auto block = blocks.next(height, never.get_token());
            REQUIRE(block);
            CHECK(block->height == height);
            CHECK(block->unmatched_actions == 0);
        }
        const auto once = blocks.next(subject.first + 1, never.get_token());
        const auto twice = blocks.next(subject.first + 1, never.get_token());
        REQUIRE(once);
        REQUIRE(twice);
        CHECK(once->time == twice->time);
        REQUIRE(once->receipts.size() == twice->receipts.size());
        for (std::size_t i = 0; i < once->receipts.size(); ++i) {
            CHECK(once->receipts[i].action_hash == twice->receipts[i].action_hash);
            CHECK(once->receipts[i].status == twice->receipts[i].status);
        }
    }

    SECTION("a reader waits for a height that is still to come") {
        subject.next_block();
        std::optional<Result<ExecutedBlock>> got;
        {
            std::jthread reader([&] { got = blocks.next(subject.first + 2, never.get_token()); });
            subject.next_block();
            subject.next_block();
        }
        REQUIRE(got);
        REQUIRE(*got);
        CHECK((*got)->height == subject.first + 2);
    }

    SECTION("a waiting reader ends when it is told to stop") {
        subject.next_block();
        std::optional<Result<ExecutedBlock>> got;
        {
            std::jthread reader([&](std::stop_token stop) { got = blocks.next(subject.first + 1000, stop); });
            reader.request_stop();
        }
        REQUIRE(got);
        REQUIRE_FALSE(*got);
        CHECK(got->error().code == ErrorCode::cancelled);
    }

    SECTION("stopped before it began, it does not wait") {
        std::stop_source stopped;
        stopped.request_stop();
        const auto got = blocks.next(subject.first + 1000, stopped.get_token());
        REQUIRE_FALSE(got);
        CHECK(got.error().code == ErrorCode::cancelled);
    }

    if (subject.fail) {
        SECTION("a broken connection is an error of that call; asked again, nothing is missing") {
            subject.next_block();
            REQUIRE(blocks.next(subject.first, never.get_token()));
            subject.fail();
            bool failed = false;
            for (int tries = 0; tries < 100 && !failed; ++tries) {
                const auto got = blocks.next(subject.first, never.get_token());
                failed = !got;
                if (failed) {
                    const ErrorCode code = got.error().code;
                    CHECK((code == ErrorCode::unavailable || code == ErrorCode::timed_out ||
                           code == ErrorCode::bad_data));
                }
            }
            subject.next_block();
            std::optional<Result<ExecutedBlock>> got;
            for (int tries = 0; tries < 100 && !(got && *got); ++tries) {
                got = blocks.next(subject.first + 1, never.get_token());
            }
            REQUIRE(*got);
            CHECK((*got)->height == subject.first + 1);
        }
    }

    if (subject.forget_first) {
        SECTION("a height that is no longer held is out_of_range") {
            subject.next_block();
            subject.forget_first();
            const auto got = blocks.next(subject.first, never.get_token());
            REQUIRE_FALSE(got);
            CHECK(got.error().code == ErrorCode::out_of_range);
        }
    }
}

}  // namespace ioswarm::test
