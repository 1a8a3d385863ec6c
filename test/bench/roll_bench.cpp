// SPDX-License-Identifier: Apache-2.0
// `snapshot roll` and `diffs import`, figures without a goal. The base is made up and has IOSWARM_BENCH_BYTES
// (default 1 GB) of entries. There are IOSWARM_BENCH_DIFFS (default 10,000) diffs of 200 entries, three
// quarters of them for keys of the base. Each job runs in its own process, so that its time and memory can be
// measured. Runs in IOSWARM_BENCH_DIR, by default /var/tmp.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/base/atomic_file.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "snapshot/diff_import.hpp"
#include "snapshot/open_diffs.hpp"
#include "snapshot/roll.hpp"
#include "test/bench/goal.hpp"
#include "test/support/bolt_writer.hpp"
#include "test/support/reference_diffs.hpp"
#include "test/support/state_entries.hpp"

namespace ioswarm {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr std::uint64_t kEntriesPerDiff = 200;
constexpr std::size_t kSampledKeys = 300'000;
constexpr double kMB = 1e6;

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "roll_bench: %s\n", what.c_str());
    std::exit(1);
}

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Key {
    std::string_view name;
    Bytes key;
};

/// Writes the base and returns a sample of its keys, spread evenly over all keys.
std::vector<Key> make_base(const std::string& path, std::uint64_t bytes) {
    auto file = AtomicFile::create(path);
    if (!file) die(file.error().text());
    std::vector<Key> keys;
    {
        snapshot::SnapshotWriter writer(test::kMadeUpHeight, {snapshot::Compression::standard, 2},
                                        [&](BytesView part) { return file->write(part); });
        const std::uint64_t every = std::max<std::uint64_t>(bytes / 130 / kSampledKeys, 1);
        for (const std::string_view name : test::kStateNamespaces) {
            test::state_entries(name, bytes, 1, [&](BytesView key, BytesView value) {
                if (auto added = writer.add(name, key, value); !added) die(added.error().text());
                if (name != "Code" && writer.entries() % every == 0) keys.push_back({name, to_bytes(key)});
            });
        }
        if (auto finished = writer.finish(); !finished) die(finished.error().text());
    }
    if (auto committed = file->commit(); !committed) die(committed.error().text());
    return keys;
}

void make_diffs(const std::string& path, const std::vector<Key>& keys, std::uint64_t count) {
    std::mt19937_64 random(7);
    const auto bytes = [&](std::size_t size) {
        Bytes out(size);
        for (std::uint8_t& byte : out)
            byte = static_cast<std::uint8_t>(random());
        return out;
    };
    test::BoltWriter writer(path, {});
    auto bucket = writer.tree();
    for (std::uint64_t height = test::kMadeUpHeight + 1; height <= test::kMadeUpHeight + count; ++height) {
        std::vector<StateDiffEntry> entries;
        while (entries.size() < kEntriesPerDiff) {
            StateDiffEntry entry;
            const Key& known = keys[random() % keys.size()];
            const bool is_new = random() % 4 == 0;
            entry.ns = is_new ? "Contract" : std::string(known.name);
            entry.key = is_new ? bytes(32) : known.key;
            entry.write_type = !is_new && random() % 3 == 0 ? 1 : 0;
            if (entry.write_type == 0) entry.value = bytes(60 + random() % 100);
            if (entry.ns == "Account" && as_text(entry.key) == "currentHeight") continue;
            entries.push_back(std::move(entry));
        }
        bucket.add(test::height_key(height),
                   test::gzipped(test::reference_json(test::true_diff(height, std::move(entries)))));
    }
    auto root = writer.tree();
    root.add_bucket("diffs", bucket);
    writer.commit(root);
}

/// Runs the job in a child process and prints its time and peak memory.
void measure(const std::string& what, const std::function<Status()>& job) {
    const auto start = SteadyClock::now();
    const pid_t child = ::fork();
    if (child == 0) {
        const Status done = job();
        if (!done) std::fprintf(stderr, "roll_bench: %s\n", done.error().text().c_str());
        ::_exit(done ? 0 : 1);
    }
    int status = 0;
    rusage usage{};
    if (::wait4(child, &status, 0, &usage) != child || status != 0) die(what + " failed");
    const double seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
    const auto cpu = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    bench::print_figure("roll", what, bench::sample_of({seconds}), "s");
    bench::print_figure("", "  processor", bench::sample_of({cpu(usage.ru_utime) + cpu(usage.ru_stime)}), "s");
    bench::print_figure("", "  most memory",
                        bench::sample_of({static_cast<double>(usage.ru_maxrss) * 1024 / kMB}), "MB");
    std::fflush(stdout);
}

Status roll(const std::string& dir, const std::string& diffs, std::size_t memory) {
    auto log = snapshot::open_diffs(diffs, std::chrono::milliseconds(1000));
    if (!log) return fail(log.error());
    snapshot::RollOptions options;
    options.base = dir + "/base.snap.gz";
    options.output = dir + "/today.snap.gz";
    options.threads = 2;
    options.memory_bytes = memory;
    auto report = snapshot::roll_snapshot(options, **log, {}, {});
    if (!report) return fail(report.error());
    return {};
}

Status import(const std::string& dir) {
    auto source = snapshot::open_diffs(dir + "/node.db", std::chrono::milliseconds(1000));
    if (!source) return fail(source.error());
    auto log = SqliteDiffStore::open(dir + "/log.db");
    if (!log) return fail(log.error());
    auto report = snapshot::import_diffs(**source, std::shared_ptr<DiffStore>(std::move(*log)), {}, {}, {});
    if (!report) return fail(report.error());
    return {};
}

}  // namespace
}  // namespace ioswarm

int main() {
    using namespace ioswarm;
    const char* folder = std::getenv("IOSWARM_BENCH_DIR");
    std::string dir = std::string(folder == nullptr ? "/var/tmp" : folder) + "/roll-bench-XXXXXX";
    if (::mkdtemp(dir.data()) == nullptr) die("cannot make a folder in " + dir);
    const std::uint64_t diffs = setting("IOSWARM_BENCH_DIFFS", 10'000);
    const auto keys = make_base(dir + "/base.snap.gz", setting("IOSWARM_BENCH_BYTES", 1'000'000'000));
    make_diffs(dir + "/node.db", keys, diffs);
    const auto megabytes = [&](const char* name) {
        return static_cast<double>(fs::file_size(dir + name)) / kMB;
    };
    bench::print_figure("roll", "base, compressed", bench::sample_of({megabytes("/base.snap.gz")}), "MB");
    bench::print_figure("roll", "the node's store", bench::sample_of({megabytes("/node.db")}), "MB");
    measure("diffs import", [&] { return import(dir); });
    bench::print_figure("roll", "our log of the same", bench::sample_of({megabytes("/log.db")}), "MB");
    measure("snapshot roll, the node's store",
            [&] { return roll(dir, dir + "/node.db", std::size_t{256} << 20); });
    measure("snapshot roll, our log", [&] { return roll(dir, dir + "/log.db", std::size_t{256} << 20); });
    measure("snapshot roll, our log, 16 MiB for the diffs",
            [&] { return roll(dir, dir + "/log.db", std::size_t{16} << 20); });
    fs::remove_all(dir);
    return 0;
}
