// SPDX-License-Identifier: Apache-2.0
#include "snapshot/roll.hpp"
#include "snapshot/bolt/diff_log.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <random>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/base/atomic_file.hpp"
#include "test/snapshot/published_files.hpp"
#include "test/snapshot/snapshot_facts.hpp"
#include "test/support/reference_diffs.hpp"
#include "test/support/sha256_hex.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

RollOptions options_for(const test::TempDir& dir, const std::string& base) {
    RollOptions options;
    options.base = base;
    options.output = dir.path("today.snap.gz");
    options.threads = 1;
    return options;
}

Result<RollReport> roll(const RollOptions& options, const std::string& diffs, std::stop_token stop = {}) {
    auto log = open_bolt_diffs(diffs, 0ms);
    if (!log) return fail(log.error());
    return roll_snapshot(options, **log, {}, std::move(stop));
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& file : fs::directory_iterator(folder))
        names.push_back(file.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

void write_snapshot(const std::string& path, const test::SnapshotContent& content) {
    auto file = AtomicFile::create(path);
    REQUIRE(file);
    {
        SnapshotWriter writer(content.height, {Compression::fast, 1, 4096},
                              [&](BytesView bytes) { return file->write(bytes); });
        for (const auto& entry : content.entries)
            REQUIRE(writer.add(entry.name, entry.key, entry.value));
        REQUIRE(writer.finish());
    }
    REQUIRE(file->commit());
}

class RandomDiffs {
  public:
    explicit RandomDiffs(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
    Bytes bytes(std::size_t size) {
        Bytes out(size);
        for (std::uint8_t& byte : out)
            byte = static_cast<std::uint8_t>(engine_());
        return out;
    }

  private:
    std::mt19937_64 engine_;
};

/// A state and a simple way to apply diffs to it. A roll must give the same result.
struct Model {
    std::map<std::string, std::map<Bytes, Bytes>> state;

    void apply(const StateDiff& diff) {
        for (const StateDiffEntry& entry : diff.entries) {
            if (entry.write_type == 1)
                state[entry.ns].erase(entry.key);
            else
                state[entry.ns][entry.key] = entry.value;
        }
    }
    [[nodiscard]] test::SnapshotContent content(std::uint64_t height,
                                                const std::vector<std::string>& names) const {
        test::SnapshotContent out{height, {}};
        for (const std::string& name : names) {
            for (const auto& [key, value] : state.at(name))
                out.entries.push_back({name, key, value});
        }
        return out;
    }
};

/// Entries with only a few keys, so that keys are overwritten and deleted and come back.
std::vector<StateDiffEntry> random_entries(RandomDiffs& random, const std::vector<std::string>& names) {
    std::vector<StateDiffEntry> out;
    for (std::uint64_t i = random.below(60); i > 0; --i) {
        StateDiffEntry entry;
        entry.ns = names[random.below(names.size())];
        entry.key = {static_cast<std::uint8_t>(random.below(3)), static_cast<std::uint8_t>(random.below(100))};
        if (random.below(20) == 0) entry.key = random.bytes(random.below(40));
        entry.write_type = random.below(4) == 0 ? 1 : 0;
        if (entry.write_type == 0)
            entry.value = random.bytes(random.below(50) == 0 ? random.below(100'000) : random.below(30));
        out.push_back(std::move(entry));
    }
    return out;
}

}  // namespace

TEST_CASE("a real node's base and its diffs give the node's own final snapshot, entry for entry") {
    for (const std::string chain : {"chain-boltdb", "chain-pebble"}) {
        for (const std::size_t memory : {std::size_t{0}, std::size_t{5000}, std::size_t{256} << 20}) {
            INFO(chain << ", memory " << memory);
            const test::TempDir dir;
            RollOptions options = options_for(dir, test::data_path("node/" + chain + "/base.snap.gz"));
            options.memory_bytes = memory;
            const auto report = roll(options, test::data_path("node/" + chain + "/statediffs.db"));
            if (!report) FAIL(report.error().text());
            CHECK(report->base_height == 11);
            CHECK(report->diffs == 16);
            CHECK(report->made.height == 27);
            CHECK(*test::read_snapshot(options.output) ==
                  *test::read_snapshot(test::data_path("node/" + chain + "/final.snap.gz")));
        }
    }
}

TEST_CASE("random bases and diffs roll to the same entries as a map, with any memory limit and height") {
    const std::vector<std::string> all{"Account", "Code", "Contract", "System", "Empty"};
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        INFO("seed " << seed);
        RandomDiffs random(seed);
        const test::TempDir dir;
        std::vector<std::string> names{"Code", "Account", "Contract"};
        std::rotate(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(random.below(3)), names.end());
        Model model;
        const std::uint64_t base_height = 100 + random.below(1000);
        for (int i = 0; i < 10; ++i)
            model.apply({0, random_entries(random, names), {}});
        model.apply(test::true_diff(base_height, {}));
        for (const std::string& name : names)
            model.state[name][Bytes{1, 2, 3}] = Bytes{1};  // a snapshot shows only namespaces with entries
        write_snapshot(dir.path("base.snap.gz"), model.content(base_height, names));
        std::vector<StateDiff> diffs;
        const std::uint64_t floor = base_height + 1 - random.below(5);
        const std::uint64_t tip = base_height + 1 + random.below(80);
        const std::uint64_t to = base_height + 1 + random.below(tip - base_height);
        for (std::uint64_t height = floor; height <= tip; ++height) {
            diffs.push_back(test::true_diff(height, random_entries(random, all)));
            if (height > base_height && height <= to) model.apply(diffs.back());
        }
        test::write_reference_store(dir.path("diffs.db"), diffs);
        std::optional<Hash256> digest;
        for (const std::size_t memory : {std::size_t{1} << 30, std::size_t{20'000}, std::size_t{0}}) {
            RollOptions options = options_for(dir, dir.path("base.snap.gz"));
            options.memory_bytes = memory;
            options.to = to == tip ? 0 : to;
            const auto report = roll(options, dir.path("diffs.db"));
            if (!report) FAIL(report.error().text());
            CHECK(*test::read_snapshot(options.output) == model.content(to, names));
            CHECK(report->diffs == to - base_height);
            CHECK((!digest || *digest == report->made.payload_sha256));
            digest = report->made.payload_sha256;
        }
    }
}

TEST_CASE("the namespaces asked for are kept in the base's order, and an unknown one is refused") {
    const test::TempDir dir;
    RollOptions options = options_for(dir, test::data_path("node/chain-boltdb/base.snap.gz"));
    const std::string diffs = test::data_path("node/chain-boltdb/statediffs.db");
    options.namespaces = {"Code", "Account"};
    const auto report = roll(options, diffs);
    REQUIRE(report);
    CHECK(report->left_out.empty());
    auto wanted = *test::read_snapshot(test::data_path("node/chain-boltdb/final.snap.gz"));
    wanted.entries.erase(std::remove_if(wanted.entries.begin(), wanted.entries.end(),
                                        [](const auto& entry) { return entry.name == "Contract"; }),
                         wanted.entries.end());
    CHECK(*test::read_snapshot(options.output) == wanted);
    options.namespaces = {"Account", "Nowhere"};
    const auto misspelt = roll(options, diffs);
    REQUIRE_FALSE(misspelt);
    CHECK(misspelt.error().code == ErrorCode::bad_data);
    CHECK(misspelt.error().which == "Nowhere");
    // A namespace that iotex-core knows may still be empty.
    options.namespaces = {"Account", "Bucket"};
    const auto empty = roll(options, diffs);
    REQUIRE(empty);
    CHECK(empty->made.missing == std::vector<std::string>{"Bucket"});
    options.namespaces.clear();
    const auto all = roll(options, diffs);
    REQUIRE(all);
    INFO(all->left_out.size() << " " << (all->left_out.empty() ? "" : all->left_out.front()));
    CHECK(all->left_out == std::vector<std::string>{"Rewarding"});
}

TEST_CASE("a snapshot rolls onto its own name, day after day") {
    const test::TempDir dir;
    RollOptions options = options_for(dir, dir.path("today.snap.gz"));
    fs::copy_file(test::data_path("node/chain-pebble/base.snap.gz"), options.output);
    for (options.to = 15; options.to < 27; options.to += 4)
        REQUIRE(roll(options, test::data_path("node/chain-pebble/statediffs.db")));
    options.to = 0;
    REQUIRE(roll(options, test::data_path("node/chain-pebble/statediffs.db")));
    CHECK(*test::read_snapshot(options.output) ==
          *test::read_snapshot(test::data_path("node/chain-pebble/final.snap.gz")));
    const auto again = roll(options, test::data_path("node/chain-pebble/statediffs.db"));
    REQUIRE_FALSE(again);
    CHECK(again.error().code == ErrorCode::try_again);
}

TEST_CASE("a roll writes the same companion files as an export") {
    const test::TempDir dir;
    const RollOptions options = options_for(dir, test::data_path("node/chain-boltdb/base.snap.gz"));
    REQUIRE(roll(options, test::data_path("node/chain-boltdb/statediffs.db")));
    const std::string sum = test::sha256_hex(dir.read("today.snap.gz"));
    CHECK(dir.read("today.snap.gz.sha256") == sum + "  today.snap.gz\n");
    const auto meta = nlohmann::json::parse(dir.read("snapshot-meta.json"));
    CHECK(meta["height"] == 27);
    CHECK(meta["sha256"] == sum);
    CHECK(meta["namespaces"]["Account"]["entries"] == 496);
    const std::string immutable = test::link_target(dir.path("today.snap.gz"));
    CHECK(immutable == "today-27-" + sum.substr(0, 8) + ".snap.gz");
    CHECK(test::fault_of_immutable(dir.path(), immutable).empty());
    CHECK(meta["source"] == "snapshot+diffs");
    CHECK(names_in(dir.path()) ==
          std::vector<std::string>{".today.snap.gz.lock", "snapshot-meta.json", immutable, immutable + ".json",
                                   immutable + ".sha256", "today.snap.gz", "today.snap.gz.sha256"});
}

TEST_CASE("a snapshot records the chain of its diffs, and a log of another chain is refused") {
    // A log that knows its chain, like that of serve.
    class OfChain final : public DiffLog {
      public:
        OfChain(std::unique_ptr<DiffLog> log, std::optional<ChainIdentity> chain)
            : log_(std::move(log)), chain_(chain) {}
        std::string_view kind() const override { return log_->kind(); }
        DiffRange range() const override { return log_->range(); }
        std::optional<ChainIdentity> chain() const override { return chain_; }
        Status seek(std::uint64_t height) override { return log_->seek(height); }
        Result<std::optional<StateDiff>> next() override { return log_->next(); }
        Status release_lock() override { return log_->release_lock(); }

      private:
        const std::unique_ptr<DiffLog> log_;
        const std::optional<ChainIdentity> chain_;
    };
    const test::TempDir dir;
    RollOptions options = options_for(dir, dir.path("today.snap.gz"));
    fs::copy_file(test::data_path("node/chain-pebble/base.snap.gz"), options.output);
    const auto roll_to = [&](std::uint64_t height, std::optional<ChainIdentity> chain) {
        auto log = open_bolt_diffs(test::data_path("node/chain-pebble/statediffs.db"), 0ms);
        REQUIRE(log);
        OfChain of_chain(std::move(*log), chain);
        options.to = height;
        return roll_snapshot(options, of_chain, {}, {});
    };
    // The base does not say its chain, so any log is accepted.
    REQUIRE(roll_to(15, ChainIdentity{4690, 2}));
    CHECK(nlohmann::json::parse(dir.read("snapshot-meta.json"))["evm_chain_id"] == 4690);
    CHECK(nlohmann::json::parse(dir.read("snapshot-meta.json"))["node_chain_id"] == 2);
    const std::string before = dir.read("today.snap.gz");
    const auto refused = roll_to(19, ChainIdentity{4689, 1});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::failed_precondition);
    CHECK(refused.error().why ==
          "the base has EVM chain id 4690, node chain id 2 (IoTeX testnet), the log has EVM "
          "chain id 4689, node chain id 1 (IoTeX mainnet)");
    CHECK(dir.read("today.snap.gz") == before);
    // A log that does not say its chain is accepted, and the known chain is kept.
    REQUIRE(roll_to(19, std::nullopt));
    REQUIRE(roll_to(23, ChainIdentity{4690, 2}));
    CHECK_FALSE(roll_to(27, ChainIdentity{4689, 1}));
}

TEST_CASE("a base and a log that do not fit together are refused with their heights, and the old file stays") {
    const test::TempDir dir;
    RollOptions options = options_for(dir, dir.path("base.snap.gz"));
    dir.write("today.snap.gz", "yesterday's");
    std::uint64_t base_height = 99;
    std::vector<StateDiff> diffs;
    for (std::uint64_t height = 100; height <= 140; ++height)
        diffs.push_back(test::true_diff(height, {{0, "Code", Bytes{7}, Bytes{1}}}));
    test::SnapshotContent base{0,
                               {{"Account", to_bytes(as_bytes("currentHeight")), {}},
                                {"Code", Bytes{5}, Bytes{1}},
                                {"Code", Bytes{6}, Bytes{1}}}};
    ErrorCode code = ErrorCode::bad_data;
    std::string wanted;
    SECTION("there is a gap between base and log") {
        base_height = 90;
        code = ErrorCode::failed_precondition;
        wanted = "91 to 99 are missing";
    }
    SECTION("there is a gap inside the log") {
        diffs.erase(diffs.begin() + 10);
        wanted = "height 110 is missing";
    }
    SECTION("the log ends at the base") {
        base_height = 140;
        code = ErrorCode::try_again;
        wanted = "ends at 140";
    }
    SECTION("the log is empty") {
        diffs.clear();
        code = ErrorCode::try_again;
        wanted = "empty";
    }
    SECTION("the height is beyond the log") {
        options.to = 141;
        code = ErrorCode::failed_precondition;
        wanted = "ends at 140";
    }
    SECTION("the height is below the base") {
        base_height = 120;
        options.to = 110;
        code = ErrorCode::usage;
        wanted = "120";
    }
    SECTION("a digest is wrong") {
        diffs[5].entries[0].value[0] ^= 1;
        wanted = "height 105";
    }
    SECTION("the diffs lead to another height than their own") {
        diffs.back().height = 140;
        diffs.back().entries.back().value[0] ^= 1;
        diffs.back() = [&] {
            StateDiff diff = test::true_diff(141, {});
            diff.height = 140;
            return diff;
        }();
        wanted = "height 140";
    }
    SECTION("the base's keys are not in order") {
        std::swap(base.entries[1], base.entries[2]);
        wanted = "does not come after";
    }
    SECTION("the base has a key twice") {
        base.entries[2] = base.entries[1];
        wanted = "does not come after";
    }
    SECTION("the base's namespaces come in parts") {
        base.entries.push_back({"Account", Bytes{9}, Bytes{}});
        wanted = "two parts";
    }
    base.height = base_height;
    base.entries[0].value = test::height_value(base_height);
    write_snapshot(options.base, base);
    test::write_reference_store(dir.path("diffs.db"), diffs);
    const auto report = roll(options, dir.path("diffs.db"));
    REQUIRE_FALSE(report);
    INFO(report.error().text());
    CHECK(report.error().code == code);
    CHECK_THAT(report.error().text(), Contains(wanted));
    CHECK(dir.read("today.snap.gz") == "yesterday's");
    CHECK_FALSE(fs::exists(dir.path(".today.snap.gz.part")));
}

TEST_CASE("a damaged base is refused, whatever is damaged in it") {
    for (const auto& file : fs::directory_iterator(test::data_path("snapshots/bad"))) {
        const std::string name = file.path().filename().string();
        INFO(name);
        // One file is sound. The other is refused earlier, because its height does not fit the log.
        if (name.starts_with("ok-") || name.starts_with("value-1gib")) continue;
        const test::TempDir dir;
        const auto report = roll(options_for(dir, file.path().string()), test::data_path("bolt/statediffs.db"));
        REQUIRE_FALSE(report);
        CHECK(report.error().code == ErrorCode::bad_data);
        CHECK_FALSE(fs::exists(dir.path("today.snap.gz")));
    }
}

TEST_CASE("a roll ended by a signal or a full disk keeps the old file and leaves no partial one") {
    const test::TempDir dir;
    RollOptions options = options_for(dir, dir.path("base.snap.gz"));
    dir.write("today.snap.gz", "yesterday's");
    RandomDiffs random(7);
    write_snapshot(options.base, {99,
                                  {{"Account", to_bytes(as_bytes("currentHeight")), test::height_value(99)},
                                   {"Code", Bytes{5}, Bytes{1}}}});
    std::vector<StateDiff> diffs;
    for (std::uint64_t height = 100; height < 200; ++height)
        diffs.push_back(test::true_diff(height, {{0, "Code", random.bytes(32), random.bytes(4000)}}));
    test::write_reference_store(dir.path("diffs.db"), diffs);
    SECTION("by a signal") {
        std::stop_source stopped;
        stopped.request_stop();
        CHECK(roll(options, dir.path("diffs.db"), stopped.get_token()).error().code == ErrorCode::cancelled);
    }
    for (const std::size_t memory : {std::size_t{1} << 30, std::size_t{50'000}}) {
        DYNAMIC_SECTION("a full disk with memory for " << memory) {
            options.memory_bytes = memory;
            const pid_t child = ::fork();
            if (child == 0) {
                // With SIGXFSZ ignored, a write past the limit fails with EFBIG, as a full disk fails with
                // ENOSPC.
                std::signal(SIGXFSZ, SIG_IGN);
                const rlimit limit{100'000, 100'000};
                ::setrlimit(RLIMIT_FSIZE, &limit);
                const auto result = roll(options, dir.path("diffs.db"));
                ::_exit(!result && result.error().code == ErrorCode::io ? 0 : 1);
            }
            int status = -1;
            REQUIRE(::waitpid(child, &status, 0) == child);
            CHECK(status == 0);
        }
    }
    CHECK(dir.read("today.snap.gz") == "yesterday's");
    CHECK(names_in(dir.path()) ==
          std::vector<std::string>{".today.snap.gz.lock", "base.snap.gz", "diffs.db", "today.snap.gz"});
}

TEST_CASE("the log of diffs is never replaced by the snapshot that is made from it") {
    const test::TempDir dir;
    const std::string chain = test::data_path("node/chain-boltdb");
    fs::copy_file(chain + "/statediffs.db", dir.path("statediffs.db"));
    RollOptions options = options_for(dir, chain + "/base.snap.gz");
    options.diffs = options.output = dir.path("statediffs.db");
    const auto refused = roll(options, options.diffs);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::usage);
    CHECK(names_in(dir.path("")) == std::vector<std::string>{"statediffs.db"});
}
