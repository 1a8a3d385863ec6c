// SPDX-License-Identifier: Apache-2.0
// Namespaces of which the base has no entry. A snapshot cannot name them, but its description can.
#include <algorithm>
#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/base/atomic_file.hpp"
#include "core/crypto/keccak.hpp"
#include "snapshot/bolt/diff_log.hpp"
#include "snapshot/export.hpp"
#include "snapshot/roll.hpp"
#include "test/snapshot/published_files.hpp"
#include "test/snapshot/snapshot_facts.hpp"
#include "test/support/bolt_writer.hpp"
#include "test/support/reference_diffs.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kHeight = 9;

/// A young chain: it has accounts, but no contract yet and no storage slots.
void write_young_state(const std::string& path) {
    test::BoltWriter writer(path, {});
    auto root = writer.tree();
    auto accounts = writer.tree();
    accounts.add(Bytes(20, 1), Bytes{1});
    accounts.add("currentHeight", test::height_value(kHeight));
    auto code = writer.tree();
    auto contract = writer.tree();
    contract.add(Bytes(20, 2), Bytes{2});
    root.add_bucket("Account", accounts);
    root.add_bucket("Code", code);
    root.add_bucket("Contract", contract);
    writer.commit(root);
}

struct YoungChain {
    const test::TempDir dir;
    const Bytes code{0x60, 0x01};
    const Bytes code_hash = to_bytes(keccak256(code).view());

    YoungChain() {
        write_young_state(dir.path("trie.db"));
        test::write_reference_store(dir.path("diffs.db"),
                                    {test::true_diff(kHeight + 1, {{0, "Code", code_hash, code}})});
    }

    [[nodiscard]] Result<ExportReport> make_base(std::vector<std::string> namespaces,
                                                 bool allow_missing = false) const {
        ExportOptions options;
        options.source = dir.path("trie.db");
        options.output = dir.path("base.gz");
        options.namespaces = std::move(namespaces);
        options.allow_missing = allow_missing;
        options.lock_timeout = 0ms;
        options.threads = 1;
        return export_snapshot(options, {}, {});
    }

    [[nodiscard]] Result<RollReport> roll(const std::string& base, const std::string& output,
                                          std::vector<std::string> namespaces = {}, bool allow_missing = false,
                                          const std::string& diffs = "diffs.db") const {
        RollOptions options;
        options.base = dir.path(base);
        options.output = dir.path(output);
        options.namespaces = std::move(namespaces);
        options.allow_missing = allow_missing;
        options.threads = 1;
        auto log = open_bolt_diffs(dir.path(diffs), 0ms);
        if (!log) return fail(log.error());
        return roll_snapshot(options, **log, {}, {});
    }

    /// The description of the base alone.
    [[nodiscard]] std::string own_description() const {
        return test::link_target(dir.path("base.gz")) + ".json";
    }

    [[nodiscard]] std::vector<std::string> order_of(const std::string& name) const {
        std::vector<std::string> out;
        const auto content = test::read_snapshot(dir.path(name));
        REQUIRE(content);
        for (const auto& entry : content->entries)
            if (out.empty() || out.back() != entry.name) out.push_back(entry.name);
        return out;
    }
};

}  // namespace

TEST_CASE_METHOD(YoungChain, "the first contract of a young chain is in the next snapshot, in its place") {
    REQUIRE(make_base({"Account", "Code", "Contract"}));
    CHECK(order_of("base.gz") == std::vector<std::string>{"Account", "Contract"});
    const auto report = roll("base.gz", "base.gz");
    if (!report) FAIL(report.error().text());
    CHECK(report->left_out.empty());
    CHECK(order_of("base.gz") == std::vector<std::string>{"Account", "Code", "Contract"});
    const auto content = *test::read_snapshot(dir.path("base.gz"));
    CHECK(content.entries[2].key == code_hash);
    CHECK(content.entries[2].value == code);
}

TEST_CASE_METHOD(YoungChain, "empty namespaces at the end are filled as well") {
    REQUIRE(make_base({"Account", "Code"}));
    REQUIRE(roll("base.gz", "out.gz"));
    CHECK(order_of("out.gz") == std::vector<std::string>{"Account", "Code"});
}

TEST_CASE_METHOD(YoungChain,
                 "a namespace that did not exist when the base was made is filled like an empty one") {
    REQUIRE(make_base({"Account", "Later", "Contract"}, true));
    test::write_reference_store(dir.path("more.db"),
                                {test::true_diff(kHeight + 1, {{0, "Later", Bytes{5}, Bytes{6}}})});
    REQUIRE(roll("base.gz", "out.gz", {}, false, "more.db"));
    CHECK(order_of("out.gz") == std::vector<std::string>{"Account", "Later", "Contract"});
}

TEST_CASE_METHOD(YoungChain, "a namespace that one roll empties is filled again by the next") {
    REQUIRE(make_base({"Account", "Code"}));
    test::write_reference_store(dir.path("day1.db"),
                                {test::true_diff(kHeight + 1, {{0, "Code", code_hash, code}})});
    test::write_reference_store(dir.path("day2.db"),
                                {test::true_diff(kHeight + 2, {{1, "Code", code_hash, {}}})});
    test::write_reference_store(dir.path("day3.db"),
                                {test::true_diff(kHeight + 3, {{0, "Code", code_hash, code}})});
    for (const std::string day : {"day1.db", "day2.db", "day3.db"}) {
        const auto report = roll("base.gz", "base.gz", {}, false, day);
        if (!report) FAIL(report.error().text());
        CHECK(order_of("base.gz").size() == (day == "day2.db" ? 1 : 2));
    }
}

TEST_CASE_METHOD(YoungChain, "without a description the namespace Code is not left out silently") {
    REQUIRE(make_base({"Account", "Code"}));
    fs::remove(dir.path("snapshot-meta.json"));
    fs::remove(dir.path(own_description()));
    dir.write("out.gz", "yesterday's");
    SECTION("the roll is refused, and the old file stays") {
        const auto refused = roll("base.gz", "out.gz");
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::bad_data);
        CHECK(refused.error().which == "Code");
        CHECK_THAT(refused.error().hint, Contains("--namespaces Account,Code") && Contains("--allow-missing"));
        CHECK(dir.read("out.gz") == "yesterday's");
    }
    SECTION("Code is left out if that is allowed, and the report says so") {
        const auto report = roll("base.gz", "out.gz", {}, true);
        REQUIRE(report);
        CHECK(report->left_out == std::vector<std::string>{"Code"});
        CHECK(order_of("out.gz") == std::vector<std::string>{"Account"});
    }
    SECTION("Code is kept and filled if it is asked for") {
        REQUIRE(roll("base.gz", "out.gz", {"Account", "Code"}));
        CHECK(order_of("out.gz") == std::vector<std::string>{"Account", "Code"});
    }
}

TEST_CASE_METHOD(YoungChain, "a namespace that the base was made without is not built from diffs alone") {
    REQUIRE(make_base({"Account", "Code"}));
    const auto refused = roll("base.gz", "out.gz", {"Account", "Code", "Contract"});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::bad_data);
    CHECK(refused.error().which == "Contract");
    // A namespace that was left out on the command line was left out on purpose.
    const auto report = roll("base.gz", "out.gz", {"Account"});
    REQUIRE(report);
    CHECK(report->left_out.empty());
}

TEST_CASE_METHOD(YoungChain, "a description of another file is ignored, and a false one is refused") {
    REQUIRE(make_base({"Account", "Code"}));
    const std::string file = own_description();
    auto meta = nlohmann::json::parse(dir.read(file));
    SECTION("the height differs") {
        meta["height"] = kHeight + 100;
        dir.write(file, meta.dump());
        CHECK(roll("base.gz", "out.gz").error().which == "Code");
    }
    fs::remove(dir.path("snapshot-meta.json"));
    SECTION("it is not JSON") {
        dir.write(file, "{");
        CHECK(roll("base.gz", "out.gz").error().which == "Code");
    }
    SECTION("the digest differs") {
        meta["payload_sha256"] = std::string(64, '0');
        dir.write(file, meta.dump());
        const auto refused = roll("base.gz", "out.gz");
        REQUIRE_FALSE(refused);
        CHECK_THAT(refused.error().text(), Contains("description"));
    }
    SECTION("it calls a namespace with entries empty") {
        meta["namespaces"]["Account"]["entries"] = 0;
        dir.write(file, meta.dump());
        const auto refused = roll("base.gz", "out.gz");
        REQUIRE_FALSE(refused);
        CHECK_THAT(refused.error().text(), Contains("description") && Contains("Account"));
    }
    CHECK_FALSE(fs::exists(dir.path("out.gz")));
}

TEST_CASE("a stop ends a roll while it skips a namespace") {
    const test::TempDir dir;
    {
        auto file = AtomicFile::create(dir.path("base.gz"));
        REQUIRE(file);
        SnapshotWriter writer(kHeight, {Compression::fast, 1, 1U << 20},
                              [&](BytesView bytes) { return file->write(bytes); });
        REQUIRE(writer.add("Account", as_bytes("currentHeight"), test::height_value(kHeight)));
        for (std::uint64_t i = 0; i < 100'000; ++i)
            REQUIRE(writer.add("Contract", test::height_key(i), Bytes{}));
        REQUIRE(writer.finish());
        REQUIRE(file->commit());
    }
    test::write_reference_store(dir.path("diffs.db"), {test::true_diff(kHeight + 1, {})});
    RollOptions options;
    options.base = dir.path("base.gz");
    options.output = dir.path("out.gz");
    options.namespaces = {"Account"};
    options.threads = 1;
    auto log = open_bolt_diffs(dir.path("diffs.db"), 0ms);
    REQUIRE(log);
    // A roll that reads to the end notices that the last bytes are missing.
    fs::resize_file(options.base, fs::file_size(options.base) - 4);
    CHECK(roll_snapshot(options, **log, {}, {}).error().code == ErrorCode::bad_data);
    // The stop comes when the only kept namespace has begun. Nothing is written after that.
    std::stop_source stop;
    const ExportObserver observer = [&](const ExportProgress& at) {
        if (at.phase == ExportProgress::Phase::reading && at.name == "Account") stop.request_stop();
    };
    const auto again = open_bolt_diffs(dir.path("diffs.db"), 0ms);
    REQUIRE(again);
    CHECK(roll_snapshot(options, **again, observer, stop.get_token()).error().code == ErrorCode::cancelled);
}
