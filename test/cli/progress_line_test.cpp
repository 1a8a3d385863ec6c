// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_line.hpp"

#include <sstream>

#include <catch2/catch.hpp>

using namespace ioswarm::cli;

TEST_CASE("a progress line is cut to the terminal's width, so that it does not wrap", "[cli]") {
    const std::string text = "reading Account: 123 entries, 4.5 MB";
    CHECK(cut_to_width(text, 80) == text);
    CHECK(cut_to_width(text, 20) == "reading Account: 12");
    CHECK(cut_to_width(text, 1).empty());
    CHECK(cut_to_width(text, 0) == text);  // a terminal that does not know its width
    CHECK(cut_to_width("reading \xc3\xa4\xc3\xa4", 10) == "reading ");  // never cuts a character in half
}

TEST_CASE("on a terminal a progress line replaces the previous one", "[cli]") {
    std::ostringstream out;
    ProgressLine line(out, ProgressLine::Mode::terminal, "job");
    line.show("a", 0);
    CHECK(out.str() == "\r\x1b[Ka");
}
