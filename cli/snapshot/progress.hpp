// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/progress_line.hpp"
#include "snapshot/snapshot_output.hpp"

namespace ioswarm::cli {

/// Shows the progress while a snapshot is made.
class SnapshotProgress {
  public:
    explicit SnapshotProgress(ProgressLine line) : line_(std::move(line)) {}

    void show(const snapshot::ExportProgress& progress);

  private:
    ProgressLine line_;
    snapshot::ExportProgress::Phase phase_ = snapshot::ExportProgress::Phase::reading;
};

}  // namespace ioswarm::cli
