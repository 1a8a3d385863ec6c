// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "snapshot/diff_log.hpp"
#include "snapshot/snapshot_output.hpp"

namespace ioswarm::snapshot {

struct RollOptions : OutputOptions {
    std::string base;                                   ///< a snapshot; may be the output itself
    std::string diffs;                                  ///< path of the log, which the output must not be
    std::uint64_t to = 0;                               ///< height of the new snapshot; 0 = the log's tip
    std::vector<std::string> namespaces;                ///< of the base that are kept; empty = all
    std::size_t memory_bytes = std::size_t{256} << 20;  ///< for the diffs; beyond it they go to a file
};

struct RollReport {
    ExportReport made;
    std::uint64_t base_height = 0;
    std::uint64_t diffs = 0;
    std::uint64_t writes = 0;  ///< in them, of the namespaces that are kept
    /// Namespaces that the diffs write to and the base does not hold, in order.
    std::vector<std::string> left_out;
};

/// Brings a snapshot up to the height of a log of diffs without the node's state: the diffs behind the base's
/// height are folded to the last write of each key, and merged into the base while it is read once. The base's
/// namespaces, their order and the order of keys stay. Every digest, of the diffs and of the base, is checked
/// before anything is published. The lock of the log is dropped when its last diff was read. Errors: those of
/// SnapshotReader, DiffLog, DiffFold and SnapshotOutput; usage (`to` is not above the base), try_again (the log
/// holds nothing behind the base yet), failed_precondition (heights are missing between the two; the log ends
/// before `to`), bad_data (the base is out of order or lacks a namespace asked for; the diffs name another
/// height than their own in Account/currentHeight).
[[nodiscard]] Result<RollReport> roll_snapshot(const RollOptions& options, DiffLog& log,
                                               const ExportObserver& observer, std::stop_token stop);

}  // namespace ioswarm::snapshot
