// SPDX-License-Identifier: Apache-2.0
#include "core/base/descriptor.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <catch2/catch.hpp>

#include "core/base/atomic_file.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;

namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

Descriptor new_file(const std::string& path) {
    auto file = open_file(path, O_RDWR | O_CREAT, "cannot make", 0600);
    REQUIRE(file);
    return *std::move(file);
}

}  // namespace

TEST_CASE("a descriptor is closed by its last owner, once") {
    const test::TempDir dir;
    int fd = -1;
    {
        Descriptor first = new_file(dir.path("file"));
        fd = first.get();
        Descriptor second(std::move(first));
        CHECK(second.get() == fd);
        Descriptor third;
        CHECK_FALSE(third);
        third = std::move(second);
        CHECK(third);
        CHECK(is_open(fd));
    }
    CHECK_FALSE(is_open(fd));
}

TEST_CASE("a descriptor that was released stays open, one that is replaced is closed") {
    const test::TempDir dir;
    Descriptor file = new_file(dir.path("file"));
    const int fd = file.release();
    CHECK_FALSE(file);
    CHECK(is_open(fd));
    file.reset(fd);
    Descriptor other = new_file(dir.path("other"));
    errno = ENOENT;
    file = std::move(other);
    const int errno_after = errno;
    CHECK_FALSE(is_open(fd));
    CHECK(errno_after == ENOENT);
}

TEST_CASE("a file that cannot be opened is named, with the system's reason") {
    const test::TempDir dir;
    const Error error = open_file(dir.path("none"), kReadOnly, "cannot read").error();
    CHECK(error.code == ErrorCode::not_found);
    CHECK(error.text() == "cannot read: " + dir.path("none") + ": No such file or directory");
}

TEST_CASE("what is written is read back, sequentially and at an offset") {
    const test::TempDir dir;
    const Descriptor file = new_file(dir.path("file"));
    REQUIRE(write_all(file.get(), Bytes{1, 2, 3}, "cannot write", "the file"));
    REQUIRE(write_all(file.get(), Bytes{4}, "cannot write", "the file"));
    REQUIRE(write_at(file.get(), Bytes{9}, 1, "cannot write", "the file"));
    REQUIRE(sync_file(file.get(), "cannot sync", "the file"));
    std::array<std::uint8_t, 8> out{};
    CHECK(read_at(file.get(), out, 0, "cannot read", "the file") == 4U);
    CHECK(Bytes(out.begin(), out.begin() + 4) == Bytes{1, 9, 3, 4});
    CHECK(read_at(file.get(), std::span(out).first(2), 2, "cannot read", "the file") == 2U);
    CHECK(out[0] == 3);
    CHECK(read_at(file.get(), out, 4, "cannot read", "the file") == 0U);
    CHECK(read_some(file.get(), out, "cannot read", "the file") == 0U);  // the position is still at the end
}

TEST_CASE("a failed read or write says what, and of which file") {
    const test::TempDir dir;
    const Descriptor made = new_file(dir.path("file"));
    const auto to_read = open_file(dir.path("file"), kReadOnly, "cannot read");
    REQUIRE(to_read);
    CHECK(write_all(to_read->get(), Bytes{1}, "cannot write", "the file").error().text() ==
          "cannot write: the file: Bad file descriptor");
    CHECK_FALSE(write_at(to_read->get(), Bytes{1}, 0, "cannot write", "the file"));
    std::array<std::uint8_t, 1> out{};
    CHECK_FALSE(read_some(-1, out, "cannot read", "the file"));
    CHECK_FALSE(read_at(-1, out, 0, "cannot read", "the file"));
    CHECK_FALSE(sync_file(-1, "cannot sync", "the file"));
}

TEST_CASE("an event is readable from when it is raised until it is cleared") {
    const Descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    REQUIRE(event);
    std::array<std::uint8_t, 8> count{};
    CHECK(read_some(event.get(), count, "cannot read", "the file").error().code == ErrorCode::try_again);
    raise_event(event.get());
    raise_event(event.get());
    clear_event(event.get());
    CHECK(read_some(event.get(), count, "cannot read", "the file").error().code == ErrorCode::try_again);
}
