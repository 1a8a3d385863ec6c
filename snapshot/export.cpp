// SPDX-License-Identifier: Apache-2.0
#include "snapshot/export.hpp"

#include <algorithm>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/atomic_file.hpp"
#include "core/base/text.hpp"
#include "core/crypto/keccak.hpp"
#include "core/crypto/sha256.hpp"
#include "snapshot/output_lock.hpp"
#include "snapshot/reader.hpp"
#include "snapshot/reflink.hpp"
#include "snapshot/state_database.hpp"

namespace ioswarm::snapshot {
namespace {

using Clock = std::chrono::steady_clock;

/// How often the observer is told, and the stop token and the deadline are looked at.
constexpr std::uint64_t kProgressBytes = 64 * 1024 * 1024;
constexpr std::uint64_t kCheckEntries = 4096;

/// Ends an export from outside: a signal, or its own time-out.
class Limits {
  public:
    Limits(const ExportOptions& options, std::stop_token stop) : options_(options), stop_(std::move(stop)) {}

    [[nodiscard]] Status check() const {
        if (stop_.stop_requested()) {
            return fail(ErrorCode::cancelled, "export stopped", options_.output, "a signal came",
                        "nothing was changed");
        }
        if (options_.timeout.count() != 0 && Clock::now() > start_ + options_.timeout) {
            return fail(ErrorCode::timed_out, "export stopped", options_.output,
                        fmt::format("it took longer than {}", go_duration(options_.timeout)),
                        "nothing was changed; --timeout gives it longer");
        }
        return {};
    }
    [[nodiscard]] std::chrono::nanoseconds elapsed() const { return Clock::now() - start_; }

  private:
    const ExportOptions& options_;
    const std::stop_token stop_;
    const Clock::time_point start_ = Clock::now();
};

/// Keys are hashes and come in order, so their first bytes tell how much of a namespace is done.
double key_fraction(BytesView key) noexcept {
    double fraction = 0;
    double weight = 1.0 / 256;
    for (const std::uint8_t byte : key.first(std::min<std::size_t>(key.size(), 3))) {
        fraction += byte * weight;
        weight /= 256;
    }
    return fraction;
}

/// A contract's code stands under its own hash, the one content of a BoltDB file that can be proven. A
/// namespace in which no key at all is its value's hash was not made by a node, and there is nothing to prove.
class CodeProof {
  public:
    [[nodiscard]] Status check(BytesView key, BytesView value, const std::string& source) {
        if (key.size() == Hash256::kSize && keccak256(value) == *Hash256::from(key)) {
            proven_ = true;
        } else if (!unproven_) {
            unproven_ = to_bytes(key);
        }
        if (!proven_ || !unproven_) return {};
        return fail(ErrorCode::bad_data, "corrupt state", source,
                    fmt::format("the code under {} has another hash", to_hex(*unproven_)),
                    "take a new copy of trie.db while the node is stopped");
    }

  private:
    bool proven_ = false;
    std::optional<Bytes> unproven_;
};

class Export {
  public:
    Export(const ExportOptions& options, const ExportObserver& observer, std::stop_token stop)
        : options_(options), observer_(observer), limits_(options, std::move(stop)) {}

    Result<ExportReport> run() {
        auto lock = OutputLock::take(options_.output);
        if (!lock) return fail(lock.error());
        auto file = AtomicFile::create(options_.output);
        if (!file) return fail(file.error());
        if (auto read = read_state(*file); !read) return fail(read.error());
        if (auto verified = verify(file->temporary_path()); !verified) return fail(verified.error());
        if (auto committed = file->commit(); !committed) return fail(committed.error());
        report_.elapsed = limits_.elapsed();
        if (auto written = write_companions(options_.output, report_); !written) return fail(written.error());
        tell(ExportProgress::Phase::done, {}, 1);
        return std::move(report_);
    }

  private:
    void tell(ExportProgress::Phase phase, std::string_view name, double fraction) {
        if (observer_) observer_({phase, name, report_.entries, report_.raw_bytes, fraction});
    }

    Status read_state(AtomicFile& file) {
        std::optional<ReflinkCopy> copy;
        if (options_.reflink_copy) {
            auto made = ReflinkCopy::of(options_.source);
            if (!made) return fail(made.error());
            copy.emplace(std::move(*made));
        }
        auto database =
            open_state(copy ? copy->path() : options_.source, {options_.lock_timeout, options_.live});
        if (!database) return fail(database.error());
        auto height = read_height(**database);
        if (!height) return fail(height.error());
        report_.height = height->height;
        report_.big_endian_height = height->big_endian;
        report_.source_kind = (*database)->kind();

        Sha256 file_hash;
        const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
        SnapshotWriter writer(report_.height,
                              {options_.compression, options_.threads == 0 ? cores : options_.threads},
                              [&](BytesView bytes) {
                                  file_hash.update(bytes);
                                  return file.write(bytes);
                              });
        for (std::size_t i = 0; i < options_.namespaces.size(); ++i) {
            if (auto read = read_namespace(**database, i, writer); !read) return read;
        }
        (*database)->release_lock();
        auto digest = writer.finish();
        if (!digest) return fail(digest.error());
        report_.payload_sha256 = *digest;
        report_.raw_bytes = writer.raw_bytes();
        report_.file_sha256 = file_hash.finish();
        report_.file_bytes = file.bytes_written();
        return {};
    }

    Status read_namespace(StateDatabase& database, std::size_t index, SnapshotWriter& writer) {
        const std::string& name = options_.namespaces[index];
        auto cursor = database.open_namespace(name);
        if (!cursor) {
            if (cursor.error().code != ErrorCode::not_found) return fail(cursor.error());
            if (!options_.allow_missing) {
                // Not "not found", which is a file that is not there: the state lacks what it must have.
                Error missing = cursor.error();
                missing.code = ErrorCode::bad_data;
                return fail(std::move(missing));
            }
            report_.missing.push_back(name);
            return {};
        }
        tell(ExportProgress::Phase::reading, name,
             static_cast<double>(index) / static_cast<double>(options_.namespaces.size()));
        NamespaceStats stats;
        const bool is_code = name == "Code";
        CodeProof proof;
        for (EntryView entry; (*cursor)->next(entry);) {
            if (is_code) {
                if (auto proven = proof.check(entry.key, entry.value, options_.source); !proven) return proven;
            }
            if (auto added = writer.add(name, entry.key, entry.value); !added) return added;
            ++stats.entries;
            stats.key_bytes += entry.key.size();
            stats.value_bytes += entry.value.size();
            ++report_.entries;
            if (stats.entries % kCheckEntries == 0) {
                if (auto go_on = limits_.check(); !go_on) return go_on;
                if (writer.raw_bytes() >= told_ + kProgressBytes) {
                    told_ = report_.raw_bytes = writer.raw_bytes();
                    const double done = static_cast<double>(index) + key_fraction(entry.key);
                    tell(ExportProgress::Phase::reading, name,
                         done / static_cast<double>(options_.namespaces.size()));
                }
            }
        }
        if (!(*cursor)->status()) return (*cursor)->status();
        report_.namespaces.emplace_back(name, stats);
        return limits_.check();
    }

    /// Reads back what was written, as an agent will.
    Status verify(const std::string& path) {
        told_ = 0;
        tell(ExportProgress::Phase::verifying, {}, 0);
        auto reader = SnapshotReader::open(path);
        if (!reader) return fail(reader.error());
        for (;;) {
            auto entry = (*reader)->next();
            if (!entry) return fail(entry.error());
            if (!*entry) break;
            if ((*reader)->entries() % kCheckEntries != 0) continue;
            if (auto go_on = limits_.check(); !go_on) return go_on;
            if ((*reader)->raw_bytes() >= told_ + kProgressBytes) {
                told_ = (*reader)->raw_bytes();
                tell(ExportProgress::Phase::verifying, {},
                     static_cast<double>(told_) /
                         static_cast<double>(std::max<std::uint64_t>(report_.raw_bytes, 1)));
            }
        }
        if ((*reader)->digest() != report_.payload_sha256 || (*reader)->entries() != report_.entries ||
            (*reader)->height() != report_.height) {
            return fail(ErrorCode::data_loss, "the snapshot reads back differently from what was written", path,
                        "the disk or the memory is faulty", "nothing was changed; check the machine");
        }
        return limits_.check();
    }

    const ExportOptions& options_;
    const ExportObserver& observer_;
    const Limits limits_;
    ExportReport report_;
    std::uint64_t told_ = 0;
};

}  // namespace

Result<ExportReport> export_snapshot(const ExportOptions& options, const ExportObserver& observer,
                                     std::stop_token stop) {
    return Export(options, observer, std::move(stop)).run();
}

Status write_companions(const std::string& output, const ExportReport& report) {
    const std::size_t name_at = output.rfind('/') + 1;  // npos + 1 = 0
    const std::string folder = output.substr(0, name_at);
    const std::string name = output.substr(name_at);
    nlohmann::ordered_json namespaces = nlohmann::ordered_json::object();
    for (const auto& [ns, stats] : report.namespaces) {
        namespaces[ns] = {
            {"entries", stats.entries}, {"key_bytes", stats.key_bytes}, {"value_bytes", stats.value_bytes}};
    }
    const nlohmann::ordered_json meta = {
        {"file", name},
        {"height", report.height},
        {"bytes", report.file_bytes},
        {"sha256", to_hex(report.file_sha256.view())},
        {"payload_bytes", report.raw_bytes},
        {"payload_sha256", to_hex(report.payload_sha256.view())},
        {"entries", report.entries},
        {"namespaces", namespaces},
        {"time", rfc3339(std::chrono::system_clock::now())},
        {"version", IOSWARM_VERSION},
    };
    const std::string sum = to_hex(report.file_sha256.view()) + "  " + name + "\n";
    if (auto written = write_file_atomically(output + ".sha256", as_bytes(sum)); !written) return written;
    return write_file_atomically(folder + "snapshot-meta.json", as_bytes(meta.dump(2) + "\n"));
}

}  // namespace ioswarm::snapshot
