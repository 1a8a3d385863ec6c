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
    std::string base;      ///< a snapshot; may be the output itself
    std::string diffs;     ///< path of the log, which the output must not be
    std::uint64_t to = 0;  ///< height of the new snapshot; 0 = the log's tip
    /// That are kept, also those of which the base holds nothing; empty = all that the base has.
    std::vector<std::string> namespaces;
    bool allow_missing = false;  ///< Account or Code may be left out (RollReport::left_out)
    std::size_t memory_bytes = std::size_t{256} << 20;  ///< for the diffs; beyond it they go to a file
};

struct RollReport {
    ExportReport made;
    std::uint64_t base_height = 0;
    std::uint64_t diffs = 0;
    std::uint64_t writes = 0;  ///< in them, of the namespaces that are kept
    /// Namespaces that the diffs write to and the result does not hold, because the base was made without them,
    /// in order. Contract is left out of most snapshots on purpose.
    std::vector<std::string> left_out;
};

/// Brings a snapshot up to the height of a log of diffs without the node's state: the diffs behind the base's
/// height are folded to the last write of each key, and merged into the base while it is read once. The base's
/// namespaces, their order and the order of keys stay.
///
/// A snapshot cannot name a namespace that holds nothing. Such a namespace is kept, and filled by the diffs,
/// when the description beside the base lists it with 0 entries, or when it was asked for and no description
/// says that the base was made without it. The description counts when its height, size and digest are those of
/// the base.
///
/// Every digest, of the diffs and of the base, is checked before anything is published. The lock of the log is
/// dropped when its last diff was read. Errors: those of SnapshotReader, DiffLog, DiffFold and SnapshotOutput;
/// usage (`to` is not above the base), try_again (the log holds nothing behind the base yet),
/// failed_precondition (heights are missing between the two; the log ends before `to`), bad_data (the base is
/// out of order; it was made without a namespace asked for; Account or Code would be left out and
/// `allow_missing` is not set; the description does not fit the base; the diffs name another height than their
/// own in Account/currentHeight).
[[nodiscard]] Result<RollReport> roll_snapshot(const RollOptions& options, DiffLog& log,
                                               const ExportObserver& observer, std::stop_token stop);

}  // namespace ioswarm::snapshot
