// SPDX-License-Identifier: Apache-2.0
#include "snapshot/writer.hpp"

#include <algorithm>
#include <fstream>
#include <random>
#include <tuple>

#include <catch2/catch.hpp>

#include "snapshot/reader.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;

namespace {

struct Record {
    std::string name;
    Bytes key;
    Bytes value;
    bool operator==(const Record&) const = default;
};

std::vector<Record> random_records(std::size_t count, std::size_t max_value) {
    std::mt19937 random(7);
    std::vector<Record> records(count);
    for (std::size_t i = 0; i < count; ++i) {
        records[i].name = i < count / 2 ? "Account" : "Code";
        records[i].key.resize(random() % 40);
        records[i].value.resize(random() % (max_value + 1));
        for (auto& byte : records[i].key)
            byte = static_cast<std::uint8_t>(random());
        for (auto& byte : records[i].value)
            byte = static_cast<std::uint8_t>(random() % 7);
    }
    // As in a node's database: the keys of a namespace come in order, and each comes once.
    std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) {
        return std::tie(a.name, a.key) < std::tie(b.name, b.key);
    });
    records.erase(
        std::unique(records.begin(), records.end(),
                    [](const Record& a, const Record& b) { return a.name == b.name && a.key == b.key; }),
        records.end());
    return records;
}

ParallelGzip::Sink into(std::ofstream& out) {
    return [&out](BytesView bytes) -> Status {
        out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        return {};
    };
}

}  // namespace

TEST_CASE("a written snapshot is read back, in every profile and for blocks smaller than an entry") {
    const test::TempDir dir;
    const auto records = random_records(2000, 300);
    for (const Compression compression : {Compression::fast, Compression::standard, Compression::small}) {
        for (const std::size_t block : {std::size_t{64}, std::size_t{1} << 20}) {
            const std::string path = dir.path("out.snap.gz");
            std::ofstream out(path, std::ios::binary | std::ios::trunc);
            SnapshotWriter writer(12345, {compression, 3, block}, into(out));
            for (const Record& record : records)
                REQUIRE(writer.add(record.name, record.key, record.value));
            const auto digest = writer.finish();
            REQUIRE(digest);
            out.close();

            auto reader = SnapshotReader::open(path);
            REQUIRE(reader);
            CHECK((*reader)->height() == 12345);
            std::vector<Record> back;
            for (;;) {
                auto entry = (*reader)->next();
                REQUIRE(entry);
                if (!*entry) break;
                back.push_back(
                    {std::string((*entry)->name), to_bytes((*entry)->key), to_bytes((*entry)->value)});
            }
            CHECK(back == records);
            CHECK((*reader)->digest() == *digest);
            CHECK((*reader)->entries() == records.size());
        }
    }
}

TEST_CASE("a sink that fails ends the writing with its error, and gets no further bytes") {
    for (const int fails_at : {0, 1, 5}) {
        int calls = 0;
        SnapshotWriter writer(1, {Compression::fast, 2, 512}, [&](BytesView) -> Status {
            if (calls++ == fails_at)
                return fail(ErrorCode::io, "cannot write", "out", "No space left on device");
            return {};
        });
        Status status;
        for (int i = 0; i < 100'000 && status; ++i)
            status = writer.add("Account", Bytes(20, 1), Bytes(100, 2));
        const auto digest = writer.finish();
        REQUIRE_FALSE(digest);
        CHECK(digest.error().why == "No space left on device");
        CHECK(calls == fails_at + 1);
    }
}

TEST_CASE("keys and values over the format's limits are refused before they are written") {
    SnapshotWriter writer(1, {}, [](BytesView) -> Status { return {}; });
    const auto refused = [&](const std::string& name, const Bytes& key) {
        const Status added = writer.add(name, key, {});
        REQUIRE_FALSE(added);
        CHECK(added.error().code == ErrorCode::bad_data);  // a second try would fail too
        return added.error().why;
    };
    CHECK(refused("Account", Bytes(64 * 1024 + 1)) ==
          "a key of 65537 bytes, and the format takes at most 65536");
    CHECK(refused("", {}) == "its namespace has no name");
    CHECK(refused(std::string(256, 'n'), {}) == "its namespace of 256 bytes, and the format takes at most 255");
}
