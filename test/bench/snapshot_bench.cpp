// SPDX-License-Identifier: Apache-2.0
// P1 to P4: export of a made-up state with IOSWARM_BENCH_BYTES of entries (default 1 GB), from a BoltDB file
// and from a PebbleDB directory. It is compared with the unavoidable work: walking, SHA-256 and deflate at the
// rate that each reaches alone. Exports run in their own processes on two cores. Runs in IOSWARM_BENCH_DIR, by
// default /var/tmp, and needs about three times the bytes.
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/crypto/sha256.hpp"
#include "snapshot/export.hpp"
#include "snapshot/open_state.hpp"
#include "snapshot/reader.hpp"
#include "snapshot/store/state_database.hpp"
#include "test/bench/goal.hpp"
#include "test/support/bolt_writer.hpp"
#include "test/support/pebble_writer.hpp"
#include "test/support/state_entries.hpp"

namespace ioswarm {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;
using snapshot::Compression;

constexpr int kRounds = 3;
constexpr unsigned kCores = 2;
constexpr std::size_t kSampleBytes = 64 * 1024 * 1024;
constexpr std::size_t kBlockBytes = 2 * 1024 * 1024;  // the size of ParallelGzip's members
constexpr double kMB = 1e6;

[[noreturn]] void die(std::string_view what) {
    std::fprintf(stderr, "snapshot_bench: %.*s\n", static_cast<int>(what.size()), what.data());
    std::exit(1);
}

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Bytes per second of wall-clock time and of the process's CPU time.
struct Rate {
    double wall = 0;
    double cpu = 0;
};

template <typename Work>
Rate rate_of(std::uint64_t bytes, const Work& work) {
    const double cpu = cpu_seconds();
    const auto start = SteadyClock::now();
    work();
    const auto size = static_cast<double>(bytes);
    return {size / seconds_since(start), size / (cpu_seconds() - cpu)};
}

// ---- the databases

void make_bolt(const std::string& path, std::uint64_t bytes) {
    // Leaves of 16 MiB are in random order, as in a file that was written to for a while.
    test::BoltWriter writer(path, {.fill = 0.8, .scatter = 4096});
    auto root = writer.tree();
    for (const std::string_view name : test::kStateNamespaces) {
        auto bucket = writer.tree();
        test::state_entries(name, bytes, 1, [&](BytesView key, BytesView value) { bucket.add(key, value); });
        root.add_bucket(name, bucket);
    }
    writer.commit(root);
}

void make_pebble(const std::string& path, std::uint64_t bytes) {
    constexpr std::uint64_t kTableBytes = 128 * 1024 * 1024;
    fs::create_directory(path);
    std::vector<test::PebbleTable> tables;
    std::unique_ptr<test::PebbleTableWriter> table;
    for (const std::string_view name : {"Contract", "Account", "Code"}) {  // in the order of their prefixes
        const Bytes prefix = test::pebble_key(name, {});
        Bytes stored;
        test::state_entries(name, bytes, 1, [&](BytesView key, BytesView value) {
            if (table && table->size() > kTableBytes) {
                tables.push_back(table->finish());
                table.reset();
            }
            if (!table)
                table = std::make_unique<test::PebbleTableWriter>(path, tables.size() + 2, 6,
                                                                  test::PebbleTableWriter::Settings{});
            stored = prefix;
            stored.insert(stored.end(), key.begin(), key.end());
            table->add(stored, 0, 1, value);
        });
    }
    tables.push_back(table->finish());
    test::pebble_directory(path, tables, 0);
}

std::vector<std::string> files_of(const std::string& path) {
    if (!fs::is_directory(path)) return {path};
    std::vector<std::string> files;
    for (const auto& file : fs::directory_iterator(path))
        files.push_back(file.path());
    return files;
}

std::uint64_t size_of(const std::string& path) {
    std::uint64_t size = 0;
    for (const std::string& file : files_of(path))
        size += fs::file_size(file);
    return size;
}

void drop_from_cache(const std::string& path) {
    for (const std::string& file : files_of(path)) {
        const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) die("cannot open " + file);
        ::fdatasync(fd);
        ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        ::close(fd);
    }
}

double sequential_read_seconds(const std::string& path) {
    std::vector<char> buffer(4 * 1024 * 1024);
    const auto start = SteadyClock::now();
    for (const std::string& file : files_of(path)) {
        const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) die("cannot open " + file);
        while (::read(fd, buffer.data(), buffer.size()) > 0) {
        }
        ::close(fd);
    }
    return seconds_since(start);
}

// ---- floors

std::unique_ptr<snapshot::StateDatabase> open_state(const std::string& path) {
    auto database = snapshot::open_state(path, {std::chrono::seconds(1), false});
    if (!database) die(database.error().text());
    return std::move(*database);
}

/// Calls `take` with each entry in the form that it has in a snapshot, without the export's threads.
template <typename Take>
void walk(const std::string& path, const Take& take) {
    const auto database = open_state(path);
    for (const std::string_view name : test::kStateNamespaces) {
        auto cursor = database->open_namespace(name);
        if (!cursor) die(cursor.error().text());
        for (snapshot::EntryView entry; (*cursor)->next(entry);)
            take(name, entry);
        if (!(*cursor)->status()) die((*cursor)->status().error().text());
    }
}

/// Pieces of a member's size, spread evenly over the whole payload. The size under zlib's level 6 and the rates
/// of SHA-256 and deflate are measured on them.
Bytes sample_of(const std::string& snapshot_file, std::uint64_t raw_bytes) {
    const std::uint64_t pieces = std::max<std::uint64_t>(raw_bytes / kBlockBytes, 1);
    const std::uint64_t every = std::max<std::uint64_t>(pieces * kBlockBytes / kSampleBytes, 1);
    auto reader = snapshot::GzipReader::open(snapshot_file);
    if (!reader) die(reader.error().text());
    Bytes sample;
    Bytes piece(kBlockBytes);
    for (std::uint64_t i = 0;; ++i) {
        const auto got = (*reader)->read(piece);
        if (!got) die(got.error().text());
        if (*got == 0) return sample;
        if (i % every == every / 2)
            sample.insert(sample.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got));
    }
}

std::uint64_t zlib6_size(BytesView sample) {
    z_stream stream{};
    if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) die("zlib");
    Bytes out(1024 * 1024);
    stream.next_in = const_cast<std::uint8_t*>(sample.data());
    stream.avail_in = static_cast<uInt>(sample.size());
    do {
        stream.next_out = out.data();
        stream.avail_out = static_cast<uInt>(out.size());
        deflate(&stream, Z_FINISH);
    } while (stream.avail_out == 0);
    const std::uint64_t size = stream.total_out;
    deflateEnd(&stream);
    return size;
}

Rate sha256_rate(BytesView sample) {
    return rate_of(sample.size(), [&] {
        Sha256 hash;
        hash.update(sample);
        (void)hash.finish();
    });
}

struct Deflated {
    Rate rate;
    std::uint64_t bytes = 0;
};

Deflated deflated(BytesView sample, Compression compression) {
    Deflated result;
    snapshot::MemberCompressor compressor(compression);
    Bytes member;
    result.rate = rate_of(sample.size(), [&] {
        for (BytesView rest = sample; !rest.empty();) {
            const BytesView block = rest.first(std::min(rest.size(), kBlockBytes));
            compressor.compress(block, member);
            result.bytes += member.size();
            rest = rest.subspan(block.size());
        }
    });
    return result;
}

/// The rate that two cores could reach if they shared the three kinds of work evenly and did nothing else.
double budget(double walk, double hash, double deflate) {
    return kCores / (1 / walk + 1 / hash + 1 / deflate);
}

// ---- exports, each in a process of its own

struct Exported {
    double write_seconds = 0;  // until the last byte was written
    double total_seconds = 0;  // until the file was read back, synced and renamed
    double write_cpu = 0;      // CPU time of the whole process until the last byte was written
    double rss_bytes = 0;
    double read_bytes = 0;  // see read_bytes_of_process()
    double raw_bytes = 0;
    double file_bytes = 0;
};

/// The bytes that this process read: the larger of those read from the disk and those requested (`rchar`, which
/// includes the cache, so that a page read twice counts twice even if memory is not short).
double read_bytes_of_process() {
    std::ifstream io("/proc/self/io");
    std::string key;
    double value = 0;
    double most = 0;
    while (io >> key >> value) {
        if (key == "read_bytes:" || key == "rchar:") most = std::max(most, value);
    }
    return most;
}

/// Uses the first two of the cores that this process may use, so that `taskset` decides which.
void keep_to_two_cores() {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    cpu_set_t two;
    CPU_ZERO(&two);
    for (std::size_t core = 0; core < CPU_SETSIZE && CPU_COUNT(&two) < static_cast<int>(kCores); ++core) {
        if (CPU_ISSET(core, &allowed)) CPU_SET(core, &two);
    }
    (void)sched_setaffinity(0, sizeof two, &two);
}

/// The child process: exports and prints its figures on standard output.
int export_once(const std::string& source, const std::string& output, const std::string& profile) {
    keep_to_two_cores();
    snapshot::ExportOptions options;
    options.source = source;
    options.output = output;
    options.threads = kCores;
    options.compression = profile == "small" ? Compression::small : Compression::standard;
    Exported done;
    const auto start = SteadyClock::now();
    const auto report =
        snapshot::export_snapshot(options,
                                  [&](const snapshot::ExportProgress& progress) {
                                      using Phase = snapshot::ExportProgress::Phase;
                                      if (progress.phase == Phase::verifying && done.write_seconds == 0) {
                                          done.write_seconds = seconds_since(start);
                                          done.write_cpu = cpu_seconds();
                                          done.read_bytes = read_bytes_of_process();
                                      }
                                  },
                                  {});
    if (!report) die(report.error().text());
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    fmt::print("{} {} {} {} {} {} {}\n", done.write_seconds, seconds_since(start), done.write_cpu,
               static_cast<double>(usage.ru_maxrss) * 1024, done.read_bytes,
               static_cast<double>(report->raw_bytes), static_cast<double>(report->file_bytes));
    return 0;
}

Exported run_export(const std::string& source, const std::string& output, const std::string& profile) {
    int out[2];
    if (::pipe2(out, O_CLOEXEC) != 0) die("pipe");
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(out[1], STDOUT_FILENO);
        ::execl("/proc/self/exe", "snapshot_bench", "export", source.c_str(), output.c_str(), profile.c_str(),
                static_cast<char*>(nullptr));
        ::_exit(1);
    }
    ::close(out[1]);
    std::string line(4096, '\0');
    std::size_t have = 0;
    for (ssize_t got = 0; (got = ::read(out[0], line.data() + have, line.size() - have)) > 0;)
        have += static_cast<std::size_t>(got);
    ::close(out[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    Exported e;
    if (status != 0 ||
        std::sscanf(line.c_str(), "%lf %lf %lf %lf %lf %lf %lf", &e.write_seconds, &e.total_seconds,
                    &e.write_cpu, &e.rss_bytes, &e.read_bytes, &e.raw_bytes, &e.file_bytes) != 7)
        die("an export failed");
    return e;
}

// ---- the goals

struct Profile {
    std::string_view number;
    std::string name;
    Compression compression;
    double size_goal;
    int rounds;
};

void bench_profile(const std::string& kind, const std::string& source, const std::string& output,
                   const Profile& profile, std::vector<double>& rss) {
    run_export(source, output, profile.name);  // warms the cache
    Bytes sample;
    std::vector<double> rate, with_read_back, cpu_rate, floor, cpu_floor, walks, hashes, deflates;
    std::uint64_t deflated_bytes = 0;
    Exported last;
    for (int round = 0; round < profile.rounds; ++round) {
        last = run_export(source, output, profile.name);
        if (sample.empty()) sample = sample_of(output, static_cast<std::uint64_t>(last.raw_bytes));
        const Rate walked = rate_of(static_cast<std::uint64_t>(last.raw_bytes),
                                    [&] { walk(source, [](std::string_view, const snapshot::EntryView&) {}); });
        const Rate hashed = sha256_rate(sample);
        const Deflated one = deflated(sample, profile.compression);
        deflated_bytes = one.bytes;
        rate.push_back(last.raw_bytes / last.write_seconds / kMB);
        with_read_back.push_back(last.raw_bytes / last.total_seconds / kMB);
        cpu_rate.push_back(last.raw_bytes / last.write_cpu / kMB);
        // Walking has its own thread that reads ahead, so only its CPU time counts.
        floor.push_back(budget(walked.cpu, hashed.wall, one.rate.wall) / kMB);
        cpu_floor.push_back(budget(walked.cpu, hashed.cpu, one.rate.cpu) / kCores / kMB);
        walks.push_back(walked.cpu / kMB);
        hashes.push_back(hashed.wall / kMB);
        deflates.push_back(one.rate.wall / kMB);
        rss.push_back(last.rss_bytes / 1048576);
    }
    const auto named = [&](std::string_view what) {
        return fmt::format("{}, {}: {}", kind, profile.name, what);
    };
    const bench::Sample figure = bench::sample_of(rate);
    const bench::Sample budgets = bench::sample_of(floor);
    bench::print_figure(profile.number, named("walk alone, a CPU second"), bench::sample_of(walks), "MB/s");
    bench::print_figure(profile.number, named("SHA-256 alone"), bench::sample_of(hashes), "MB/s");
    bench::print_figure(profile.number, named("deflate alone"), bench::sample_of(deflates), "MB/s");
    bench::print_goal(profile.number, named("export on 2 cores"), figure, "MB/s", budgets,
                      ">= 75% of the budget", figure.median >= 0.75 * budgets.median);
    bench::print_goal(profile.number, named("read back and synced too"), bench::sample_of(with_read_back),
                      "MB/s", budgets, "none", true);
    bench::print_goal(profile.number, named("export, a CPU second"), bench::sample_of(cpu_rate), "MB/s",
                      bench::sample_of(cpu_floor), "none", true);
    const double zlib = static_cast<double>(zlib6_size(sample));
    const double ours = static_cast<double>(deflated_bytes);
    bench::print_goal(profile.number, named(fmt::format("size, sample of {} MB", sample.size() / 1000 / 1000)),
                      {ours / kMB, ours / kMB, ours / kMB}, "MB", {zlib / kMB, zlib / kMB, zlib / kMB},
                      fmt::format("<= {} of zlib -6", profile.size_goal), ours <= profile.size_goal * zlib);
    bench::print_figure(profile.number, named("file"),
                        {last.file_bytes / kMB, last.file_bytes / kMB, last.file_bytes / kMB}, "MB");
}

void bench_cold(const std::string& kind, const std::string& source, const std::string& output) {
    const auto size = static_cast<double>(size_of(source));
    std::vector<double> rate, floor, warm, times_read;
    for (int round = 0; round < kRounds; ++round) {
        drop_from_cache(source);
        floor.push_back(size / sequential_read_seconds(source) / kMB);
        drop_from_cache(source);
        const Exported done = run_export(source, output, "default");
        warm.push_back(size / run_export(source, output, "default").write_seconds / kMB);
        rate.push_back(size / done.write_seconds / kMB);
        times_read.push_back(done.read_bytes / size);
    }
    const bench::Sample read = bench::sample_of(times_read);
    bench::print_goal("P3", kind + ", cold: bytes read / size", read, "x", {1, 1, 1}, "<= 1.05",
                      read.high <= 1.05);
    const bench::Sample figure = bench::sample_of(rate);
    const bench::Sample sequential = bench::sample_of(floor);
    const bench::Sample cached = bench::sample_of(warm);
    const bool as_warm = figure.median >= 0.95 * cached.median;  // the disk does not limit the rate
    bench::print_goal("P3", kind + ", cold: against a sequential read", figure, "MB/s", sequential,
                      ">= 70%, or P1's rate", figure.median >= 0.7 * sequential.median || as_warm);
    bench::print_goal("P3", kind + ", cold: against the same warm", figure, "MB/s", cached, "or the above",
                      as_warm);
}

int bench(const fs::path& dir) {
    const char* wanted = std::getenv("IOSWARM_BENCH_BYTES");
    const std::uint64_t bytes = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1'000'000'000;
    const std::string output = (dir / "out.snap.gz").string();
    for (const std::string kind : {"BoltDB", "PebbleDB"}) {
        const std::string source = (dir / kind).string();
        kind == "BoltDB" ? make_bolt(source, bytes) : make_pebble(source, bytes);
        fmt::print("{}: {:.0f} MB of entries, {:.0f} MB on disk\n", kind, static_cast<double>(bytes) / kMB,
                   static_cast<double>(size_of(source)) / kMB);
        std::vector<double> rss;
        bench_profile(kind, source, output, {"P1", "default", Compression::standard, 1.02, kRounds}, rss);
        bench_profile(kind, source, output, {"P2", "small", Compression::small, 0.99, 1}, rss);
        bench_cold(kind, source, output);
        const bench::Sample memory = bench::sample_of(rss);
        bench::print_goal("P4", kind + ", peak resident", memory, "MiB", {}, "<= 256 MiB", memory.high <= 256);
        std::fflush(stdout);
        fs::remove_all(source);
    }
    return 0;
}

/// The benchmark runs in a child process, so that its folder is removed however it ends.
int supervise() {
    const char* wanted = std::getenv("IOSWARM_BENCH_DIR");
    std::string dir = (fs::path(wanted != nullptr ? wanted : "/var/tmp") / "ioswarm-bench-XXXXXX").string();
    if (mkdtemp(dir.data()) == nullptr) die("cannot make " + dir);
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP})
        sigaddset(&signals, signal);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        sigprocmask(SIG_UNBLOCK, &signals, nullptr);
        ::setpgid(0, 0);
        std::exit(bench(dir));
    }
    ::setpgid(child, child);
    const int signal = sigwaitinfo(&signals, nullptr);
    if (signal != SIGCHLD) ::kill(-child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    std::error_code ignored;
    fs::remove_all(dir, ignored);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace
}  // namespace ioswarm

int main(int argc, char** argv) {
    if (argc == 5 && std::strcmp(argv[1], "export") == 0)
        return ioswarm::export_once(argv[2], argv[3], argv[4]);
    return ioswarm::supervise();
}
