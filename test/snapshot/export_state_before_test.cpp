// SPDX-License-Identifier: Apache-2.0
// A BoltDB file keeps the previous state until the next commit. When the newest state is damaged, the error
// says whether the previous one is intact.
#include <fcntl.h>
#include <unistd.h>

#include <array>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "snapshot/export.hpp"
#include "test/support/bolt_writer.hpp"
#include "test/support/reference_diffs.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint64_t kPage = 4096;

void commit_state(test::BoltWriter& writer, std::uint64_t height) {
    auto root = writer.tree();
    auto accounts = writer.tree();
    for (std::uint64_t i = 0; i < 1000; ++i)
        accounts.add(test::height_key(i), Bytes(20, static_cast<std::uint8_t>(height)));
    accounts.add("currentHeight", test::height_value(height));
    root.add_bucket("Account", accounts);
    writer.commit(root);
}

/// Two states in one file: the meta page 0 describes the older one, the meta page 1 the newer one.
struct TwoStates {
    const test::TempDir dir;
    const std::string path = dir.path("trie.db");
    std::uint64_t newer_begins_at = 0;  // page number

    TwoStates() {
        std::array<std::uint8_t, kPage> meta{};
        test::BoltWriter writer(path, {});
        commit_state(writer, 41);
        const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        REQUIRE(::pread(fd, meta.data(), meta.size(), 0) == kPage);
        for (int i = 7; i >= 0; --i)
            newer_begins_at = newer_begins_at << 8 | meta[static_cast<std::size_t>(16 + 40 + i)];
        commit_state(writer, 42);
        REQUIRE(::pwrite(fd, meta.data(), meta.size(), 0) == kPage);
        ::close(fd);
    }

    void damage(std::uint64_t page) const {
        const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        const std::array<std::uint8_t, 4> wrong{0xff, 0xff, 0xff, 0xff};
        REQUIRE(::pwrite(fd, wrong.data(), wrong.size(), static_cast<off_t>(page * kPage + 8)) == 4);
        ::close(fd);
    }

    [[nodiscard]] Result<ExportReport> make() const {
        ExportOptions options;
        options.source = path;
        options.output = dir.path("x.gz");
        options.namespaces = {"Account"};
        options.lock_timeout = 0ms;
        options.threads = 1;
        return export_snapshot(options, {}, {});
    }
};

}  // namespace

TEST_CASE_METHOD(TwoStates, "the newer of two states is exported") {
    const auto report = make();
    REQUIRE(report);
    CHECK(report->height == 42);
}

TEST_CASE_METHOD(TwoStates,
                 "when the newer state is damaged, the error says that the one before it is intact") {
    damage(newer_begins_at);
    const auto refused = make();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::bad_data);
    CHECK_THAT(refused.error().why, Contains(fmt::format("page {}", newer_begins_at)) &&
                                        Contains("the state before this one, of height 41, is intact"));
    CHECK_THAT(refused.error().hint, Contains("revert-meta-page"));
}

TEST_CASE_METHOD(TwoStates, "when both states are damaged, the error names no intact one") {
    damage(newer_begins_at);
    damage(3);
    const auto refused = make();
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().why, !Contains("intact"));
}

TEST_CASE_METHOD(TwoStates, "a missing namespace is not reported as damage") {
    ExportOptions options;
    options.source = path;
    options.output = dir.path("x.gz");
    options.namespaces = {"Account", "Nowhere"};
    options.lock_timeout = 0ms;
    const auto refused = export_snapshot(options, {}, {});
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().why, !Contains("intact"));
}
