// SPDX-License-Identifier: Apache-2.0
#include "core/base/line_reader.hpp"

#include <fstream>
#include <sstream>
#include <vector>

#include <catch2/catch.hpp>

using namespace ioswarm;
using Lines = std::vector<std::string>;

namespace {

/// The lines of a text; after a fault also "NUMBER: FAULT".
Lines lines_of(const std::string& text, LineReader::Limits limits) {
    std::istringstream in(text);
    LineReader reader(in, limits);
    Lines out;
    while (reader.next())
        out.emplace_back(reader.line());
    CHECK_FALSE(reader.next());
    if (!reader.fault().empty()) out.push_back(std::to_string(reader.number()) + ": " + reader.fault());
    return out;
}

}  // namespace

TEST_CASE("lines are given one by one, with or without a last line end") {
    const LineReader::Limits limits{4, 10, 100};
    CHECK(lines_of("", limits).empty());
    CHECK(lines_of("\n", limits) == Lines{""});
    CHECK(lines_of("a\n\nbcde\n", limits) == Lines{"a", "", "bcde"});
    CHECK(lines_of("a\nbcde", limits) == Lines{"a", "bcde"});
    CHECK(lines_of("a\r\n", limits) == Lines{"a\r"});
    CHECK(lines_of(std::string("a\0b\n", 4), limits) == Lines{std::string("a\0b", 3)});
}

TEST_CASE("a text over a limit ends at the line that goes over it") {
    CHECK(lines_of("ab\nabcde\nc\n", {4, 10, 100}) == Lines{"ab", "2: longer than 4 bytes"});
    CHECK(lines_of("abcde", {4, 10, 100}) == Lines{"1: longer than 4 bytes"});
    CHECK(lines_of("abcdefghi\n", {4, 10, 100}) == Lines{"1: longer than 4 bytes"});
    CHECK(lines_of("a\nb\nc\n", {4, 2, 100}) == Lines{"a", "b", "3: more than 2 lines"});
    CHECK(lines_of("ab\nab\nab\n", {4, 10, 8}) == Lines{"ab", "ab", "3: more than 8 bytes before its end"});
    CHECK(lines_of("ab\nab\nab\n", {4, 10, 9}) == Lines{"ab", "ab", "ab"});
}

TEST_CASE("a text without a line end and without an end is given up at once") {
    std::ifstream zeros("/dev/zero");
    LineReader reader(zeros, {});
    CHECK_FALSE(reader.next());
    CHECK(reader.fault() == "longer than 4096 bytes");
}
