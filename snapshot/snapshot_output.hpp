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
#include "snapshot/output_lock.hpp"
#include "snapshot/output_place.hpp"
#include "snapshot/writer.hpp"

namespace ioswarm::snapshot {

/// How often whoever reads entries looks at the stop token and the time, in entries.
inline constexpr std::uint64_t kCheckEntries = 4096;

/// How a snapshot is made, wherever its entries come from.
struct OutputOptions {
    std::string output;  ///< the file to make; its folder also gets snapshot-meta.json and OUTPUT.sha256
    Compression compression = Compression::standard;
    unsigned threads = 0;                                         ///< that compress and inflate; 0 = one a core
    std::chrono::milliseconds timeout{std::chrono::minutes(30)};  ///< of the whole job; 0 = none
};

/// Where a job stands; given to the observer about every 64 MiB and at each phase.
struct ExportProgress {
    enum class Phase { folding, reading, verifying, done };
    Phase phase = Phase::reading;
    std::string_view name;  ///< namespace being read
    std::uint64_t entries = 0;
    std::uint64_t raw_bytes = 0;  ///< uncompressed
    double fraction = 0;          ///< of the phase, 0..1; keys are hashes, so a key tells about how far it is
};
using ExportObserver = std::function<void(const ExportProgress&)>;

/// What was made; the same facts stand in snapshot-meta.json.
struct ExportReport {
    std::uint64_t height = 0;
    bool big_endian_height = false;
    std::string source_kind;
    std::vector<std::pair<std::string, NamespaceStats>> namespaces;
    std::vector<std::string> missing;   ///< asked for and not there; also in `namespaces`, with 0 entries
    std::vector<std::string> warnings;  ///< of the source (StateDatabase::warnings)
    std::uint64_t entries = 0;
    std::uint64_t file_bytes = 0;
    std::uint64_t raw_bytes = 0;
    Hash256 file_sha256;
    Hash256 payload_sha256;  ///< the digest in the trailer
    std::chrono::nanoseconds elapsed{};
    std::optional<ChainIdentity> chain;  ///< nothing when the sources do not say
};

/// The one way from entries to a published snapshot: written beside its final name under a lock, read back
/// whole, renamed into place with its two companions. Whatever happens, what stood under the output's name
/// before stays until a verified file replaces it. One thread calls it, in the order open, begin,
/// (begin_namespace, add…)…, finish. Errors of all: cancelled (`stop`), timed_out, io (disk full).
class SnapshotOutput {
  public:
    /// `job` names the work in messages: "export". `options` and `observer` must outlive the object.
    SnapshotOutput(std::string_view job, const OutputOptions& options, const ExportObserver& observer,
                   std::stop_token stop);

    /// `inputs`: all that the job reads. Errors: those of check_output_place(); try_again: another job makes
    /// the same file.
    [[nodiscard]] Status open(const std::vector<JobInput>& inputs);
    [[nodiscard]] Status begin(std::uint64_t height);
    void begin_namespace(std::string_view name);
    /// An entry of the namespace begun last.
    [[nodiscard]] Status add(BytesView key, BytesView value);
    /// True now and then: the caller then says how far it is.
    [[nodiscard]] bool is_due() const noexcept { return due_; }
    /// Looks at the stop token and the time, and tells the observer when enough was done since it heard last.
    [[nodiscard]] Status progress(ExportProgress::Phase phase, std::string_view name, double fraction);
    /// Tells the observer at once.
    void tell(ExportProgress::Phase phase, std::string_view name, double fraction);
    /// Ends the stream: no entries come any more.
    [[nodiscard]] Status end();
    /// Reads back and publishes. Error data_loss: it reads back differently. The report's fields on the source
    /// are what `report()` was given.
    [[nodiscard]] Result<ExportReport> publish();

    [[nodiscard]] const std::stop_token& stop() const noexcept { return stop_; }
    /// `wait`, or what is left of the job's time when that is less.
    [[nodiscard]] std::chrono::milliseconds at_most(std::chrono::milliseconds wait) const;
    [[nodiscard]] ExportReport& report() noexcept { return report_; }
    [[nodiscard]] const ExportReport& report() const noexcept { return report_; }

  private:
    using Clock = std::chrono::steady_clock;
    [[nodiscard]] Status check_limits() const;
    [[nodiscard]] Status read_back(const std::string& path);

    const std::string_view job_;
    const OutputOptions& options_;
    const ExportObserver& observer_;
    const std::stop_token stop_;
    const Clock::time_point start_ = Clock::now();
    std::optional<OutputLock> lock_;
    std::optional<AtomicFile> file_;  // after lock_: gone before it
    const unsigned threads_;
    std::vector<MemberPlace> members_;      // of the file, as they were written
    std::optional<SnapshotWriter> writer_;  // after file_, which it writes to
    ExportReport report_;
    std::uint64_t told_ = 0;
    bool due_ = false;
};

/// Keys are hashes and come in order, so their first bytes tell how much of a namespace is done: 0..1.
[[nodiscard]] double key_fraction(BytesView key) noexcept;

}  // namespace ioswarm::snapshot
