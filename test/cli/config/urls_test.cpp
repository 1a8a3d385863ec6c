// SPDX-License-Identifier: Apache-2.0
#include "cli/config/urls.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm::cli;

TEST_CASE("a URL needs a host, and its port must be a number") {
    for (const char* good : {"http://a", "https://a:8545/key?x", "http://[::1]:80", "http://[::1]",
                             "http://u:p@a:1/", "http://a:", "https://a?key=1"}) {
        INFO(good);
        CHECK(is_http_url(good));
    }
    for (const char* bad : {"", "a", "ftp://a", "http://", "http:///x", "http://:80", "http://u:p@",
                            "http://a:x", "http://a:65536", "https://user:pa/ss@host", "http://a b"}) {
        INFO(bad);
        CHECK_FALSE(is_http_url(bad));
    }
}

TEST_CASE("all ways to write one endpoint compare equal, so it cannot confirm itself") {
    const struct {
        const char* url;
        const char* same;
    } kPairs[] = {{"http://h", "http://H:80/"},        {"https://h", "https://u:p@h:443//"},
                  {"http://h?x", "http://h:80?x"},     {"http://h?x", "http://h/?x"},
                  {"http://h:8545", "http://h:08545"}, {"http://h", "http://h:"},
                  {"http://[::1]", "http://[::1]:80"}};
    for (const auto& pair : kPairs) {
        CAPTURE(pair.url, pair.same);
        CHECK(comparable_url(pair.url) == comparable_url(pair.same));
        CHECK(has_same_url_twice({pair.url, pair.same}));
    }
    const struct {
        const char* url;
        const char* other;
    } kOthers[] = {{"http://h", "https://h"},         {"http://h?k=A", "http://h?k=a"},
                   {"http://h/A", "http://h/a"},      {"http://h:1", "http://h:11"},
                   {"http://h?x/", "http://h?x"},     {"http://h?k=a@b", "http://b"},
                   {"https://h:80", "https://h:443"}, {"http://[::1]", "http://[::2]"}};
    for (const auto& pair : kOthers) {
        CAPTURE(pair.url, pair.other);
        CHECK(comparable_url(pair.url) != comparable_url(pair.other));
    }
}

TEST_CASE("no part of a password is shown, also when it has a character that ends the host") {
    for (const char* url :
         {"https://user:secret@host/x", "https://user:sec/ret@host", "https://user:sec?ret@host",
          "https://user:sec#ret@host", "https://user:12/secret@host", "user:secret@host", "https://user:secret",
          "user:sec/ret@host", "https://user:s@cret@host"}) {
        INFO(url);
        const std::string shown = masked_urls(url);
        INFO(shown);
        for (const char* part : {"user", "sec", "ret", "12"})
            CHECK(shown.find(part) == std::string::npos);
        if (std::string(url).find("://") != std::string::npos) {
            CHECK(mask_credentials(url).find("sec") == std::string::npos);
            CHECK(mask_credentials(url).find("user") == std::string::npos);
        }
    }
    CHECK(masked_urls("http://u:p@a:1/key, https://b/") == "http://********@a:1/********, https://b/");
}

TEST_CASE("hosts, ports and texts without a password are shown as they are") {
    for (const char* text :
         {"http://127.0.0.1:8545/path?x=1", "https://[::1]:443/a", "/srv/state.db", "host:8080",
          "http://127.0.0.1:1: connection refused", "https://mirror.example/@daily/x"}) {
        INFO(text);
        CHECK(mask_credentials(text) == text);
    }
}
