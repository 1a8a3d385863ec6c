// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot/progress.hpp"

#include <fmt/format.h>

#include "core/base/text.hpp"

namespace ioswarm::cli {

void SnapshotProgress::show(const snapshot::ExportProgress& progress) {
    using Phase = snapshot::ExportProgress::Phase;
    if (progress.phase != phase_) {
        phase_ = progress.phase;
        line_.begin_phase();
    }
    switch (progress.phase) {
        case Phase::folding:
            return line_.show(fmt::format("folding {} diffs", progress.entries), progress.fraction);
        case Phase::reading:
            return line_.show(fmt::format("reading {}: {} entries, {}", escape_for_display(progress.name),
                                          progress.entries, format_bytes(progress.raw_bytes)),
                              progress.fraction, progress.raw_bytes);
        case Phase::verifying:
            return line_.show("verifying", progress.fraction);
        case Phase::done:
            return line_.clear();
    }
}

}  // namespace ioswarm::cli
