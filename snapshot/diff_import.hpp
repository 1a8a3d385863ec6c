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
    std::uint64_t from = 0;  ///< lowest height taken; 0 = all
    /// A commit holds at most so many diffs, or about so many bytes of them.
    std::size_t commit_rows = 256;
    std::size_t commit_bytes = std::size_t{8} << 20;
};

struct ImportReport {
    DiffRange source;
    DiffRange before;  ///< of the log
    DiffRange after;
    std::uint64_t appended = 0;
    std::uint64_t equal = 0;    ///< held already, with the same content
    std::uint64_t too_old = 0;  ///< below the log's floor: nothing can be put in front
};

/// Done and to do, in diffs.
using ImportObserver = std::function<void(std::uint64_t done, std::uint64_t all)>;

/// Appends to a log what follows its tip in `source`, after checking that what both hold is equal. Nothing that
/// is held is changed; what was committed stays, so that an import that was cut short is simply run again. An
/// empty log that is to begin at a height (DiffRange) takes that height and what follows it. Errors: those of
/// DiffLog and DiffStore; failed_precondition (the two do not fit together: says their ranges, or the height at
/// which they differ; the source does not hold the height that an empty log is to begin at); out_of_range
/// (`from` is not in the source); cancelled.
[[nodiscard]] Result<ImportReport> import_diffs(DiffLog& source, const std::shared_ptr<DiffStore>& log,
                                                const ImportOptions& options, const ImportObserver& observer,
                                                std::stop_token stop);

}  // namespace ioswarm::snapshot
