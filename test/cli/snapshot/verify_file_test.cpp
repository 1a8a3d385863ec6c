// SPDX-License-Identifier: Apache-2.0
// A snapshot on this machine is compared with its own name and with what lies beside it.
#include <filesystem>
#include <functional>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/base/atomic_file.hpp"
#include "core/base/text.hpp"
#include "snapshot/immutable_name.hpp"
#include "snapshot/writer.hpp"
#include "test/cli/run_cli.hpp"
#include "test/support/sha256_hex.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

const std::string kFixed = "acctcode.snap.gz";

/// A folder as `snapshot export` leaves it: the immutable file with its companions, the link, and its
/// companions.
struct PublishedFolder {
    const TempDir dir;
    const std::string content = read_data("snapshots/acctcode.snap.gz");
    const std::string digest = sha256_hex(content);
    const std::string immutable = snapshot::ImmutableName{kFixed, 46006460, digest.substr(0, 8)}.text();
    const std::string link = dir.path(kFixed);

    PublishedFolder() {
        (void)dir.write(immutable, content);
        (void)dir.write(immutable + ".sha256", digest + "  " + immutable + "\n");
        (void)dir.write(immutable + ".json", described(immutable).dump());
        fs::create_symlink(immutable, link);
        (void)dir.write(kFixed + ".sha256", digest + "  " + kFixed + "\n");
        Json shared = described(kFixed);
        shared["immutable"] = immutable;
        (void)dir.write("snapshot-meta.json", shared.dump());
    }
    [[nodiscard]] Json described(const std::string& file) const {
        return {{"file", file},
                {"height", 46006460},
                {"bytes", content.size()},
                {"sha256", digest},
                {"payload_sha256", "6603882f5b08cb1fb21fee7694686c18ad7bc7ef6b1b4efcaa0a485f3fa2a390"},
                {"entries", 1860},
                {"namespaces", {{"Account", {{"entries", 1820}}}, {"Code", {{"entries", 40}}}}}};
    }
    void describe(const std::string& companion, const std::function<void(Json&)>& change) const {
        Json json = Json::parse(dir.read(companion));
        change(json);
        (void)dir.write(companion, json.dump());
    }
};

Json verified(const std::string& file) {
    const CliRun run = run_cli({"snapshot", "verify", "--json", file});
    INFO(run.out << run.err);
    REQUIRE(run.code == 0);
    return Json::parse(run.out);
}

/// What verify says of a whole file that does not agree.
std::string disagreement_of(const std::string& file) {
    const CliRun run = run_cli({"snapshot", "verify", file});
    CHECK(run.code == 65);
    CHECK(run.out.empty());
    CHECK_THAT(run.err, Contains("do not agree"));
    return run.err;
}

}  // namespace

TEST_CASE("given a published folder, when a snapshot is verified, then it agrees with all that lies beside it",
          "[verify]") {
    const PublishedFolder folder;
    const std::string immutable = folder.dir.path(folder.immutable);
    CHECK(verified(immutable)["compared"] == Json{immutable + ".sha256", immutable + ".json",
                                                  folder.dir.path("snapshot-meta.json"),
                                                  "its name " + folder.immutable});
    CHECK(verified(immutable)["missing"].empty());
    const Json link = verified(folder.link);
    CHECK(link["compared"].size() == 5);
    CHECK(link["compared"][0] == folder.link + ".sha256");
    CHECK(link["sha256"] == folder.digest);
    CHECK(link["missing"].empty());
    fs::remove(folder.link + ".sha256");
    CHECK(verified(folder.link)["missing"] == Json{folder.link + ".sha256"});
}

TEST_CASE("given a snapshot alone, when it is verified, then what is missing is only mentioned", "[verify]") {
    const TempDir dir;
    const std::string file = dir.write("copy.gz", read_data("snapshots/acctcode.snap.gz"));
    CHECK(verified(file)["missing"] == Json{file + ".sha256", file + ".json"});
    CHECK(verified(file)["compared"].empty());
    const CliRun run = run_cli({"snapshot", "verify", file});
    CHECK_THAT(run.out, Contains(": whole, height 46006460, 1860 entries") &&
                            Contains("  not there to compare: " + file + ".sha256\n"));
    CHECK(run.err.empty());
    SECTION("a shared description of another file is left aside") {
        (void)dir.write("snapshot-meta.json", Json{{"file", "other.gz"}, {"height", 1}}.dump());
        CHECK(verified(file)["compared"].empty());
    }
}

TEST_CASE("given a companion that says something else, when a snapshot is verified, then it is named",
          "[verify]") {
    const PublishedFolder folder;
    const std::string immutable = folder.dir.path(folder.immutable);
    SECTION("the digest") {
        (void)folder.dir.write(folder.immutable + ".sha256",
                               std::string(64, 'a') + "  " + folder.immutable + "\n");
        CHECK_THAT(disagreement_of(immutable),
                   Contains("its SHA-256 is " + folder.digest + ", and " + immutable + ".sha256 says aaaa"));
    }
    SECTION("the digest under the fixed name is that of the snapshot before") {
        (void)folder.dir.write(kFixed + ".sha256", std::string(64, 'b') + "  " + kFixed + "\n");
        CHECK(verified(immutable)["ok"] == true);
        CHECK_THAT(disagreement_of(folder.link), Contains(folder.link + ".sha256 says bbbb"));
    }
    SECTION("the digest names another file") {
        (void)folder.dir.write(folder.immutable + ".sha256", folder.digest + "  other.gz\n");
        CHECK_THAT(disagreement_of(immutable), Contains(immutable + ".sha256: it names other.gz"));
    }
    SECTION("the digest is none") {
        (void)folder.dir.write(folder.immutable + ".sha256", "<html>");
        CHECK_THAT(disagreement_of(immutable), Contains("it is not a line of sha256sum"));
    }
    SECTION("a directory in the place of a companion") {
        fs::remove(immutable + ".sha256");
        fs::create_directory(immutable + ".sha256");
        CHECK_THAT(disagreement_of(immutable), Contains(immutable + ".sha256: "));
    }
    SECTION("its own description") {
        folder.describe(folder.immutable + ".json", [](Json& json) { json["entries"] = 7; });
        CHECK_THAT(disagreement_of(immutable),
                   Contains("its number of entries is 1860, and " + immutable + ".json says 7"));
        CHECK_THAT(disagreement_of(folder.link), Contains(".json says 7"));
    }
    SECTION("the shared description, in two facts") {
        folder.describe("snapshot-meta.json", [](Json& json) {
            json["height"] = 7;
            json["namespaces"]["Code"]["entries"] = 41;
        });
        const std::string meta = folder.dir.path("snapshot-meta.json");
        CHECK_THAT(disagreement_of(folder.link),
                   Contains("its height is 46006460, and " + meta + " says 7; ") &&
                       Contains("Code 40, and " + meta + " says Account 1820, Code 41"));
    }
    SECTION("its own name") {
        const std::string other = folder.dir.path("acctcode-7-00000000.snap.gz");
        fs::copy_file(immutable, other);
        CHECK_THAT(disagreement_of(other), Contains("its name acctcode-7-00000000.snap.gz says 7") &&
                                               Contains("its name acctcode-7-00000000.snap.gz says 00000000"));
    }
}

TEST_CASE("given a broken snapshot, when it is verified, then that is said first, whatever lies beside it",
          "[verify]") {
    const PublishedFolder folder;
    (void)folder.dir.write(folder.immutable, folder.content.substr(0, folder.content.size() - 9));
    const CliRun run = run_cli({"snapshot", "verify", folder.link});
    CHECK(run.code == 1);
    CHECK_THAT(run.err, !Contains("do not agree"));
    (void)folder.dir.write(folder.immutable + ".sha256", "<html>");
    CHECK(run_cli({"snapshot", "verify", folder.link}).code == 1);
}

TEST_CASE("snapshot inspect lists every namespace with its entries, known or not", "[inspect]") {
    const TempDir dir;
    std::string file;
    snapshot::SnapshotWriter writer(7, {}, [&](BytesView bytes) -> Status {
        file += as_text(bytes);
        return {};
    });
    REQUIRE(writer.add("Account", as_bytes("a"), as_bytes("v")));
    REQUIRE(writer.add("Nobody\x1b", as_bytes("a"), as_bytes("v")));
    REQUIRE(writer.add("Nobody\x1b", as_bytes("b"), as_bytes("v")));
    std::size_t more = 0;
    SECTION("a few") {}
    SECTION("more than anybody wants to read") {
        for (; more < 1'100; ++more)
            REQUIRE(writer.add("more-" + std::to_string(more), as_bytes("a"), as_bytes("v")));
    }
    REQUIRE(writer.finish());
    const std::string path = dir.write("odd.gz", file);
    const Json json = Json::parse(run_cli({"snapshot", "inspect", "--json", path}).out);
    CHECK(json["namespaces"]["Account"]["entries"] == 1);
    CHECK(json["namespaces"]["Nobody\\x1b"]["entries"] == 2);
    CHECK(json["namespaces"].size() == (more == 0 ? 2 : 1'000));
    const CliRun text = run_cli({"snapshot", "inspect", path});
    CHECK_THAT(text.out, Contains("  Nobody\\x1b"));
    if (more > 0) {
        CHECK(json.value("entries_of_further_namespaces", 0) == 102);
        CHECK_THAT(text.out, Contains("102 entries of further namespaces\n"));
    }
}
