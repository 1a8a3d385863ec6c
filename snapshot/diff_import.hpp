// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include "core/base/result.hpp"
#include "core/ports/diff_store.hpp"
#include "snapshot/store/diff_log.hpp"

namespace ioswarm::snapshot {

struct ImportOptions {
    std::uint64_t from = 0;  ///< the lowest height to import; 0: all
    /// The largest number of diffs, and about the largest number of bytes, per commit.
    std::size_t commit_rows = 256;
    std::size_t commit_bytes = std::size_t{8} << 20;
    /// Called once, when everything was checked and the first diffs are about to be appended. An error ends the
    /// import. May be empty.
    std::function<Status()> before_append = {};
};

/// What an import did. The counts are numbers of diffs.
struct ImportReport {
    DiffRange source;
    DiffRange before;  ///< range of the log before the import
    DiffRange after;
    std::uint64_t appended = 0;
    std::uint64_t equal = 0;    ///< in the log already, with the same content
    std::uint64_t too_old = 0;  ///< below the log's floor; nothing can be added in front
};

/// Called with the number of diffs that are done and the number of all diffs.
using ImportObserver = std::function<void(std::uint64_t done, std::uint64_t all)>;

/// Appends to `log` all diffs of `source` that follow its tip. First checks that the diffs that both hold are
/// equal. Never changes stored diffs. Committed diffs stay, so an import that was interrupted can simply be run
/// again. An empty log with a required first height (DiffRange) takes that height and those after it. Errors:
/// those of DiffLog and DiffStore; failed_precondition (the two do not fit together: the text gives their
/// ranges, or the height at which they differ; or the source lacks the first height that an empty log
/// requires); out_of_range (`from` is not in the source); cancelled.
[[nodiscard]] Result<ImportReport> import_diffs(DiffLog& source, const std::shared_ptr<DiffStore>& log,
                                                const ImportOptions& options, const ImportObserver& observer,
                                                std::stop_token stop);

}  // namespace ioswarm::snapshot
