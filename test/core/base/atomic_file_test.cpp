// SPDX-License-Identifier: Apache-2.0
#include "core/base/atomic_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <catch2/catch.hpp>

#include "test/support/temp_dir.hpp"

using namespace ioswarm;
namespace fs = std::filesystem;

TEST_CASE("a committed file is complete, has its mode, and no temporary file remains") {
    const test::TempDir dir;
    REQUIRE(write_file_atomically(dir.path("a"), as_bytes("content"), 0600));
    CHECK(read_file(dir.path("a"), 100) == "content");
    struct stat info {};
    REQUIRE(::stat(dir.path("a").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    CHECK(std::distance(fs::directory_iterator(dir.path("")), {}) == 1);
}

TEST_CASE("a file that was not committed leaves the old file and nothing else") {
    const test::TempDir dir;
    REQUIRE(write_file_atomically(dir.path("a"), as_bytes("old")));
    {
        auto file = AtomicFile::create(dir.path("a"));
        REQUIRE(file);
        REQUIRE(file->write(as_bytes("half of the n")));
    }
    CHECK(read_file(dir.path("a"), 100) == "old");
    CHECK(std::distance(fs::directory_iterator(dir.path("")), {}) == 1);
}

TEST_CASE("a temporary file that a killed writer left is overwritten, and no link is followed") {
    const test::TempDir dir;
    REQUIRE(write_file_atomically(dir.path("victim"), as_bytes("untouched")));
    REQUIRE(::symlink(dir.path("victim").c_str(), dir.path(".a.part").c_str()) == 0);
    REQUIRE(write_file_atomically(dir.path("a"), as_bytes("new")));
    CHECK(read_file(dir.path("victim"), 100) == "untouched");
    CHECK(read_file(dir.path("a"), 100) == "new");
}

TEST_CASE("reading is limited in size, and an error names the missing file or folder") {
    const test::TempDir dir;
    REQUIRE(write_file_atomically(dir.path("a"), as_bytes("12345")));
    CHECK(read_file(dir.path("a"), 4).error().code == ErrorCode::resource_exhausted);
    CHECK(read_file(dir.path("b"), 4).error().code == ErrorCode::not_found);
    CHECK(read_file(dir.path("b"), 4).error().text().find(dir.path("b")) != std::string::npos);
    CHECK(write_file_atomically(dir.path("no/such"), {}).error().code == ErrorCode::not_found);
}

TEST_CASE("reading a pipe is refused at once instead of blocking") {
    const test::TempDir dir;
    REQUIRE(::mkfifo(dir.path("pipe").c_str(), 0600) == 0);
    CHECK(read_file(dir.path("pipe"), 100).error().code == ErrorCode::bad_data);
    CHECK(read_file(dir.path(""), 100).error().code == ErrorCode::bad_data);
}
