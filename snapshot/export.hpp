// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "snapshot/snapshot_output.hpp"

namespace ioswarm::snapshot {

struct ExportOptions : OutputOptions {
    std::string source;  ///< trie.db: a BoltDB file or a PebbleDB directory
    std::vector<std::string> namespaces{"Account", "Code", "Contract"};
    bool allow_missing = false;  ///< a missing namespace is left out and is no error
    bool live = false;           ///< PebbleDB: read while the node is running
    /// BoltDB: read a copy that shares the file's blocks, while the node is running.
    bool reflink_copy = false;
    std::chrono::milliseconds lock_timeout{10'000};
};

/// Reads the state and publishes a snapshot of it (snapshot_output.hpp). The lock on the source is released as
/// soon as its last byte was read. Errors: those of open_state() and of SnapshotOutput; bad_data (the source is
/// damaged, or a namespace is missing).
[[nodiscard]] Result<ExportReport> export_snapshot(const ExportOptions& options, const ExportObserver& observer,
                                                   std::stop_token stop);

}  // namespace ioswarm::snapshot
