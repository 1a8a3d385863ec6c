// SPDX-License-Identifier: Apache-2.0
// The writers of test/support make random state databases. They must read back as the std::map that they were
// made from.

#include <filesystem>
#include <map>
#include <random>
#include <set>

#include <catch2/catch.hpp>

#include "snapshot/open_state.hpp"
#include "snapshot/pebble/database.hpp"
#include "snapshot/store/state_database.hpp"
#include "test/support/bolt_writer.hpp"
#include "test/support/pebble_writer.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using Entries = std::map<std::string, std::string>;

class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
    std::string bytes(std::size_t size) {
        std::string out(size, '\0');
        for (char& c : out)
            c = static_cast<char>(engine_());
        return out;
    }
    /// Mostly short values, and now and then one over several pages.
    std::string value(std::size_t page) {
        const std::uint64_t kind = below(40);
        return bytes(static_cast<std::size_t>(kind == 0 ? below(5 * page) : kind < 4 ? 0 : below(200)));
    }
    Entries entries(std::size_t count, std::size_t page) {
        Entries out;
        while (out.size() < count)
            out.emplace(bytes(1 + static_cast<std::size_t>(below(40))), value(page));
        return out;
    }

  private:
    std::mt19937_64 engine_;
};

Entries read(StateDatabase& database, const std::string& name) {
    auto cursor = database.open_namespace(name);
    REQUIRE(cursor);
    Entries out;
    std::string last;
    for (EntryView entry; (*cursor)->next(entry);) {
        const std::string key(as_text(entry.key));
        REQUIRE((out.empty() || last < key));
        last = key;
        out.emplace(key, as_text(entry.value));
    }
    REQUIRE((*cursor)->status());
    return out;
}

void check_get(StateDatabase& database, const std::string& name, const Entries& wanted, Random& random) {
    std::size_t asked = 0;
    for (const auto& [key, value] : wanted) {
        if (++asked > 50) break;
        const auto got = database.get(name, as_bytes(key));
        REQUIRE(got);
        CHECK(as_text(*got) == value);
    }
    const std::string absent = random.bytes(41);
    const auto got = database.get(name, as_bytes(absent));
    REQUIRE_FALSE(got);
    CHECK(got.error().code == ErrorCode::not_found);
}

}  // namespace

TEST_CASE("a random BoltDB file of any page size has the entries of its map, without nested buckets") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        Random random(seed);
        const std::uint32_t page = 1024U << random.below(7);
        INFO("seed " << seed << ", pages of " << page);
        const test::TempDir dir;
        std::map<std::string, Entries> model;
        {
            test::BoltWriter writer(dir.path("trie.db"),
                                    {.page_size = page,
                                     .fill = 0.3 + 0.1 * static_cast<double>(random.below(7)),
                                     .scatter = 1 + static_cast<std::size_t>(random.below(50)),
                                     .seed = seed,
                                     .inline_buckets = random.below(2) == 0,
                                     .min_elements = 1 + static_cast<std::size_t>(random.below(3))});
            const std::uint64_t buckets = random.below(12);
            while (model.size() < buckets) {
                const std::uint64_t size = random.below(5);
                model.emplace(random.bytes(1 + static_cast<std::size_t>(random.below(30))),
                              random.entries(size == 0   ? 0
                                             : size == 1 ? static_cast<std::size_t>(random.below(4))
                                                         : static_cast<std::size_t>(random.below(3000)),
                                             page));
            }
            auto root = writer.tree();
            for (const auto& [name, entries] : model) {
                // The nested bucket has no key in common with the others.
                const std::string nested = random.below(3) == 0 ? "\x7f" + random.bytes(50) : "";
                auto bucket = writer.tree();
                auto inner = writer.tree();
                if (!nested.empty()) {
                    for (const auto& [key, value] :
                         random.entries(static_cast<std::size_t>(random.below(300)), page))
                        inner.add(key, as_bytes(value));
                }
                bool placed = nested.empty();
                for (const auto& [key, value] : entries) {
                    if (!placed && nested < key) {
                        bucket.add_bucket(nested, inner);
                        placed = true;
                    }
                    bucket.add(key, as_bytes(value));
                }
                if (!placed) bucket.add_bucket(nested, inner);
                root.add_bucket(name, bucket);
            }
            writer.commit(root);
        }
        // A file with one bucket whose name has 20 bytes has the old layout, and is refused.
        if (model.size() == 1 && model.begin()->first.size() == 20) continue;
        auto database = open_state(dir.path("trie.db"), {0ms, false});
        if (!database) FAIL(database.error().text());
        std::vector<std::string> names;
        for (const auto& [name, entries] : model)
            names.push_back(name);
        CHECK(*(*database)->namespaces() == names);
        for (const auto& [name, entries] : model) {
            CHECK((read(**database, name) == entries));
            check_get(**database, name, entries, random);
        }
    }
}

TEST_CASE("a random PebbleDB directory with tables on several levels and a log has the entries of its map") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        INFO("seed " << seed);
        Random random(seed);
        const test::TempDir dir;
        const std::string path = dir.path("trie.db");
        fs::create_directory(path);
        Entries model;  // stored keys of the namespace Code
        std::uint64_t sequence = 10;
        std::vector<test::PebbleTable> tables;
        const auto some_change = [&](std::size_t most) {
            std::map<std::string, std::optional<std::string>> change;
            const std::size_t count = 1 + static_cast<std::size_t>(random.below(most));
            while (change.size() < count) {
                std::string key = random.bytes(2 + static_cast<std::size_t>(random.below(30)));
                // Use existing keys again, with another value or as a deletion.
                if (!model.empty() && random.below(3) == 0)
                    key = std::next(model.begin(), static_cast<std::ptrdiff_t>(random.below(model.size())))
                              ->first;
                if (random.below(4) == 0)
                    change[key] = std::nullopt;
                else
                    change[key] = random.value(1024);
            }
            for (const auto& [key, value] : change) {
                if (value)
                    model[key] = *value;
                else
                    model.erase(key);
            }
            return change;
        };
        // Oldest first: one table of level 6, then one of level 5 and so on. Level 0 has several.
        for (const std::uint32_t level : {6U, 5U, 3U, 0U, 0U, 0U}) {
            test::PebbleTableWriter table(
                path, tables.size() + 2, level,
                {.snappy = random.below(2) == 0, .block_bytes = 128U << random.below(7)});
            for (const auto& [key, value] : some_change(level == 6 ? 3000 : 300))
                table.add(test::pebble_key("Code", as_bytes(key)), sequence++, value ? 1 : 0,
                          as_bytes(value.value_or("")));
            tables.push_back(table.finish());
        }
        test::pebble_directory(path, tables, sequence - 1);
        test::PebbleLogWriter log(path + "/000050.log", 50);
        for (int batches = 0; batches < 20; ++batches) {
            std::vector<test::PebbleOp> ops;
            for (const auto& [key, value] : some_change(50))
                ops.push_back({static_cast<std::uint8_t>(value ? 1 : 0),
                               test::pebble_key("Code", as_bytes(key)),
                               to_bytes(as_bytes(value.value_or("")))});
            log.add(test::pebble_batch(sequence, ops));
            sequence += ops.size();
        }
        if (random.below(2) == 0) log.close();
        auto database = open_state(path, {0ms, random.below(2) == 0});
        if (!database) FAIL(database.error().text());
        CHECK((read(**database, "Code") == model));
        check_get(**database, "Code", model, random);
    }
}
