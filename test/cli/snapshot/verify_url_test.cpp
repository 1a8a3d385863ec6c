// SPDX-License-Identifier: Apache-2.0
// A published snapshot is checked while it is downloaded. The servers here lie, stall, break off and send too
// much.
#include "cli/snapshot/verify_url.hpp"

#include <map>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/base/atomic_file.hpp"
#include "core/base/text.hpp"
#include "snapshot/immutable_name.hpp"
#include "test/support/scripted_http.hpp"
#include "test/support/sha256_hex.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using OrderedJson = nlohmann::ordered_json;

namespace {

const std::string kFixedUrl = "/s/acctcode.snap.gz";

/// A server that publishes a snapshot as `ioswarm serve` and a web server do together. Tests change its
/// answers.
struct PublishedSnapshot {
    std::string content = *read_file(IOSWARM_TEST_DATA "/snapshots/acctcode.snap.gz", std::size_t{1} << 24U);
    std::string name =
        snapshot::ImmutableName{"acctcode.snap.gz", 46006460, test::sha256_hex(content).substr(0, 8)}.text();
    OrderedJson meta{{"file", name},
                     {"height", 46006460},
                     {"bytes", content.size()},
                     {"sha256", test::sha256_hex(content)},
                     {"payload_sha256", payload_sha256()},
                     {"entries", 1820 + 40},
                     {"namespaces", {{"Account", {{"entries", 1820}}}, {"Code", {{"entries", 40}}}}}};
    /// Whole answers by path, from the status line on.
    std::map<std::string, std::string> answers;
    /// Paths whose answer is cut off: the connection is closed when it is sent.
    std::string breaks_off;
    /// A path whose answer never ends: the connection stays open when it is sent.
    std::string stalls;

    PublishedSnapshot() { publish(); }

    static std::string payload_sha256() {
        // The last 40 bytes of the uncompressed file; a constant of this test file.
        return "6603882f5b08cb1fb21fee7694686c18ad7bc7ef6b1b4efcaa0a485f3fa2a390";
    }
    static std::string ok(const std::string& body, const std::string& headers = {}) {
        return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" +
               body;
    }
    /// Call it after changing `content`, `name` or `meta`, and before the first request.
    void publish() {
        answers[kFixedUrl] = "HTTP/1.1 302 Found\r\nLocation: " + name + "\r\nContent-Length: 0\r\n\r\n";
        answers["/s/" + name] = ok(content);
        answers["/s/" + name + ".sha256"] = ok(test::sha256_hex(content) + "  " + name + "\n");
        answers["/s/" + name + ".json"] = ok(meta.dump());
    }
    /// Verifies what is published under a path. The server lives during this call only, so that tests may
    /// change its answers before and after.
    [[nodiscard]] Result<cli::VerifiedSnapshot> verify_at(const std::string& asked,
                                                          DownloadSettings settings = {},
                                                          std::stop_token stop = {}) const {
        const test::ScriptedHttp server([this](test::HttpConnection& connection, const std::string&) {
            const std::string& head = connection.head();
            const std::string path = head.substr(4, head.find(' ', 4) - 4);
            const auto answer = answers.find(path);
            if (answer == answers.end()) return connection.answer("{}", 404);
            if (!connection.send(answer->second)) return false;
            if (path == stalls) connection.wait_over();
            return path != breaks_off && path != stalls;
        });
        return cli::verify_url(server.url() + asked, settings, stop);
    }
    [[nodiscard]] Result<cli::VerifiedSnapshot> verify(DownloadSettings settings = {},
                                                       std::stop_token stop = {}) const {
        return verify_at(kFixedUrl, std::move(settings), std::move(stop));
    }
    /// The reason why the published snapshot is refused: it is not whole, or does not agree with its
    /// companions.
    [[nodiscard]] std::string refusal() const {
        const auto found = verify();
        if (found) return "it was accepted";
        const bool is_about_snapshot =
            found.error().code == ErrorCode::bad_data || found.error().code == ErrorCode::failed_precondition;
        return (is_about_snapshot ? "" : "another error: ") + found.error().text();
    }
};

}  // namespace

TEST_CASE("a published snapshot is whole, agrees with its companions, and is found through the redirect",
          "[url]") {
    const PublishedSnapshot published;
    const auto found = published.verify();
    if (!found) FAIL(found.error().text());
    CHECK_THAT(found->place, Catch::Matchers::EndsWith("/s/" + published.name));
    CHECK(found->facts.height == 46006460);
    CHECK(found->facts.entries == 1860);
    CHECK(found->facts.bytes == published.content.size());
    CHECK(found->facts.sha256 == test::sha256_hex(published.content));
    CHECK(found->compared == std::vector<std::string>{found->place + ".sha256", found->place + ".json"});
}

TEST_CASE("a snapshot under its fixed name alone is compared with what lies beside that", "[url]") {
    PublishedSnapshot published;
    published.answers.clear();
    published.answers[kFixedUrl] = PublishedSnapshot::ok(published.content);
    SECTION("nothing") {
        CHECK(published.verify()->compared.empty());
    }
    SECTION("its digest and the shared description") {
        published.answers[kFixedUrl + ".sha256"] =
            PublishedSnapshot::ok(test::sha256_hex(published.content) + "  acctcode.snap.gz\n");
        published.meta["file"] = "acctcode.snap.gz";
        published.answers["/s/snapshot-meta.json"] = PublishedSnapshot::ok(published.meta.dump());
        CHECK(published.verify()->compared.size() == 2);
    }
    SECTION("the shared description is that of another snapshot") {
        published.meta["file"] = "baseline.snap.gz";
        published.meta["height"] = 1;
        published.answers["/s/snapshot-meta.json"] = PublishedSnapshot::ok(published.meta.dump());
        CHECK(published.verify()->compared.empty());
    }
}

TEST_CASE("a query stays with the URLs of the companions", "[url]") {
    PublishedSnapshot published;
    published.answers.clear();
    published.answers[kFixedUrl + "?key=1"] = PublishedSnapshot::ok(published.content);
    published.answers[kFixedUrl + ".sha256?key=1"] =
        PublishedSnapshot::ok(test::sha256_hex(published.content) + "  acctcode.snap.gz\n");
    const auto found = published.verify_at(kFixedUrl + "?key=1");
    if (!found) FAIL(found.error().text());
    CHECK(found->compared.size() == 1);
}

TEST_CASE("a server that lies is refused, with what is wrong", "[url]") {
    PublishedSnapshot published;
    const std::string path = "/s/" + published.name;
    SECTION("a bit of the file is flipped") {
        std::string flipped = published.content;
        flipped[flipped.size() / 2] ^= 0x10;
        published.answers[path] = PublishedSnapshot::ok(flipped);
        CHECK(published.verify().error().code == ErrorCode::bad_data);
    }
    SECTION("another whole snapshot") {
        published.answers[path] = PublishedSnapshot::ok(
            *read_file(IOSWARM_TEST_DATA "/snapshots/full.snap.gz", std::size_t{1} << 24U));
        CHECK_THAT(published.refusal(), Contains("announces") && Contains("description says"));
    }
    SECTION("a digest of something else") {
        published.answers[path + ".sha256"] =
            PublishedSnapshot::ok(std::string(64, 'a') + "  " + published.name);
        CHECK_THAT(published.refusal(), Contains(".sha256 says SHA-256 aaaa") &&
                                            Contains(".json says " + test::sha256_hex(published.content)));
        CHECK(published.verify().error().code == ErrorCode::failed_precondition);
    }
    SECTION("a digest of something else, without a description") {
        published.answers.erase(path + ".json");
        published.answers[path + ".sha256"] =
            PublishedSnapshot::ok(std::string(64, 'a') + "  " + published.name);
        CHECK_THAT(published.refusal(), Contains("its SHA-256 is") && Contains("aaaa"));
    }
    SECTION("a digest under another name") {
        published.answers[path + ".sha256"] =
            PublishedSnapshot::ok(test::sha256_hex(published.content) + "  other.snap.gz\n");
        CHECK_THAT(published.refusal(), Contains("it names other.snap.gz"));
    }
    SECTION("a page for people in the place of the digest") {
        published.answers[path + ".sha256"] = PublishedSnapshot::ok("<html>welcome</html>");
        CHECK_THAT(published.refusal(), Contains("not a line of sha256sum"));
    }
    SECTION("a page for people in the place of the snapshot") {
        published.answers[path] = PublishedSnapshot::ok("<html>welcome</html>");
        CHECK_THAT(published.refusal(), Contains("announces 20 bytes"));
    }
    SECTION("a description with a wrong fact") {
        for (const auto& [key, value] : std::map<std::string, OrderedJson>{
                 {"height", 7}, {"entries", 7}, {"payload_sha256", std::string(64, 'b')}, {"bytes", 7}}) {
            INFO(key);
            const OrderedJson right = published.meta[key];
            published.meta[key] = value;
            published.publish();
            CHECK_THAT(published.refusal(), Contains("says"));
            published.meta[key] = right;
        }
        published.meta["namespaces"]["Code"]["entries"] = 41;
        published.publish();
        CHECK_THAT(published.refusal(), Contains("namespaces"));
    }
    SECTION("a description without facts") {
        published.answers[path + ".json"] = PublishedSnapshot::ok(OrderedJson{{"file", published.name}}.dump());
        CHECK_THAT(published.refusal(), Contains("it lacks"));
    }
    SECTION("a description that never ends") {
        published.answers[path + ".json"] = PublishedSnapshot::ok(std::string(3'000'000, ' '));
        CHECK_THAT(published.refusal(), Contains("far too large"));
    }
    SECTION("a name with the height and digest of another snapshot") {
        const std::string other = "acctcode-7-00000000.snap.gz";
        published.answers[kFixedUrl] =
            "HTTP/1.1 302 Found\r\nLocation: " + other + "\r\nContent-Length: 0\r\n\r\n";
        published.answers["/s/" + other] = PublishedSnapshot::ok(published.content);
        CHECK_THAT(published.refusal(), Contains("its name acctcode-7-00000000.snap.gz says 7") &&
                                            Contains("its name acctcode-7-00000000.snap.gz says 00000000"));
    }
    SECTION("an encoding that clients would undo") {
        published.answers[path] = PublishedSnapshot::ok(published.content, "Content-Encoding: gzip\r\n");
        CHECK_THAT(published.refusal(), Contains("Content-Encoding: gzip"));
    }
}

TEST_CASE("a server that sends a snapshot twice, or goes on after it, is refused", "[url]") {
    PublishedSnapshot published;
    const std::string path = "/s/" + published.name;
    const auto without_length = [](const std::string& body) { return "HTTP/1.1 200 OK\r\n\r\n" + body; };
    SECTION("twice") {
        published.answers[path] = without_length(published.content + published.content);
    }
    SECTION("with zeros after it") {
        published.answers[path] = without_length(published.content + std::string(100'000, '\0'));
    }
    SECTION("without end") {
        // What comes after the end of the snapshot is not read to its end.
        published.answers[path] = without_length(published.content + std::string(50'000'000, 'x'));
    }
    published.breaks_off = path;
    CHECK_FALSE(published.refusal().find("it was accepted") == 0);
    CHECK_FALSE(published.refusal().find("another error") == 0);
}

TEST_CASE("a connection that ends early is no verdict about the snapshot", "[url]") {
    PublishedSnapshot published;
    const std::string path = "/s/" + published.name;
    published.breaks_off = path;
    SECTION("after a part") {
        published.answers[path].resize(published.answers[path].size() / 2);
        const auto found = published.verify();
        REQUIRE_FALSE(found);
        CHECK(found.error().code == ErrorCode::unavailable);
        CHECK_THAT(found.error().text(), Contains("the connection ended after") && Contains("of 5"));
    }
    SECTION("before the head") {
        published.answers[path].clear();
        CHECK(published.verify().error().code == ErrorCode::unavailable);
    }
    SECTION("in a companion") {
        published.breaks_off = path + ".json";
        published.answers[path + ".json"].resize(60);
        CHECK(published.verify().error().code == ErrorCode::unavailable);
    }
    SECTION("nobody listens") {
        std::string url;
        {
            const test::ScriptedHttp gone([](test::HttpConnection&, const std::string&) { return false; });
            url = gone.url();
        }
        CHECK(cli::verify_url(url + kFixedUrl, {}, {}).error().code == ErrorCode::unavailable);
    }
}

TEST_CASE("a server that falls silent is given up, and a stop ends the wait at once", "[url]") {
    PublishedSnapshot published;
    const std::string path = "/s/" + published.name;
    published.stalls = path;
    DownloadSettings settings;
    settings.stall_timeout = 200ms;
    SECTION("in the middle") {
        published.answers[path].resize(published.answers[path].size() / 2);
        const auto found = published.verify(settings);
        REQUIRE_FALSE(found);
        CHECK(found.error().code == ErrorCode::timed_out);
        CHECK_THAT(found.error().text(), Contains("no byte came"));
    }
    SECTION("before the head") {
        published.answers[path].clear();
        CHECK(published.verify(settings).error().code == ErrorCode::timed_out);
    }
    SECTION("a limit for the whole work") {
        published.answers[path].resize(published.answers[path].size() / 2);
        settings.stall_timeout = 1h;
        settings.timeout = 300ms;
        CHECK(published.verify(settings).error().code == ErrorCode::timed_out);
    }
    SECTION("a stop") {
        std::stop_source stop;
        stop.request_stop();
        CHECK(published.verify({}, stop.get_token()).error().code == ErrorCode::cancelled);
    }
}

TEST_CASE("answers that are no snapshot, redirects without end, and texts that are no URL are told apart",
          "[url]") {
    PublishedSnapshot published;
    published.answers["/loop"] = "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n";
    published.answers["/file"] =
        "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n";
    published.answers["/busy"] = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    const auto error_at = [&](const std::string& path) { return published.verify_at(path).error().code; };
    const auto error_of = [&](const std::string& url) { return cli::verify_url(url, {}, {}).error().code; };
    CHECK(error_at("/none") == ErrorCode::not_found);
    CHECK(error_at("/busy") == ErrorCode::unavailable);
    CHECK(error_at("/loop") == ErrorCode::unavailable);
    CHECK(error_at("/file") == ErrorCode::unavailable);
    CHECK(error_of("http://") == ErrorCode::invalid_argument);
    CHECK(error_of("ftp://127.0.0.1/x") == ErrorCode::invalid_argument);
    CHECK(error_of("http://127.0.0.1/" + std::string(3000, 'x')) == ErrorCode::invalid_argument);
    CHECK(cli::is_url("HTTPS://example.org/x"));
    CHECK_FALSE(cli::is_url("http:/x"));
    CHECK_FALSE(cli::is_url("acctcode.snap.gz"));
}
