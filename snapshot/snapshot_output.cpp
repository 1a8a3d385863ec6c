// SPDX-License-Identifier: Apache-2.0
#include "snapshot/snapshot_output.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "snapshot/file_digest.hpp"
#include "snapshot/folder_lock.hpp"
#include "snapshot/older_snapshots.hpp"
#include "snapshot/publication.hpp"
#include "snapshot/reader.hpp"

namespace ioswarm::snapshot {
namespace {

/// After this many bytes the observer is called, and the stop token and the time are checked.
constexpr std::uint64_t kProgressBytes = std::size_t{64} * 1024 * 1024;
constexpr auto kDigestWait = std::chrono::milliseconds(100);
/// Another job holds the folder's lock only while it renames and deletes a few files.
constexpr auto kFolderWait = std::chrono::seconds(30);

/// The uncompressed size that the member's trailer states: its last four bytes (RFC 1952).
std::size_t raw_size_of_member(BytesView member) {
    std::size_t size = 0;
    for (std::size_t i = 1; i <= 4; ++i)
        size = size << 8 | member[member.size() - i];
    return size;
}

}  // namespace

SnapshotOutput::SnapshotOutput(std::string_view job, const OutputOptions& options,
                               const ExportObserver& observer, std::stop_token stop)
    : job_(job),
      options_(options),
      observer_(observer),
      stop_(std::move(stop)),
      threads_(options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency())) {
    report_.started = std::chrono::system_clock::now();
}

Status SnapshotOutput::open(const std::vector<JobInput>& inputs) {
    inputs_ = inputs;
    IOSWARM_DO(check_output_place(options_.output, inputs));
    IOSWARM_TRY(auto lock, OutputLock::take(options_.output));
    lock_.emplace(std::move(lock));
    IOSWARM_TRY(auto file, AtomicFile::create(options_.output));
    file_.emplace(std::move(file));
    // A folder that cannot have links is noticed before the work. The real link is made at its end.
    IOSWARM_DO(AtomicLink::create(options_.output, "not-finished"));
    return {};
}

Status SnapshotOutput::begin(std::uint64_t height) {
    report_.height = height;
    writer_.emplace(height, ParallelGzip::Settings{options_.compression, threads_}, [this](BytesView member) {
        members_.push_back({file_->bytes_written(), member.size(), raw_size_of_member(member)});
        return file_->write(member);
    });
    return {};
}

void SnapshotOutput::begin_namespace(std::string_view name) {
    report_.namespaces.emplace_back(name, NamespaceStats{});
}

Status SnapshotOutput::add(BytesView key, BytesView value) {
    auto& [name, stats] = report_.namespaces.back();
    IOSWARM_DO(writer_->add(name, key, value));
    ++stats.entries;
    stats.key_bytes += key.size();
    stats.value_bytes += value.size();
    due_ = ++report_.entries % kCheckEntries == 0;
    return {};
}

Status SnapshotOutput::progress(ExportProgress::Phase phase, std::string_view name, double fraction) {
    IOSWARM_DO(check_limits());
    if (writer_ && writer_->raw_bytes() >= told_ + kProgressBytes) {
        told_ = writer_->raw_bytes();
        tell(phase, name, fraction);
    }
    return {};
}

void SnapshotOutput::tell(ExportProgress::Phase phase, std::string_view name, double fraction) {
    if (!observer_) return;
    if (writer_) report_.raw_bytes = writer_->raw_bytes();
    observer_({phase, name, report_.entries, report_.raw_bytes, fraction});
}

Status SnapshotOutput::end() {
    IOSWARM_DO(check_limits());
    IOSWARM_TRY(auto digest, writer_->finish());
    report_.payload_sha256 = digest;
    report_.raw_bytes = writer_->raw_bytes();
    writer_.reset();  // reading back does not need its threads and blocks
    report_.file_bytes = file_->bytes_written();
    return {};
}

Result<ExportReport> SnapshotOutput::publish() {
    IOSWARM_DO(read_back(file_->temporary_path()));
    report_.finished = std::chrono::system_clock::now();
    IOSWARM_DO(rename_all());
    report_.elapsed = Clock::now() - start_;
    tell(ExportProgress::Phase::done, {}, 1);
    return std::move(report_);
}

Status SnapshotOutput::rename_all() {
    IOSWARM_TRY(auto publication, Publication::prepare(options_.output, report_));
    IOSWARM_TRY(const auto lock, FolderLock::take(folder_of(options_.output), {at_most(kFolderWait), stop_}));
    IOSWARM_DO(check_replaceable(options_.output, publication.immutable_files(), inputs_));
    IOSWARM_DO(publication.commit(*file_, lock));
    report_.immutable = publication.immutable();
    report_.described = publication.is_described();
    delete_older();
    return {};
}

/// The new snapshot is in place, so that a failure here is no failure of the job.
void SnapshotOutput::delete_older() {
    if (options_.keep != 0) {
        auto deleted = delete_older_snapshots(options_.output, options_.keep);
        if (deleted)
            report_.deleted = *std::move(deleted);
        else
            report_.not_deleted = deleted.error().text();
    }
    report_.stored = immutable_names_of(options_.output).size();
}

SnapshotKind ExportReport::kind() const {
    std::vector<std::string_view> names;
    for (const auto& [name, stats] : namespaces)
        names.emplace_back(name);
    return kind_of(names);
}

std::chrono::milliseconds SnapshotOutput::at_most(std::chrono::milliseconds wait) const {
    if (options_.timeout.count() == 0) return wait;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(start_ + options_.timeout - Clock::now());
    return std::clamp(left, std::chrono::milliseconds(0), wait);
}

Status SnapshotOutput::check_limits() const {
    if (stop_.stop_requested()) {
        return fail(ErrorCode::cancelled, fmt::format("{} stopped", job_), options_.output, "a signal came",
                    "nothing was changed");
    }
    if (options_.timeout.count() != 0 && Clock::now() > start_ + options_.timeout) {
        return fail(ErrorCode::timed_out, fmt::format("{} stopped", job_), options_.output,
                    fmt::format("it took longer than {}", go_duration(options_.timeout)),
                    "nothing was changed; --timeout gives it longer");
    }
    return {};
}

/// Reads the written file as an agent will, except that several threads inflate its members.
Status SnapshotOutput::read_back(const std::string& path) {
    told_ = 0;
    tell(ExportProgress::Phase::verifying, {}, 0);
    FileDigest file_digest(path);
    IOSWARM_TRY(auto stream, MemberStream::open(path, std::move(members_), threads_));
    IOSWARM_TRY(auto reader, SnapshotReader::open(path, std::move(stream)));
    for (;;) {
        IOSWARM_TRY(auto entry, reader->next());
        if (!entry) break;
        if (reader->entries() % kCheckEntries != 0) continue;
        IOSWARM_DO(check_limits());
        if (reader->raw_bytes() >= told_ + kProgressBytes) {
            told_ = reader->raw_bytes();
            tell(ExportProgress::Phase::verifying, {},
                 static_cast<double>(told_) /
                     static_cast<double>(std::max<std::uint64_t>(report_.raw_bytes, 1)));
        }
    }
    if (reader->digest() != report_.payload_sha256 || reader->entries() != report_.entries ||
        reader->height() != report_.height) {
        return fail(ErrorCode::data_loss, "the snapshot reads back differently from what was written", path,
                    "the disk or the memory is faulty", "nothing was changed; check the machine");
    }
    while (!file_digest.wait_for(kDigestWait)) {
        IOSWARM_DO(check_limits());
    }
    IOSWARM_TRY(auto digest, file_digest.get());
    report_.file_sha256 = digest;
    return check_limits();
}

double key_fraction(BytesView key) noexcept {
    double fraction = 0;
    double weight = 1.0 / 256;
    for (const std::uint8_t byte : key.first(std::min<std::size_t>(key.size(), 3))) {
        fraction += byte * weight;
        weight /= 256;
    }
    return fraction;
}

}  // namespace ioswarm::snapshot
