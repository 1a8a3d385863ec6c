// SPDX-License-Identifier: Apache-2.0
// Reads while a writer does what a node does: it writes batches into a log, flushes, runs compactions that
// rewrite and delete tables, and starts new MANIFESTs. The writer is killed at any moment.

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <new>
#include <thread>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "snapshot/open_state.hpp"
#include "snapshot/store/state_database.hpp"
#include "test/support/pebble_writer.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kKeys = 97;
constexpr std::uint64_t kBatchesPerFlush = 40;
constexpr std::uint64_t kFlushesPerCompaction = 3;
constexpr std::uint64_t kCompactionsPerManifest = 2;

using Entries = std::map<std::string, std::string>;

/// The key that the block at `height` changes. Earlier blocks changed other keys in the same way.
std::string key_of(std::uint64_t height) {
    return fmt::format("key {:03}", height % kKeys);
}
bool deletes(std::uint64_t height) {
    return height % 7 == 0;
}
std::string value_of(std::uint64_t height) {
    return fmt::format("{} ", height) + std::string(static_cast<std::size_t>(height * 31 % 700), 'x');
}
Entries state_at(std::uint64_t height) {
    Entries out;
    for (std::uint64_t h = height < kKeys ? 1 : height - kKeys + 1; h <= height; ++h) {
        if (!deletes(h)) out[key_of(h)] = value_of(h);
    }
    out["currentHeight"] = std::to_string(height);
    return out;
}

/// Shared between the writer and the reader.
struct Progress {
    std::atomic<std::uint64_t> begun = 0;      ///< height of the batch that is being written
    std::atomic<std::uint64_t> committed = 0;  ///< height of the last batch that is completely in the log
    std::atomic<std::uint64_t> compactions = 0;
    std::atomic<std::uint64_t> manifests = 0;
};

class Writer {
  public:
    Writer(std::string directory, Progress& progress) : directory_(std::move(directory)), progress_(progress) {
        new_manifest();
        new_log();
        test::pebble_marker(directory_, "format-version", 1, "014");
    }

    [[noreturn]] void run() {
        for (std::uint64_t height = 1;; ++height) {
            progress_.begun = height;
            write(height);
            progress_.committed = height;
            if (height % kBatchesPerFlush == 0) flush();
            // A node syncs each batch. Without a pause no reader could see the same MANIFEST twice.
            ::usleep(200);
        }
    }

  private:
    struct Version {
        std::uint64_t sequence = 0;
        bool deleted = false;
        std::string value;
    };
    using Versions = std::map<std::string, Version>;
    struct LiveTable {
        test::PebbleTable facts;
        Versions content;
    };

    void write(std::uint64_t height) {
        std::vector<test::PebbleOp> ops;
        const auto op = [&](const std::string& key, bool deleted, const std::string& value) {
            memtable_[key] = {sequence_ + ops.size(), deleted, value};
            ops.push_back({static_cast<std::uint8_t>(deleted ? 0 : 1),
                           test::pebble_key("Account", as_bytes(key)), to_bytes(as_bytes(value))});
        };
        op(key_of(height), deletes(height), value_of(height));
        op("currentHeight", false, std::to_string(height));
        log_->add(test::pebble_batch(sequence_, ops));
        sequence_ += ops.size();
    }

    LiveTable make_table(std::uint32_t level, const Versions& content) {
        test::PebbleTableWriter table(directory_, next_file_++, level, {});
        for (const auto& [key, version] : content)
            table.add(test::pebble_key("Account", as_bytes(key)), version.sequence, version.deleted ? 0 : 1,
                      as_bytes(version.value));
        return {table.finish(), content};
    }

    /// Works as a node does: later batches go into a new log, then the table is made, then the MANIFEST names
    /// it, then the old log is deleted.
    void flush() {
        const std::uint64_t old_log = log_number_;
        log_->close();
        new_log();
        tables_.push_back(make_table(0, memtable_));
        test::PebbleEdit edit;
        edit.log_number = log_number_;
        edit.next_file = next_file_;
        edit.last_sequence = sequence_ - 1;
        edit.added = {tables_.back().facts};
        manifest_->add(test::pebble_edit(edit));
        flushed_sequence_ = sequence_ - 1;
        flushed_log_ = log_number_;
        memtable_.clear();
        fs::remove(log_path(old_log));
        if (tables_.size() > kFlushesPerCompaction) compact();
    }

    void compact() {
        Versions merged;
        test::PebbleEdit edit;
        for (const LiveTable& table : tables_) {  // oldest first
            for (const auto& [key, version] : table.content)
                merged[key] = version;
            edit.removed.emplace_back(table.facts.level, table.facts.number);
        }
        std::erase_if(merged, [](const auto& entry) { return entry.second.deleted; });
        const std::vector<LiveTable> old = std::exchange(tables_, {make_table(6, merged)});
        edit.next_file = next_file_;
        edit.added = {tables_.front().facts};
        manifest_->add(test::pebble_edit(edit));
        for (const LiveTable& table : old)
            fs::remove(fmt::format("{}/{:06}.sst", directory_, table.facts.number));
        if (++progress_.compactions % kCompactionsPerManifest == 0) new_manifest();
    }

    void new_manifest() {
        const std::uint64_t old = manifest_number_;
        manifest_number_ = next_file_++;
        const std::string name = fmt::format("MANIFEST-{:06}", manifest_number_);
        manifest_ = std::make_unique<test::PebbleLogWriter>(directory_ + "/" + name, std::nullopt);
        test::PebbleEdit edit;
        edit.first = true;
        edit.next_file = next_file_;
        edit.last_sequence = flushed_sequence_;
        if (flushed_log_ != 0) edit.log_number = flushed_log_;
        for (const LiveTable& table : tables_)
            edit.added.push_back(table.facts);
        manifest_->add(test::pebble_edit(edit));
        test::pebble_marker(directory_, "manifest", ++markers_, name);
        if (old != 0) fs::remove(fmt::format("{}/MANIFEST-{:06}", directory_, old));
        ++progress_.manifests;
    }

    void new_log() {
        log_number_ = next_file_++;
        log_ = std::make_unique<test::PebbleLogWriter>(log_path(log_number_), log_number_);
    }
    [[nodiscard]] std::string log_path(std::uint64_t number) const {
        return fmt::format("{}/{:06}.log", directory_, number);
    }

    const std::string directory_;
    Progress& progress_;
    std::uint64_t next_file_ = 2;
    std::uint64_t sequence_ = 10;
    std::uint64_t flushed_sequence_ = 0;
    std::uint64_t flushed_log_ = 0;
    std::uint64_t markers_ = 0;
    std::uint64_t manifest_number_ = 0;
    std::uint64_t log_number_ = 0;
    std::unique_ptr<test::PebbleLogWriter> manifest_;
    std::unique_ptr<test::PebbleLogWriter> log_;
    Versions memtable_;
    std::vector<LiveTable> tables_;  // oldest first
};

Result<Entries> read(const std::string& path, bool live) {
    auto database = open_state(path, {30'000ms, live});
    if (!database) return fail(database.error());
    auto cursor = (*database)->open_namespace("Account");
    if (!cursor) return fail(cursor.error());
    Entries out;
    for (EntryView entry; (*cursor)->next(entry);)
        out.emplace(as_text(entry.key), as_text(entry.value));
    if (!(*cursor)->status()) return fail((*cursor)->status().error());
    return out;
}

/// Checks that it is the state of one height, not below `least` and not above `most`.
void check_state(const Result<Entries>& got, std::uint64_t least, std::uint64_t most) {
    if (!got) FAIL(got.error().text());
    REQUIRE(got->contains("currentHeight"));
    const std::uint64_t height = std::stoull(got->at("currentHeight"));
    CHECK(height >= least);
    CHECK(height <= most);
    CHECK((*got == state_at(height)));
}

}  // namespace

TEST_CASE("with --live the state is one that the writer committed, whatever it does, even if it is killed") {
    void* shared = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    for (int round = 0; round < 12; ++round) {
        auto* progress = new (shared) Progress;
        const test::TempDir dir;
        const std::string path = dir.path("trie.db");
        fs::create_directory(path);
        const pid_t writer = ::fork();
        if (writer == 0) Writer(path, *progress).run();
        while (progress->committed == 0)
            ::usleep(100);
        // Read until the writer has done everything it can do. The kill comes at another moment in each round.
        for (int reads = 0; reads < 10 + round || progress->manifests < 3; ++reads) {
            const std::uint64_t least = progress->committed;
            const auto got = read(path, true);
            check_state(got, least, progress->begun);
        }
        ::kill(writer, SIGKILL);
        REQUIRE(::waitpid(writer, nullptr, 0) == writer);
        check_state(read(path, true), progress->committed, progress->begun);
        check_state(read(path, false), progress->committed, progress->begun);
    }
    ::munmap(shared, sizeof(Progress));
}

TEST_CASE("with --live a log that was inconsistent when it was read is read again") {
    const test::TempDir dir;
    const std::string path = dir.path("trie.db");
    fs::create_directory(path);
    const std::string log = path + "/000007.log";
    test::pebble_directory(path, {}, 0);
    {
        test::PebbleLogWriter writer(log, 7);
        for (std::uint64_t i = 0; i < 3; ++i)
            writer.add(test::pebble_batch(10 + i, {{1, test::pebble_key("Account", as_bytes(std::to_string(i))),
                                                    to_bytes(as_bytes("value"))}}));
    }
    // Restore a byte of the first record as it was before the writer overwrote it, while two records of the
    // writer already follow.
    const int fd = ::open(log.c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(fd >= 0);
    std::uint8_t byte = 0;
    REQUIRE(::pread(fd, &byte, 1, 20) == 1);
    const auto stale = static_cast<std::uint8_t>(~byte);
    REQUIRE(::pwrite(fd, &stale, 1, 20) == 1);
    REQUIRE_FALSE(open_state(path, {0ms, true}));
    const int watch = ::inotify_init1(IN_CLOEXEC);
    REQUIRE(::inotify_add_watch(watch, log.c_str(), IN_CLOSE_NOWRITE) >= 0);
    std::thread writer([&] {
        pollfd read{watch, POLLIN, 0};
        [[maybe_unused]] const int seen = ::poll(&read, 1, 60'000);
        [[maybe_unused]] const auto mended = ::pwrite(fd, &byte, 1, 20);
    });
    const auto got = read(path, true);
    writer.join();
    ::close(watch);
    ::close(fd);
    if (!got) FAIL(got.error().text());
    CHECK(got->size() == 3);
}

TEST_CASE("with --live a directory is listed again when OPTIONS vanished, as when a node restarts") {
    const test::TempDir dir;
    const std::string path = dir.path("trie.db");
    fs::create_directory(path);
    test::pebble_directory(path, {}, 0);
    {
        test::PebbleLogWriter writer(path + "/000007.log", 7);
        writer.add(test::pebble_batch(10, {{1, test::pebble_key("Account", as_bytes("key")), Bytes{1}}}));
    }
    // Listed, but missing.
    fs::create_symlink("nowhere", path + "/OPTIONS-000009");
    CHECK(open_state(path, {0ms, true}).error().code == ErrorCode::try_again);
    const int watch = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    REQUIRE(::inotify_add_watch(watch, path.c_str(), IN_OPEN | IN_ONLYDIR) >= 0);
    std::atomic<bool> over = false;
    std::thread node([&] {
        // When the directory is listed a second time, the reader has noticed that OPTIONS is missing.
        int listings = 0;
        while (!over && listings < 2) {
            pollfd opened{watch, POLLIN, 0};
            (void)::poll(&opened, 1, 20);
            alignas(inotify_event) char events[4096];
            const ssize_t got = ::read(watch, events, sizeof events);
            for (ssize_t at = 0; at < got;) {
                const auto* event = reinterpret_cast<const inotify_event*>(events + at);
                if ((event->mask & IN_ISDIR) != 0) ++listings;
                at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
            }
        }
        fs::remove(path + "/OPTIONS-000009");
    });
    const auto got = read(path, true);
    over = true;
    node.join();
    ::close(watch);
    if (!got) FAIL(got.error().text());
    CHECK(got->size() == 1);
}

TEST_CASE("with --live a missing directory, and one that is not a database, are reported at once") {
    const test::TempDir dir;
    fs::create_directory(dir.path("empty"));
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(open_state(dir.path("empty"), {24h, true}));
    CHECK(std::chrono::steady_clock::now() - begin < 1h);
}
