// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <iosfwd>

#include "snapshot/export.hpp"

namespace ioswarm::cli {

/// Shows where an export stands: on a terminal one line that is written over, with rate and time left;
/// elsewhere a line a minute, so that cron mails nothing for a short export.
class SnapshotProgress {
  public:
    enum class Mode { silent, terminal, log };
    SnapshotProgress(std::ostream& out, Mode mode) : out_(out), mode_(mode) {}

    void show(const snapshot::ExportProgress& progress);

  private:
    using Clock = std::chrono::steady_clock;

    std::ostream& out_;
    const Mode mode_;
    snapshot::ExportProgress::Phase phase_ = snapshot::ExportProgress::Phase::reading;
    Clock::time_point phase_start_ = Clock::now();
    Clock::time_point shown_ = Clock::now();
    bool line_open_ = false;
};

/// "209.4 MB", in powers of ten as disks are sold.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

}  // namespace ioswarm::cli
