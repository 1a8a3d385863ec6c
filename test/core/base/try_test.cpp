// SPDX-License-Identifier: Apache-2.0
#include "core/base/try.hpp"

#include <memory>
#include <string>

#include <catch2/catch.hpp>

using namespace ioswarm;

namespace {

Result<int> half(int number) {
    if (number % 2 != 0) return fail(ErrorCode::bad_data, "cannot halve", std::to_string(number));
    return number / 2;
}

Result<std::string> quarter(int number) {
    IOSWARM_TRY(const auto once, half(number));
    IOSWARM_TRY(const int twice, half(once));
    return std::to_string(twice);
}

Status is_even(int number, bool& was_there) {
    IOSWARM_DO(half(number));
    was_there = true;
    return {};
}

Result<std::unique_ptr<int>> boxed(int number) {
    return std::make_unique<int>(number);
}

Result<int> unboxed(int number) {
    IOSWARM_TRY(auto box, boxed(number));
    return *box;
}

}  // namespace

TEST_CASE("a value goes on, and the first error ends the function") {
    CHECK(quarter(12) == "3");
    CHECK(quarter(7).error().text() == "cannot halve: 7");
    CHECK(quarter(6).error().text() == "cannot halve: 3");
}

TEST_CASE("a step without a value goes on, or ends the function") {
    bool was_there = false;
    CHECK(is_even(4, was_there));
    CHECK(was_there);
    was_there = false;
    CHECK(is_even(5, was_there).error().code == ErrorCode::bad_data);
    CHECK_FALSE(was_there);
}

TEST_CASE("a value that can only be moved is moved") {
    CHECK(unboxed(5) == 5);
}
