// SPDX-License-Identifier: Apache-2.0
#include "snapshot/compare.hpp"

#include <fstream>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "snapshot/writer.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;

namespace comparison {
namespace {

struct Line {
    std::string name;
    std::string key;
    std::string value;
};

std::string write_snapshot(const test::TempDir& dir, const std::string& file, std::uint64_t height,
                           const std::vector<Line>& lines) {
    std::ofstream out(dir.path(file), std::ios::binary);
    SnapshotWriter writer(height, {Compression::fast, 1, 1 << 16}, [&out](BytesView bytes) -> Status {
        out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        return {};
    });
    for (const Line& line : lines)
        REQUIRE(writer.add(line.name, as_bytes(line.key), as_bytes(line.value)));
    REQUIRE(writer.finish());
    return dir.path(file);
}

/// The differences as "sign namespace key", in the order in which they are reported.
std::string differences(const std::string& first, const std::string& second) {
    std::string out;
    const auto compared =
        compare_snapshots(first, second, [&](Difference difference, const SnapshotReader::Entry& entry) {
            out += difference == Difference::only_first    ? '-'
                   : difference == Difference::only_second ? '+'
                                                           : '~';
            out += fmt::format(" {} {}\n", entry.name, as_text(entry.key));
        });
    return compared ? out : compared.error().why;
}

}  // namespace
}  // namespace comparison

TEST_CASE("two snapshots are compared by namespace and key, in the order of the files") {
    using namespace comparison;
    const test::TempDir dir;
    const std::string first =
        write_snapshot(dir, "first", 7,
                       {{"Account", "a", "1"}, {"Account", "b", "1"}, {"Code", "c", "1"}, {"Code", "d", "1"}});
    const std::string second = write_snapshot(
        dir, "second", 9,
        {{"Account", "a", "1"}, {"Account", "ab", "1"}, {"Account", "b", "2"}, {"Code", "d", "1"}});
    CHECK(differences(first, second) == "+ Account ab\n~ Account b\n- Code c\n");
    CHECK(differences(second, first) == "- Account ab\n~ Account b\n+ Code c\n");

    const auto compared = compare_snapshots(first, second, [](Difference, const SnapshotReader::Entry&) {});
    REQUIRE(compared);
    CHECK(compared->height_first == 7);
    CHECK(compared->height_second == 9);
    CHECK(compared->only_first == 1);
    CHECK(compared->only_second == 1);
    CHECK(compared->changed == 1);
    CHECK(compared->equal == 2);
    CHECK_FALSE(compared->is_same());
}

TEST_CASE("snapshots with the same entries are the same, whatever their heights") {
    using namespace comparison;
    const test::TempDir dir;
    const std::vector<Line> lines{{"Account", "a", "1"}, {"Code", "c", ""}};
    const auto compared =
        compare_snapshots(write_snapshot(dir, "first", 7, lines), write_snapshot(dir, "second", 8, lines),
                          [](Difference, const SnapshotReader::Entry&) { FAIL(); });
    REQUIRE(compared);
    CHECK(compared->is_same());
    CHECK(compared->equal == 2);
}

TEST_CASE("a namespace that one file lacks counts as missing entries, wherever it stands") {
    using namespace comparison;
    const test::TempDir dir;
    const std::string some = write_snapshot(dir, "some", 7, {{"Account", "a", "1"}, {"Contract", "z", "1"}});
    const std::string all = write_snapshot(
        dir, "all", 7,
        {{"System", "s", "1"}, {"Account", "a", "1"}, {"Code", "c", "1"}, {"Contract", "z", "1"}});
    CHECK(differences(some, all) == "+ System s\n+ Code c\n");
    CHECK(differences(all, some) == "- System s\n- Code c\n");
}

TEST_CASE("snapshots whose namespaces come in different orders are not compared") {
    using namespace comparison;
    const test::TempDir dir;
    const std::string first = write_snapshot(dir, "first", 7, {{"Account", "a", "1"}, {"Code", "c", "1"}});
    const std::string swapped = write_snapshot(dir, "swapped", 7, {{"Code", "c", "1"}, {"Account", "a", "1"}});
    const std::string mixed =
        write_snapshot(dir, "mixed", 7, {{"Account", "a", "1"}, {"Code", "c", "1"}, {"Account", "b", "1"}});
    CHECK(differences(first, swapped) == "its namespaces come in another order than the first file's");
    CHECK(differences(first, mixed) == "the namespace Account comes in two parts, the second at byte 55");
}
