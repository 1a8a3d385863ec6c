// SPDX-License-Identifier: Apache-2.0
// The disk is full at any byte, or it fails to sync, or it stores other bytes than those that were written.
// This program is linked with --wrap=write and --wrap=fsync (CMakeLists.txt), so that its calls of write() and
// fsync() go to the two functions below.
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <filesystem>

#include <catch2/catch.hpp>

#include "core/base/atomic_file.hpp"
#include "snapshot/export.hpp"
#include "test/snapshot/snapshot_facts.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

std::atomic<long long> bytes_left = LLONG_MAX;  // bytes that still fit on the disk
std::atomic<int> syncs_left = INT_MAX;          // later syncs fail
std::atomic<long long> bytes_before_flip = -1;  // after this many bytes one byte is stored wrongly

}  // namespace

extern "C" {
ssize_t __real_write(int fd, const void* data, std::size_t size);
int __real_fsync(int fd);

ssize_t __wrap_write(int fd, const void* data, std::size_t size) {
    const long long flip = bytes_before_flip.load();
    if (flip >= 0) {
        bytes_before_flip -= static_cast<long long>(size);
        if (flip < static_cast<long long>(size)) {
            const auto* bytes = static_cast<const std::uint8_t*>(data);
            Bytes wrong(bytes, bytes + size);
            wrong[static_cast<std::size_t>(flip)] ^= 0x10;
            return __real_write(fd, wrong.data(), size);
        }
    }
    const long long left = bytes_left.load();
    if (left == LLONG_MAX) return __real_write(fd, data, size);
    if (left == 0 && size != 0) {
        errno = ENOSPC;
        return -1;
    }
    // Write as many bytes as still fit, as a real disk does.
    const ssize_t done = __real_write(fd, data, std::min(size, static_cast<std::size_t>(left)));
    if (done > 0) bytes_left -= done;
    return done;
}

int __wrap_fsync(int fd) {
    if (syncs_left.load() == INT_MAX || syncs_left.fetch_sub(1) > 0) return __real_fsync(fd);
    errno = EIO;
    return -1;
}
}

namespace {

const std::string kName = "acctcode.snap.gz";

ExportOptions options_for(const test::TempDir& dir) {
    ExportOptions options;
    options.source = std::string(IOSWARM_TEST_DATA) + "/bolt/trie.db";
    options.output = dir.path(kName);
    options.threads = 2;
    return options;
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& file : fs::directory_iterator(folder))
        names.push_back(file.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

/// The number of bytes that an export writes in all.
long long bytes_of_an_export() {
    const test::TempDir dir;
    REQUIRE(export_snapshot(options_for(dir), {}, {}));
    long long size = 0;
    for (const std::string& name : names_in(dir.path())) {
        if (!fs::is_symlink(dir.path(name))) size += static_cast<long long>(fs::file_size(dir.path(name)));
    }
    return size;
}

}  // namespace

TEST_CASE("if the disk is full at any byte, only the new snapshot is lost, and the old files stay") {
    const long long all = bytes_of_an_export();
    const test::TempDir dir;
    const std::vector<std::string> yesterdays{kName, kName + ".sha256", "snapshot-meta.json"};
    for (const std::string& name : yesterdays)
        dir.write(name, "yesterday's " + name);
    // Take large steps through the snapshot's own bytes, and small ones through those of its companions, which
    // are about the last 2,500.
    constexpr long long kCompanionBytes = 2'500;
    constexpr long long kLargeStep = 100'000;
    constexpr long long kSmallStep = 97;
    std::size_t refused = 0;
    for (long long bytes = 0; bytes < all; bytes += bytes < all - kCompanionBytes ? kLargeStep : kSmallStep) {
        INFO(bytes << " of " << all);
        bytes_left = bytes;
        const auto report = export_snapshot(options_for(dir), {}, {});
        bytes_left = LLONG_MAX;
        REQUIRE_FALSE(report);
        CHECK(report.error().code == ErrorCode::io);
        CHECK_THAT(report.error().text(), Contains("No space left on device"));
        for (const std::string& name : yesterdays)
            CHECK(dir.read(name) == "yesterday's " + name);
        CHECK(names_in(dir.path()).size() == yesterdays.size() + 1);  // plus the lock file
        ++refused;
    }
    CHECK(refused > 10);  // the steps were small enough to stop at many places
    REQUIRE(export_snapshot(options_for(dir), {}, {}));
    CHECK(test::read_snapshot(dir.path(kName)));
}

TEST_CASE("a failed sync of the disk is an error, and the published file is complete") {
    const test::TempDir dir;
    for (int good = 0;; ++good) {
        INFO(good << " good syncs");
        for (const std::string& name : names_in(dir.path()))
            fs::remove(dir.path(name));  // the name may be a link, and must not be written through
        dir.write(kName, "yesterday's");
        syncs_left = good;
        const auto report = export_snapshot(options_for(dir), {}, {});
        syncs_left = INT_MAX;
        if (report) {
            // 5 files (the snapshot, the digest and the description under the immutable name, the link's
            // digest, snapshot-meta.json) and 6 syncs of the directory, one after each rename and one after the
            // link.
            CHECK(good == 11);
            break;
        }
        CHECK(report.error().code == ErrorCode::io);
        constexpr int kSyncsBeforeTheLink =
            6;  // 3 files under the immutable name, and the directory after each
        if (good < kSyncsBeforeTheLink) {
            CHECK(dir.read(kName) == "yesterday's");
            CHECK(names_in(dir.path()) == std::vector<std::string>{"." + kName + ".lock", kName});
        } else {
            CHECK(test::read_snapshot(dir.path(kName)));
        }
        for (const std::string& name : names_in(dir.path()))
            CHECK_FALSE(name.ends_with(".part"));
    }
}

TEST_CASE("a snapshot that is read back differently is not published") {
    const test::TempDir dir;
    REQUIRE(export_snapshot(options_for(dir), {}, {}));
    const auto whole = *test::read_snapshot(dir.path(kName));
    const auto size = static_cast<long long>(fs::file_size(dir.path(kName)));
    std::size_t refused = 0;
    for (long long at = 0; at < size; at += at < 20 ? 1 : size / 60) {
        INFO("byte " << at);
        fs::remove(dir.path(kName));  // it may be a link, and must not be written through
        dir.write(kName, "yesterday's");
        bytes_before_flip = at;
        const auto report = export_snapshot(options_for(dir), {}, {});
        bytes_before_flip = -1;
        if (report) {  // the byte is in a field of gzip's header that does not concern the content
            CHECK(at < 10);
            CHECK(*test::read_snapshot(dir.path(kName)) == whole);
            continue;
        }
        CHECK(report.error().code == ErrorCode::data_loss);
        CHECK(dir.read(kName) == "yesterday's");
        ++refused;
    }
    CHECK(refused > 60);
}
