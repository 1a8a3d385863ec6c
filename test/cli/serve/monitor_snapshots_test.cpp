// SPDX-License-Identifier: Apache-2.0
// GET /api/snapshot and /snapshots/NAME.
#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "snapshot/immutable_name.hpp"
#include "test/cli/serve/served_api.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using ioswarm::test::HttpPage;
using ioswarm::test::ServedApi;
using OrderedJson = nlohmann::ordered_json;

namespace {

/// A folder as `ioswarm snapshot export` leaves it: an immutable file, its description, and the fixed link.
std::string publish(const test::TempDir& dir, const std::string& fixed, std::uint64_t height,
                    const std::string& kind) {
    const std::string sum = "0a1b2c3d" + std::string(56, '0');
    const std::string name = snapshot::ImmutableName{fixed, height, sum.substr(0, 8)}.text();
    dir.write(name, "four");
    dir.write(name + ".json", OrderedJson{{"file", name},
                                          {"height", height},
                                          {"bytes", 4},
                                          {"sha256", sum},
                                          {"time", "2026-11-22T03:17:00Z"},
                                          {"kind", kind}}
                                  .dump());
    std::filesystem::remove(dir.path(fixed));
    std::filesystem::create_symlink(name, dir.path(fixed));
    return name;
}

/// The description of `name` as snapshot-meta.json has it: agents start from the fixed name.
OrderedJson describe(const test::TempDir& dir, const std::string& fixed, const std::string& name) {
    auto meta = OrderedJson::parse(dir.read(name + ".json"));
    meta["file"] = fixed;
    meta["immutable"] = name;
    dir.write("snapshot-meta.json", meta.dump());
    return meta;
}

}  // namespace

TEST_CASE("/api/snapshot returns the newest snapshot of the folder as in its JSON file", "[monitor]") {
    const test::TempDir dir;
    dir.write("acctcode.snap.gz", "twelve bytes");
    const std::string sum(64, 'a');
    dir.write("snapshot-meta.json",
              R"({"file":"acctcode.snap.gz","height":46006460,"bytes":12,"sha256":")" + sum +
                  R"(","payload_bytes":99,"time":"2026-11-22T03:17:00Z","version":"0.1.0"})");
    const ServedApi served("a secret", dir.path());
    CHECK(served.json("/api/snapshot") ==
          R"({"height":46006460,"file":"acctcode.snap.gz","bytes":12,"sha256":")" + sum +
              R"(","time":"2026-11-22T03:17:00Z"})" + "\n");
}

TEST_CASE("/api/snapshot is 404 without a complete snapshot, and follows no path out of the folder",
          "[monitor]") {
    const test::TempDir dir;
    CHECK(ServedApi().get("/api/snapshot").status == 404);
    const ServedApi served({}, dir.path());
    const auto refused = [&](const std::string& meta) {
        INFO(meta);
        if (!meta.empty()) dir.write("snapshot-meta.json", meta);
        const HttpPage response = served.get("/api/snapshot");
        CHECK(response.status == 404);
        CHECK(response.header("Content-Type") == "application/json");
        CHECK(OrderedJson::parse(response.body).contains("error"));
        CHECK(response.body.find(dir.path()) == std::string::npos);
    };
    const auto meta = [](const std::string& file, const std::string& bytes,
                         const std::string& sum = std::string(64, '0'), const std::string& height = "7",
                         const std::string& time = "2026-11-22T03:17:00Z") {
        return R"({"file":")" + file + R"(","height":)" + height + R"(,"bytes":)" + bytes + R"(,"sha256":")" +
               sum + R"(","time":")" + time + R"("})";
    };
    refused("");
    dir.write("s.snap.gz", "four");
    std::filesystem::create_directory(dir.path("folder"));
    dir.write("folder/s.snap.gz", "four");
    std::filesystem::create_symlink(dir.path("s.snap.gz"), dir.path("link"));
    dir.write("snapshot-meta.json", meta("s.snap.gz", "4"));
    CHECK(served.get("/api/snapshot").status == 200);
    refused("{");
    refused("[]");
    refused("null");
    refused(std::string(100'000, ' '));
    refused(meta("other.snap.gz", "4"));
    refused(meta("s.snap.gz", "5"));
    refused(meta("s.snap.gz", "-4"));
    refused(meta("s.snap.gz", "\"4\""));
    refused(meta("folder/s.snap.gz", "4"));
    refused(meta("../" + std::filesystem::path(dir.path()).filename().string() + "/s.snap.gz", "4"));
    refused(meta(dir.path("s.snap.gz"), "4"));
    refused(meta("..", "4"));
    refused(meta("folder", "4"));
    refused(meta("link", "4"));
    refused(meta("s.snap.gz\\u0000x", "4"));
    refused(meta("s.snap.gz", "4", "abc"));
    refused(meta("s.snap.gz", "4", std::string(64, 'x')));
    refused(meta("s.snap.gz", "4", std::string(64, '0'), "0"));
    refused(meta("s.snap.gz", "4", std::string(64, '0'), "7", "<script>"));
}

TEST_CASE("/api/snapshot?kind= returns the newest of each kind, whatever snapshot-meta.json describes",
          "[monitor]") {
    const test::TempDir dir;
    const ServedApi served("a secret", dir.path());
    CHECK(served.get("/api/snapshot?kind=full").status == 404);
    publish(dir, "acctcode.snap.gz", 90, "acctcode");
    const std::string acctcode = publish(dir, "acctcode.snap.gz", 200, "acctcode");
    const std::string full = publish(dir, "baseline.snap.gz", 100, "full");
    CHECK(OrderedJson::parse(served.json("/api/snapshot?kind=acctcode"))["file"] == acctcode);
    const auto answer = OrderedJson::parse(served.json("/api/snapshot?kind=full"));
    CHECK(answer["file"] == full);
    CHECK(answer["height"] == 100);
    CHECK(answer["kind"] == "full");
    for (const char* wrong : {"", "other", "FULL", "x"})
        CHECK(served.get("/api/snapshot?kind=" + std::string(wrong)).status == 400);
    // One whose file is gone or has another size does not count.
    dir.write(acctcode, "changed");
    CHECK(OrderedJson::parse(served.json("/api/snapshot?kind=acctcode"))["height"] == 90);
    // In a folder of an older version snapshot-meta.json is all there is.
    const test::TempDir old;
    old.write("baseline.snap.gz", "four");
    old.write("snapshot-meta.json",
              R"({"file":"baseline.snap.gz","height":7,"bytes":4,"sha256":")" + std::string(64, '0') +
                  R"(","time":"2026-11-22T03:17:00Z","namespaces":{"Account":{},"Code":{},"Contract":{}}})");
    const ServedApi served_old({}, old.path());
    CHECK(OrderedJson::parse(served_old.json("/api/snapshot?kind=full"))["file"] == "baseline.snap.gz");
    CHECK(served_old.get("/api/snapshot?kind=acctcode").status == 404);
}

TEST_CASE("/api/snapshot describes the snapshot behind the link", "[monitor]") {
    const test::TempDir dir;
    const std::string name = publish(dir, "acctcode.snap.gz", 200, "acctcode");
    auto meta = describe(dir, "acctcode.snap.gz", name);
    const ServedApi served({}, dir.path());
    CHECK(OrderedJson::parse(served.json("/api/snapshot"))["file"] == "acctcode.snap.gz");
    meta["immutable"] = "../" + name;
    dir.write("snapshot-meta.json", meta.dump());
    CHECK(served.get("/api/snapshot").status == 404);
}

TEST_CASE("/api/snapshot answers 404 while the link leads to a newer file than the description's",
          "[monitor]") {
    const test::TempDir dir;
    const std::string old = publish(dir, "acctcode.snap.gz", 200, "acctcode");
    describe(dir, "acctcode.snap.gz", old);
    const ServedApi served({}, dir.path());
    REQUIRE(served.get("/api/snapshot").status == 200);
    publish(dir, "acctcode.snap.gz", 300, "acctcode");
    CHECK(served.get("/api/snapshot").status == 404);
    // A copy of the folder may have files where links were.
    std::filesystem::remove(dir.path("acctcode.snap.gz"));
    dir.write("acctcode.snap.gz", "four");
    CHECK(served.get("/api/snapshot").status == 200);
}

TEST_CASE("/snapshots/NAME redirects a fixed name to the immutable one", "[monitor]") {
    const test::TempDir dir;
    const std::string name = publish(dir, "acctcode.snap.gz", 200, "acctcode");
    const ServedApi served("a secret", dir.path());
    for (const std::string method : {"GET", "HEAD"}) {
        const HttpPage answer = served.ask(method, "/snapshots/acctcode.snap.gz");
        CHECK(answer.status == 302);
        CHECK(answer.header("Location") == name);
        CHECK(answer.header("Cache-Control") == "no-cache");
    }
    CHECK(served.ask("POST", "/snapshots/acctcode.snap.gz", {}, "x").status == 405);
    // A name needs not be one that a URL can hold as it is.
    const std::string odd = publish(dir, "a b:c%.gz", 5, "other");
    CHECK(served.get("/snapshots/a%20b%3Ac%25.gz").header("Location") == "a%20b%3Ac%25-5-0a1b2c3d.gz");
    std::filesystem::create_symlink("/etc/passwd", dir.path("passwd"));
    std::filesystem::create_symlink("gone-5-0a1b2c3d.gz", dir.path("gone.gz"));
    std::filesystem::create_symlink("../" + name, dir.path("outside.gz"));
    for (const std::string wrong :
         {"", "none.snap.gz", "passwd", "gone.gz", "outside.gz", "../acctcode.snap.gz", ".", "..",
          "..%2Facctcode.snap.gz", "acctcode.snap.gz%00", "a/b"}) {
        INFO(wrong);
        const HttpPage answer = served.get("/snapshots/" + wrong);
        CHECK(answer.status == 404);
        CHECK(answer.body.find(dir.path()) == std::string::npos);
    }
    CHECK(served.get("/snapshots/" + name).status == 404);
    CHECK(ServedApi().get("/snapshots/acctcode.snap.gz").status == 404);
}
