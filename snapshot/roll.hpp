// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "snapshot/snapshot_output.hpp"
#include "snapshot/store/diff_log.hpp"

namespace ioswarm::snapshot {

struct RollOptions : OutputOptions {
    std::string base;      ///< a snapshot; it may be the output itself
    std::string diffs;     ///< path of the log; the output must be another file
    std::uint64_t to = 0;  ///< height of the new snapshot; 0: the log's tip
    /// The namespaces to keep, even if the base has no entry of them. Empty: all that the base has.
    std::vector<std::string> namespaces;
    /// Account or Code may be missing (RollReport::left_out). A name in `namespaces` may also be one that
    /// nobody knows, or one that the base was made without.
    bool allow_missing = false;
    std::size_t memory_bytes = std::size_t{256} << 20;  ///< memory for the diffs; beyond it they go to a file
};

/// What a roll did. `diffs` is the number of diffs above the base.
struct RollReport {
    ExportReport made;
    std::uint64_t base_height = 0;
    std::uint64_t diffs = 0;
    std::uint64_t writes = 0;  ///< writes in these diffs to namespaces that are kept
    /// Namespaces that the diffs write to but that are not in the result, because the base was made without
    /// them; sorted. Most snapshots leave Contract out on purpose.
    std::vector<std::string> left_out;
};

/// Makes a snapshot at a newer height from a base snapshot and a log of diffs, without the node's state. The
/// diffs above the base's height are combined into the last write of each key. These are merged into the base,
/// which is read once. The namespaces of the base, their order and the order of keys stay the same.
///
/// A snapshot cannot name a namespace without entries. Such a namespace is kept, and filled by the diffs, in
/// two cases: the description beside the base lists it with 0 entries, or it was asked for and no description
/// says that the base was made without it. A description with another height or size is ignored, because it
/// belongs to another snapshot. If only its digest differs, that is an error.
///
/// All digests of the diffs and of the base are checked before anything is published. The lock on the log is
/// released when its last diff was read. Errors: those of SnapshotReader, DiffLog, DiffFold and SnapshotOutput;
/// usage (`to` is not above the base), try_again (the log has nothing above the base yet), failed_precondition
/// (heights are missing between the two; the log ends before `to`; the two are of different chains), data_loss
/// (the log lost diffs meanwhile), bad_data (the base is not sorted; it was made without a namespace that was
/// asked for; Account or Code would be left out and `allow_missing` is not set; the description does not fit
/// the base; the diffs have another height in Account/currentHeight than their own).
[[nodiscard]] Result<RollReport> roll_snapshot(const RollOptions& options, DiffLog& log,
                                               const ExportObserver& observer, std::stop_token stop);

}  // namespace ioswarm::snapshot
