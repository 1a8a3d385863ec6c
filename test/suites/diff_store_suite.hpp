// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "core/diffs/diff_chain.hpp"
#include "core/ports/diff_store.hpp"
#include "test/support/diff_rows.hpp"

namespace ioswarm::test {

namespace detail {

inline constexpr std::size_t kNoLimit = std::size_t{1} << 40;

/// Reads all rows of the log in steps and checks their order, content and chain.
inline void holds_exactly(const DiffStore& store, std::uint64_t first, std::uint64_t last) {
    CHECK(store.range() == DiffRange{first, last});
    std::uint64_t next = first;
    Hash256 chain;
    while (next <= last) {
        const auto rows = store.read(next, 7, kNoLimit);
        REQUIRE(rows);
        REQUIRE_FALSE(rows->empty());
        for (const DiffRow& row : *rows) {
            REQUIRE(row.height == next);
            CHECK(row.record == some_row(next).record);
            CHECK(row.digest == some_row(next).digest);
            if (next > first) CHECK(row.chain == diff_chain(chain, row.height, row.digest, row.record));
            chain = row.chain;
            ++next;
        }
    }
    CHECK(store.tip_chain() == chain);
}

inline ErrorCode code_of(const Status& status) {
    return status ? ErrorCode::internal : status.error().code;
}
template <typename T>
ErrorCode code_of(const Result<T>& result) {
    return result ? ErrorCode::internal : result.error().code;
}

}  // namespace detail

/// The contract of core/ports/diff_store.hpp. `make` returns an empty log. Call inside a TEST_CASE.
template <typename Make>
void diff_store_contract(Make make) {
    using detail::code_of;
    using detail::holds_exactly;
    using detail::kNoLimit;
    const auto subject = make();
    DiffStore& store = *subject;

    SECTION("a new log is empty, and nothing can be read") {
        CHECK(store.range().empty());
        CHECK(store.tip_chain() == Hash256{});
        CHECK(code_of(store.read(1, 1, kNoLimit)) == ErrorCode::out_of_range);
        CHECK(store.prune(100, 100).value() == 0);
    }
    SECTION("what is appended is read back, wherever the log begins") {
        REQUIRE(store.append(some_rows(48'000'000, 1)));
        REQUIRE(store.append(some_rows(48'000'001, 20)));
        holds_exactly(store, 48'000'000, 48'000'020);
        const auto first = store.read(48'000'000, 1, kNoLimit);
        REQUIRE(first);
        CHECK(first->front().chain == diff_chain({}, 48'000'000, first->front().digest, first->front().record));
    }
    SECTION("an append of nothing changes nothing") {
        REQUIRE(store.append({}));
        CHECK(store.range().empty());
        REQUIRE(store.append(some_rows(5, 1)));
        REQUIRE(store.append({}));
        holds_exactly(store, 5, 5);
    }
    SECTION("rows that do not follow on are refused, and none of them is kept") {
        REQUIRE(store.append(some_rows(10, 3)));
        std::vector<std::vector<DiffRow>> refused;
        refused.push_back(some_rows(14, 1));  // leaves a gap
        refused.push_back(some_rows(12, 1));  // exists already
        refused.push_back(some_rows(9, 1));
        refused.push_back(some_rows(0, 1));
        refused.push_back(some_rows(13, 3));
        refused.back()[2].height = 16;
        refused.push_back(some_rows(13, 3));
        refused.back()[1].height = 13;
        for (auto& rows : refused)
            CHECK(code_of(store.append(rows)) == ErrorCode::failed_precondition);
        holds_exactly(store, 10, 12);
        REQUIRE(store.append(some_rows(13, 1)));
        holds_exactly(store, 10, 13);
    }
    SECTION("height 0 is no height") {
        CHECK(code_of(store.append(some_rows(0, 1))) == ErrorCode::failed_precondition);
        CHECK(store.range().empty());
    }
    SECTION("a record over the limit is refused") {
        std::vector<DiffRow> rows = some_rows(1, 2);
        rows[1].record.resize(kMaxDiffRecordBytes + 1);
        CHECK(code_of(store.append(rows)) == ErrorCode::invalid_argument);
        CHECK(store.range().empty());
    }
    SECTION("records of any size come back as they were") {
        std::vector<DiffRow> rows = some_rows(1, 6);
        rows[0].record.clear();
        rows[1].record.assign(1, 0);
        rows[2].record.assign(63, 7);
        rows[3].record.assign(100'000, 7);
        rows[4].record = some_row(5, 300'000).record;
        rows[5].record = some_row(6, 4096).record;
        REQUIRE(store.append(rows));
        const auto read = store.read(1, 10, kNoLimit);
        REQUIRE(read);
        REQUIRE(read->size() == 6);
        for (std::size_t i = 0; i < 6; ++i)
            CHECK((*read)[i].record == rows[i].record);
    }
    SECTION("a read gives at least one row, and no more than was asked for") {
        REQUIRE(store.append(some_rows(1, 10)));
        const std::size_t one = some_row(1).record.size();
        CHECK(store.read(1, 3, kNoLimit)->size() == 3);
        CHECK(store.read(8, 100, kNoLimit)->size() == 3);
        CHECK(store.read(1, 100, one * 4 + 1)->size() == 4);
        CHECK(store.read(1, 100, 0)->size() == 1);
        CHECK(store.read(1, 0, kNoLimit)->size() == 1);
        CHECK(store.read(10, 100, kNoLimit)->front().height == 10);
    }
    SECTION("outside what is held a read is out_of_range, not a start elsewhere [defect-9]") {
        REQUIRE(store.append(some_rows(10, 10)));
        for (const std::uint64_t height :
             {std::uint64_t{0}, std::uint64_t{9}, std::uint64_t{20}, ~std::uint64_t{0}})
            CHECK(code_of(store.read(height, 1, kNoLimit)) == ErrorCode::out_of_range);
        REQUIRE(store.prune(15, 100));
        const auto pruned = store.read(14, 1, kNoLimit);
        REQUIRE_FALSE(pruned);
        CHECK(pruned.error().code == ErrorCode::out_of_range);
        CHECK(pruned.error().text().find("15 to 19") != std::string::npos);
    }
    SECTION("pruning goes in steps, tells how many, and never takes the tip") {
        REQUIRE(store.append(some_rows(1, 20)));
        CHECK(store.prune(11, 4).value() == 4);
        holds_exactly(store, 5, 20);
        CHECK(store.prune(11, 0).value() == 0);
        CHECK(store.prune(3, 100).value() == 0);
        CHECK(store.prune(11, 100).value() == 6);
        holds_exactly(store, 11, 20);
        CHECK(store.prune(1000, 100).value() == 9);
        holds_exactly(store, 20, 20);
        CHECK(store.prune(1000, 100).value() == 0);
        REQUIRE(store.append(some_rows(21, 2)));
        holds_exactly(store, 20, 22);
    }
    SECTION("the chain of what stays is the same after pruning") {
        REQUIRE(store.append(some_rows(1, 10)));
        const auto before = store.read(6, 5, kNoLimit);
        REQUIRE(store.prune(6, 100));
        const auto after = store.read(6, 5, kNoLimit);
        REQUIRE(before);
        REQUIRE(after);
        REQUIRE(before->size() == 5);
        REQUIRE(after->size() == 5);
        for (std::size_t i = 0; i < 5; ++i)
            CHECK((*before)[i].chain == (*after)[i].chain);
    }
    SECTION("after a clear the log begins anywhere, with a new chain") {
        REQUIRE(store.append(some_rows(100, 10)));
        REQUIRE(store.clear());
        CHECK(store.range().empty());
        CHECK(store.tip_chain() == Hash256{});
        CHECK(code_of(store.read(100, 1, kNoLimit)) == ErrorCode::out_of_range);
        REQUIRE(store.append(some_rows(50, 2)));
        holds_exactly(store, 50, 51);
        REQUIRE(store.clear());
        REQUIRE(store.clear());
    }
}

}  // namespace ioswarm::test
