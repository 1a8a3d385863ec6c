// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/atomic_file.hpp"
#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/chain_identity.hpp"
#include "snapshot/gzip/gzip.hpp"
#include "snapshot/gzip/member_stream.hpp"
#include "snapshot/immutable_name.hpp"
#include "snapshot/output_lock.hpp"
#include "snapshot/output_place.hpp"
#include "snapshot/writer.hpp"

namespace ioswarm::snapshot {

/// Readers of entries check the stop token and the time once per this many entries.
inline constexpr std::uint64_t kCheckEntries = 4096;

/// The options for making a snapshot, whatever the source of its entries.
struct OutputOptions {
    /// The fixed name of the snapshot. Publication (publication.hpp) tells what else its folder gets.
    std::string output;
    /// How many snapshots of this output stay, the new one included; older ones are deleted. 0: all stay.
    std::size_t keep = 0;
    Compression compression = Compression::standard;
    unsigned threads = 0;  ///< threads that compress and inflate; 0: one per core
    std::chrono::milliseconds timeout{std::chrono::minutes(30)};  ///< limit for the whole job; 0: no limit
};

/// The progress of a job. The observer gets it about every 64 MiB and at each phase.
struct ExportProgress {
    enum class Phase { folding, reading, verifying, done };
    Phase phase = Phase::reading;
    std::string_view name;  ///< the namespace that is being read
    std::uint64_t entries = 0;
    std::uint64_t raw_bytes = 0;  ///< uncompressed
    /// Progress of the phase, 0..1. Keys are hashes, so a key shows about how much is done.
    double fraction = 0;
};
using ExportObserver = std::function<void(const ExportProgress&)>;

/// The facts about a finished snapshot. snapshot-meta.json has them too.
struct ExportReport {
    std::uint64_t height = 0;
    bool big_endian_height = false;
    std::string source_kind;
    std::vector<std::pair<std::string, NamespaceStats>> namespaces;
    std::vector<std::string> missing;   ///< asked for, but not there; also in `namespaces`, with 0 entries
    std::vector<std::string> warnings;  ///< warnings about the source (StateDatabase::warnings)
    std::uint64_t entries = 0;
    std::uint64_t file_bytes = 0;
    std::uint64_t raw_bytes = 0;
    Hash256 file_sha256;
    Hash256 payload_sha256;  ///< the digest in the trailer
    std::chrono::nanoseconds elapsed{};
    std::optional<ChainIdentity> chain;  ///< nothing when the sources do not say it
    std::chrono::system_clock::time_point started;
    std::chrono::system_clock::time_point finished;  ///< when it was read back and found good
    std::string immutable;                           ///< path of the file that the output is a link to
    bool described = false;                          ///< snapshot-meta.json describes it
    std::vector<std::string> deleted;                ///< older snapshots that OutputOptions::keep ended
    std::string not_deleted;                         ///< why an older snapshot could not be deleted
    std::size_t stored = 0;                          ///< how many snapshots of this output there are now

    [[nodiscard]] SnapshotKind kind() const;
};

/// The only way to turn entries into a published snapshot. The file is written beside its final name under a
/// lock, completely read back, and renamed together with its companions. Whatever happens, the output's name
/// stays that of the previous file until a verified file replaces it. One thread calls it, in the order
/// open, begin, (begin_namespace, add…)…, end, publish. Errors of all calls: cancelled (`stop`), timed_out, io
/// (disk full).
class SnapshotOutput {
  public:
    /// `job` is the name of the work in messages, such as "export". `options` and `observer` must outlive this
    /// object.
    SnapshotOutput(std::string_view job, const OutputOptions& options, const ExportObserver& observer,
                   std::stop_token stop);

    /// `inputs` is everything that the job reads. Errors: those of check_output_place(); try_again: another job
    /// is making the same file.
    [[nodiscard]] Status open(const std::vector<JobInput>& inputs);
    [[nodiscard]] Status begin(std::uint64_t height);
    void begin_namespace(std::string_view name);
    /// Adds an entry to the namespace that was begun last.
    [[nodiscard]] Status add(BytesView key, BytesView value);
    /// True now and then. The caller must then call progress().
    [[nodiscard]] bool is_due() const noexcept { return due_; }
    /// Checks the stop token and the time. Calls the observer if enough was done since the last call.
    [[nodiscard]] Status progress(ExportProgress::Phase phase, std::string_view name, double fraction);
    /// Calls the observer at once.
    void tell(ExportProgress::Phase phase, std::string_view name, double fraction);
    /// Ends the stream. Add no entries after this.
    [[nodiscard]] Status end();
    /// Reads the file back and publishes it. Error data_loss: it reads back differently. The report's fields
    /// about the source are those that were set through report().
    [[nodiscard]] Result<ExportReport> publish();

    [[nodiscard]] const std::stop_token& stop() const noexcept { return stop_; }
    /// The smaller of `wait` and the rest of the job's time.
    [[nodiscard]] std::chrono::milliseconds at_most(std::chrono::milliseconds wait) const;
    [[nodiscard]] ExportReport& report() noexcept { return report_; }
    [[nodiscard]] const ExportReport& report() const noexcept { return report_; }

  private:
    using Clock = std::chrono::steady_clock;
    [[nodiscard]] Status check_limits() const;
    [[nodiscard]] Status read_back(const std::string& path);
    [[nodiscard]] Status rename_all();
    void delete_older();

    const std::string_view job_;
    const OutputOptions& options_;
    const ExportObserver& observer_;
    const std::stop_token stop_;
    const Clock::time_point start_ = Clock::now();
    std::vector<JobInput> inputs_;
    std::optional<OutputLock> lock_;
    std::optional<AtomicFile> file_;  // declared after lock_, so that it is destroyed first
    const unsigned threads_;
    std::vector<MemberPlace> members_;      // the members of the file, as they were written
    std::optional<SnapshotWriter> writer_;  // declared after file_, because it writes to it
    ExportReport report_;
    std::uint64_t told_ = 0;
    bool due_ = false;
};

/// The part of a namespace that is done, 0..1. Keys are hashes in ascending order, so the first bytes of a key
/// show it.
[[nodiscard]] double key_fraction(BytesView key) noexcept;

}  // namespace ioswarm::snapshot
