// SPDX-License-Identifier: Apache-2.0
// The journal of sent transactions: complete, truncated, damaged, and written by others.
#include "contracts/sent_journal.hpp"

#include <filesystem>

#include <catch2/catch.hpp>

#include "test/contracts/sender_world.hpp"

using namespace ioswarm;
using namespace ioswarm::contracts;
using namespace ioswarm::test;
using namespace ioswarm::test::sender_tests;
using Catch::Matchers::Contains;

TEST_CASE("a wallet's journal can be opened by one process only", "[sender]") {
    World w;
    const SentJournal first = w.journal();
    const auto second = SentJournal::open(w.dir.path("sent"), kChainId, w.key.address());
    REQUIRE_FALSE(second);
    CHECK(second.error().code == ErrorCode::try_again);
}

TEST_CASE("a journal cut in its last line can be used, one damaged before that is refused", "[sender]") {
    World w;
    REQUIRE(w.run());
    const std::string name = "sent/4690-" + to_hex0x(w.key.address().view()) + ".jsonl";
    const std::string whole = w.dir.read(name);
    for (std::size_t cut = whole.find('\n') + 1; cut < whole.size(); cut += 37) {
        w.dir.write(name, whole.substr(0, cut));
        const SentJournal journal = w.journal();
        CHECK(journal.entries().size() == 1);
        CHECK(journal.open_entry() != nullptr);
    }
    w.dir.write(name, "x" + whole);
    const auto damaged = SentJournal::open(w.dir.path("sent"), kChainId, w.key.address());
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().code == ErrorCode::data_loss);
}

namespace {

/// A journal with one open transaction, and ways to damage its file.
struct OpenJournal {
    OpenJournal() {
        w.clock.mining = false;
        REQUIRE_FALSE(w.run());
        whole = w.dir.read(name);
    }
    /// Returns the result of opening a journal with this content.
    [[nodiscard]] Result<SentJournal> open(const std::string& text) {
        w.dir.write(name, text);
        return SentJournal::open(w.dir.path("sent"), kChainId, w.key.address());
    }
    [[nodiscard]] bool is_refused(const std::string& text) {
        const auto opened = open(text);
        return !opened && opened.error().code == ErrorCode::data_loss && w.dir.read(name) == text;
    }

    World w;
    std::string name = "sent/4690-" + to_hex0x(w.key.address().view()) + ".jsonl";
    std::string whole;
};

}  // namespace

TEST_CASE(
    "a journal whose complete last line is damaged is refused, because its transaction may have been sent",
    "[sender]") {
    OpenJournal j;
    REQUIRE(j.whole.ends_with('\n'));
    std::string damaged = j.whole;
    damaged[damaged.size() / 2] = '"';
    CHECK(j.is_refused(damaged));
    // After a crash, space that a file system had reserved but never written shows as zeros.
    std::string reserved = j.whole;
    std::fill(reserved.begin() + 100, reserved.end() - 1, '\0');
    CHECK(j.open(reserved).value().entries().empty());
    // An empty line, as some editors leave, is ignored.
    CHECK(j.open(j.whole + "\n").value().open_entry() != nullptr);
}

TEST_CASE("a journal with contradicting lines is refused", "[sender]") {
    OpenJournal j;
    std::string second = j.whole;
    second.replace(second.find("\"id\":1"), 6, "\"id\":2");
    CHECK(j.is_refused(second));            // the first entry is missing
    CHECK(j.is_refused(j.whole + second));  // two entries are open
    std::string other = j.whole;
    other.replace(other.find("\"nonce\":0"), 9, "\"nonce\":7");
    CHECK(j.is_refused(j.whole + other));  // another transaction with the id of an open one
}

TEST_CASE("a transaction that the wallet's key did not sign is neither sent nor signed again", "[sender]") {
    OpenJournal mine;
    World theirs;
    theirs.key = key_from_hex(std::string(64, '8')).value();
    theirs.chain.fund(theirs.key.address(), 10 * kIotx);
    theirs.clock.mining = false;
    SentJournal journal = SentJournal::open(theirs.dir.path("sent"), kChainId, theirs.key.address()).value();
    REQUIRE_FALSE(theirs.run(journal, theirs.order()));
    const std::string foreign =
        theirs.dir.read("sent/4690-" + to_hex0x(theirs.key.address().view()) + ".jsonl");
    CHECK(mine.is_refused(foreign));
    CHECK(mine.open(mine.whole));
}

TEST_CASE("a journal that others may write to is refused, and so is a link in its place", "[sender]") {
    namespace fs = std::filesystem;
    OpenJournal j;
    fs::permissions(j.w.dir.path(j.name), fs::perms::group_write, fs::perm_options::add);
    const auto open = SentJournal::open(j.w.dir.path("sent"), kChainId, j.w.key.address());
    REQUIRE_FALSE(open);
    CHECK(open.error().code == ErrorCode::permission_denied);
    CHECK_THAT(open.error().hint, Contains("chmod 600"));
    fs::permissions(j.w.dir.path(j.name), fs::perms::group_write, fs::perm_options::remove);
    fs::create_directory_symlink(j.w.dir.path("sent"), j.w.dir.path("elsewhere"));
    const auto link = SentJournal::open(j.w.dir.path("elsewhere"), kChainId, j.w.key.address());
    REQUIRE_FALSE(link);
    CHECK(link.error().code == ErrorCode::permission_denied);
}

TEST_CASE("a dry run reads a journal without locking or changing it", "[sender]") {
    OpenJournal j;
    const SentJournal held = j.w.journal();
    j.w.dir.write(j.name, j.whole + "{\"cut");
    const auto seen = SentJournal::peek(j.w.dir.path("sent"), kChainId, j.w.key.address());
    REQUIRE(seen);
    CHECK(seen->size() == 1);
    CHECK(j.w.dir.read(j.name) == j.whole + "{\"cut");
    const auto none = SentJournal::peek(j.w.dir.path("nowhere"), kChainId, j.w.key.address());
    REQUIRE(none);
    CHECK(none->empty());
    CHECK_FALSE(std::filesystem::exists(j.w.dir.path("nowhere")));
}
