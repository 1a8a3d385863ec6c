// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/agent_list.hpp"

#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using Catch::Matchers::Contains;

namespace {
namespace list_edits {

constexpr const char* kText = "# ours\n\none  # the first\r\n  two\ntest-*\n";

ListEdit adding(const std::string& path, const std::string& id, const std::string& create_for = {}) {
    return {path, create_for, [id](AgentList& list) { return list.add(id); }};
}

mode_t mode_of(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

}  // namespace list_edits
}  // namespace

TEST_CASE("adding an entry does not change any other line", "[agents]") {
    AgentList list(list_edits::kText);
    CHECK(list.has("one"));
    CHECK(list.has("two"));
    CHECK_FALSE(list.has("ours"));
    CHECK(list.text() == list_edits::kText);
    CHECK_FALSE(list.add("two"));
    CHECK(list.add("three"));
    CHECK(list.text() == std::string(list_edits::kText) + "three\n");
    CHECK(AgentList("no line feed").text() == "no line feed\n");
    CHECK(AgentList("").text().empty());
}

TEST_CASE("removing an entry leaves its comment", "[agents]") {
    AgentList list(list_edits::kText);
    CHECK(list.remove("two"));
    CHECK(list.remove("one"));
    CHECK_FALSE(list.remove("one"));
    CHECK(list.text() == "# ours\n\n# one  # the first\r\ntest-*\n");
}

TEST_CASE("all patterns that match an id are found", "[agents]") {
    const AgentList list("test-*\n*-1 # ones\nother\n");
    CHECK(list.patterns_for("test-1") == std::vector<std::string>{"test-*", "*-1"});
    CHECK(list.patterns_for("other").empty());
}

TEST_CASE("an entry that a list cannot contain is refused", "[agents]") {
    CHECK(check_list_entry("bot-1"));
    CHECK(check_list_entry("bot-*"));
    for (const std::string entry : {"", "two words", "line\nfeed", "a#b"}) {
        CAPTURE(entry);
        const Status checked = check_list_entry(entry);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code == ErrorCode::usage);
    }
    CHECK_FALSE(check_list_entry(std::string(129, 'x')));
}

TEST_CASE("an edit keeps comments and mode, and writes nothing when nothing changes", "[agents]") {
    const test::TempDir dir;
    const std::string path = dir.write("revoked", list_edits::kText);
    REQUIRE(::chmod(path.c_str(), 0640) == 0);
    CHECK(edit_list(list_edits::adding(path, "three")).value());
    CHECK(dir.read("revoked") == std::string(list_edits::kText) + "three\n");
    CHECK(list_edits::mode_of(path) == 0640);
    struct stat before {};
    REQUIRE(::stat(path.c_str(), &before) == 0);
    CHECK_FALSE(edit_list(list_edits::adding(path, "three")).value());
    struct stat after {};
    REQUIRE(::stat(path.c_str(), &after) == 0);
    CHECK(before.st_ino == after.st_ino);
    CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
}

TEST_CASE("an edit follows a link, which remains a link", "[agents]") {
    const test::TempDir dir;
    std::filesystem::create_directory(dir.path("real"));
    (void)dir.write("real/list", "one\n");
    std::filesystem::create_symlink("real/list", dir.path("revoked"));
    CHECK(edit_list(list_edits::adding(dir.path("revoked"), "two")).value());
    CHECK(dir.read("real/list") == "one\ntwo\n");
    CHECK(std::filesystem::is_symlink(dir.path("revoked")));

    std::filesystem::create_symlink("absent", dir.path("dangling"));
    const auto refused = edit_list(list_edits::adding(dir.path("dangling"), "two", dir.path()));
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().text(), Contains("it is a link to a file that does not exist"));
}

TEST_CASE("a missing list is created only on request, and only its owner may read it", "[agents]") {
    const test::TempDir dir;
    const std::string path = dir.path("revoked");
    const auto refused = edit_list(list_edits::adding(path, "one"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::not_found);
    CHECK(edit_list(list_edits::adding(path, "one", dir.path())).value());
    CHECK(dir.read("revoked") == "one\n");
    CHECK(list_edits::mode_of(path) == 0600);
}

TEST_CASE("a list that cannot be written is not changed, and the error names it", "[agents]") {
    const test::TempDir dir;
    std::filesystem::create_directory(dir.path("folder"));
    const auto not_a_file = edit_list(list_edits::adding(dir.path("folder"), "one"));
    REQUIRE_FALSE(not_a_file);
    CHECK_THAT(not_a_file.error().text(), Contains(dir.path("folder")));
    if (::geteuid() == 0) return;  // root may write everywhere
    (void)dir.write("folder/list", "one\n");
    REQUIRE(::chmod(dir.path("folder").c_str(), 0500) == 0);
    const auto denied = edit_list(list_edits::adding(dir.path("folder/list"), "two"));
    REQUIRE(::chmod(dir.path("folder").c_str(), 0700) == 0);
    REQUIRE_FALSE(denied);
    CHECK(denied.error().code == ErrorCode::permission_denied);
    CHECK(dir.read("folder/list") == "one\n");
}
