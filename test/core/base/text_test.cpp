// SPDX-License-Identifier: Apache-2.0
#include "core/base/text.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace std::chrono_literals;

TEST_CASE("a time is read back as it was written, and no other form is read") {
    const std::chrono::system_clock::time_point time{std::chrono::seconds(1'790'000'000)};
    CHECK(parse_rfc3339(rfc3339(time)) == time);
    CHECK_FALSE(parse_rfc3339(""));
    CHECK_FALSE(parse_rfc3339("2026-09-21T14:13:20"));
    CHECK_FALSE(parse_rfc3339("2026-09-21T14:13:20Z "));
    CHECK_FALSE(parse_rfc3339("2026-9-21T14:13:20Z"));
    CHECK_FALSE(parse_rfc3339("2026-13-21T14:13:20Z"));
}

TEST_CASE("control characters in text from outside reach neither a terminal nor a log line") {
    CHECK(escape_for_display("plain 東京 é") == "plain 東京 é");
    CHECK(escape_for_display("a\n\x1b[31mb\x7f") == "a\\x0a\\x1b[31mb\\x7f");
    CHECK(escape_for_display("\xff\xc3") == "\\xff\\xc3");
    CHECK(escape_for_display("\xc2\x9b") == "\\xc2\\x9b");           // C1 control sequence introducer
    CHECK(escape_for_display("\xe2\x80\xae") == "\\xe2\\x80\\xae");  // right-to-left override
    CHECK(escape_for_display("a\\b") == "a\\\\b");
}

TEST_CASE("UTF-8: overlong forms, surrogates and code points past U+10FFFF are invalid") {
    CHECK(is_valid_utf8("aé東\xf0\x9f\x90\x9d"));
    for (const char* text :
         {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x9f\x90", "\xfe"}) {
        CHECK_FALSE(is_valid_utf8(text));
    }
}

TEST_CASE("durations print as Go prints them") {
    CHECK(go_duration(0s) == "0s");
    CHECK(go_duration(24h + 12min + 30s) == "24h12m30s");
    CHECK(go_duration(1h + 2min + 3500ms) == "1h2m3.5s");
    CHECK(go_duration(350ms) == "350ms");
    CHECK(go_duration(1500us) == "1.5ms");
    CHECK(go_duration(2us) == "2µs");
    CHECK(go_duration(7ns) == "7ns");
    CHECK(go_duration(-90s) == "-1m30s");
    CHECK(go_duration(1h) == "1h0m0s");
}

TEST_CASE("times print as RFC 3339") {
    CHECK(rfc3339(std::chrono::system_clock::time_point(1795360594s)) == "2026-11-22T15:16:34Z");
}

TEST_CASE("edit distance counts a swap of neighbours as one") {
    CHECK(edit_distance("serve", "serve") == 0);
    CHECK(edit_distance("sevre", "serve") == 1);
    CHECK(edit_distance("keygne", "keygen") == 1);
    CHECK(edit_distance("abc", "xyzuvw") == 4);
}
