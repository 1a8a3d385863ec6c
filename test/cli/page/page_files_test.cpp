// SPDX-License-Identifier: Apache-2.0
#include "cli/page/page_files.hpp"

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

using namespace ioswarm;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

std::string value_of(const HttpReply& reply, std::string_view name) {
    const auto found = std::find_if(reply.headers.begin(), reply.headers.end(),
                                    [&](const auto& field) { return field.first == name; });
    return found == reply.headers.end() ? "" : found->second;
}

HttpReply get_file(const std::string& path, const std::string& known = {}) {
    HttpRequest request{"GET", path, {}, {}};
    if (!known.empty()) request.headers.emplace_back("if-none-match", known);
    return cli::page_file(request);
}

}  // namespace

TEST_CASE("each file of the page has its type, its tag and the same strict policy", "[page]") {
    std::set<std::string> tags;
    for (const std::string_view path : cli::page_paths()) {
        CAPTURE(path);
        const HttpReply reply = get_file(std::string(path));
        CHECK(reply.status == 200);
        CHECK(!reply.body.empty());
        tags.insert(value_of(reply, "ETag"));
        CHECK(value_of(reply, "Cache-Control") == "no-cache");
        CHECK(value_of(reply, "X-Content-Type-Options") == "nosniff");
        const std::string policy = value_of(reply, "Content-Security-Policy");
        CHECK_THAT(policy, StartsWith("default-src 'none'; "));
        CHECK_THAT(policy, Contains("script-src 'self';") && Contains("style-src 'self';") &&
                               Contains("connect-src 'self';") && Contains("frame-ancestors 'none'"));
        CHECK_THAT(policy, !Contains("unsafe"));
    }
    CHECK(tags.size() == cli::page_paths().size());
    CHECK(get_file("/").content_type == "text/html; charset=utf-8");
    CHECK(get_file("/page.js").content_type == "text/javascript; charset=utf-8");
    CHECK(get_file("/style.css").content_type == "text/css; charset=utf-8");
    CHECK(get_file("/other").status == 404);
}

TEST_CASE("a browser that has the newest file gets no body", "[page]") {
    const std::string tag = value_of(get_file("/page.js"), "ETag");
    REQUIRE_THAT(tag, StartsWith("\""));
    for (const std::string& known : {tag, "W/" + tag, "\"other\", " + tag, std::string("*")}) {
        CAPTURE(known);
        const HttpReply reply = get_file("/page.js", known);
        CHECK(reply.status == 304);
        CHECK(reply.body.empty());
        CHECK(value_of(reply, "ETag") == tag);
    }
    CHECK(get_file("/page.js", "\"other\"").status == 200);
    CHECK(get_file("/style.css", tag).status == 200);
}

TEST_CASE("the page has no inline script or style, and names no other host", "[page]") {
    const std::string html = get_file("/").body;
    const std::string script = get_file("/page.js").body;
    const std::string style = get_file("/style.css").body;
    CHECK_THAT(html, !Contains("<style") && !Contains(" style=") && !Contains(" onclick") && !Contains("://"));
    std::size_t scripts = 0;
    for (std::size_t at = html.find("<script"); at != std::string::npos; at = html.find("<script", at + 1)) {
        ++scripts;
        CHECK(html.compare(at, 13, "<script src=\"") == 0);
        CHECK(html.find("></script>", at) < html.find('\n', at));
    }
    CHECK(scripts == 2);
    CHECK_THAT(script, !Contains("://") && !Contains("eval(") && !Contains("insertAdjacentHTML") &&
                           !Contains("document.write") && !Contains("innerHTML") && !Contains("outerHTML"));
    CHECK_THAT(style, !Contains("url(") && !Contains("@import"));
}

TEST_CASE("without JavaScript the page links to the figures as JSON", "[page]") {
    const std::string html = get_file("/").body;
    const std::size_t begin = html.find("<noscript>");
    REQUIRE(begin != std::string::npos);
    const std::string part = html.substr(begin, html.find("</noscript>") - begin);
    for (const char* path :
         {"/swarm/status", "/swarm/agents", "/swarm/leaderboard", "/swarm/epoch", "/swarm/shadow"})
        CHECK_THAT(part, Contains(std::string("href=\"") + path + "\""));
}
