// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <catch2/catch.hpp>

#include "core/ports/act_pool_reader.hpp"

namespace ioswarm::test {

/// A source under test and the operations that a test can apply to it. An empty function means that this source
/// cannot do it; sections that need it are skipped.
struct PoolSubject {
    std::shared_ptr<void> owner{};  ///< keeps everything below alive
    ActPoolReader* pool = nullptr;
    std::function<void()> add_one{};     ///< afterwards at least one more action is pending
    std::function<void()> remove_one{};  ///< afterwards at least one of the actions pending before is gone
    std::function<void()> next_block{};  ///< moves the tip up
    std::function<void()> fail{};        ///< makes the source unreadable from now on
    std::function<void()> mend{};
};

namespace detail {

inline std::map<Hash256, PoolActionPtr> by_raw_id(const std::vector<PoolActionPtr>& actions) {
    std::map<Hash256, PoolActionPtr> out;
    for (const PoolActionPtr& action : actions) {
        REQUIRE(action);
        CHECK_FALSE(action->raw.empty());
        CHECK_FALSE(action->kind.empty());
        const bool first = out.emplace(action->raw_id, action).second;
        CHECK(first);  // each action is listed once
    }
    return out;
}

}  // namespace detail

/// The contract of core/ports/act_pool_reader.hpp. `make` returns a new source with an empty or filled pool and
/// a known tip. Call inside a TEST_CASE.
template <typename Make>
void act_pool_reader_contract(Make make) {
    PoolSubject subject = make();
    ActPoolReader& pool = *subject.pool;

    SECTION("what is pending is listed once each, and stays the same object until it leaves") {
        subject.add_one();
        const auto listed = pool.pending();
        REQUIRE(listed);
        REQUIRE_FALSE(listed->empty());
        const auto before = detail::by_raw_id(*listed);
        subject.add_one();
        const auto again = pool.pending();
        REQUIRE(again);
        const auto after = detail::by_raw_id(*again);
        std::size_t fresh = 0;
        for (const auto& [id, action] : after) {
            const auto known = before.find(id);
            if (known == before.end()) {
                ++fresh;
                continue;
            }
            CHECK(known->second == action);
        }
        CHECK(fresh > 0);
    }

    SECTION("an action that left is not listed, and its object lives on with whoever holds it") {
        subject.add_one();
        subject.add_one();
        const auto listed = pool.pending();
        REQUIRE(listed);
        const auto before = detail::by_raw_id(*listed);
        subject.remove_one();
        const auto again = pool.pending();
        REQUIRE(again);
        const auto after = detail::by_raw_id(*again);
        std::size_t gone = 0;
        for (const auto& [id, action] : before) {
            if (after.contains(id)) continue;
            ++gone;
            CHECK_FALSE(action->raw.empty());
        }
        CHECK(gone > 0);
    }

    SECTION("the tip is known and moves up with the chain") {
        const auto tip = pool.tip();
        REQUIRE(tip);
        subject.next_block();
        const auto next = pool.tip();
        REQUIRE(next);
        CHECK(next->height > tip->height);
        CHECK(next->time >= tip->time);
    }

    if (subject.fail) {
        SECTION("a source that cannot be read is an error, never an empty pool, and comes back") {
            subject.add_one();
            subject.fail();
            const std::set<ErrorCode> allowed{ErrorCode::unavailable, ErrorCode::timed_out,
                                              ErrorCode::bad_data};
            const auto listed = pool.pending();
            REQUIRE_FALSE(listed);
            CHECK(allowed.contains(listed.error().code));
            const auto tip = pool.tip();
            REQUIRE_FALSE(tip);
            CHECK(allowed.contains(tip.error().code));
            subject.mend();
            const auto back = pool.pending();
            REQUIRE(back);
            CHECK_FALSE(back->empty());
            CHECK(pool.tip());
        }
    }
}

}  // namespace ioswarm::test
