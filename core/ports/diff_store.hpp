// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// Heights that a diff log holds: every one from `floor` to `tip`. `tip` 0: it is empty, and is to begin at
/// `floor`, or anywhere when that is 0 too.
struct DiffRange {
    std::uint64_t floor = 0;
    std::uint64_t tip = 0;
    [[nodiscard]] bool empty() const noexcept { return tip == 0; }
    [[nodiscard]] bool holds(std::uint64_t height) const noexcept {
        return !empty() && floor <= height && height <= tip;
    }
    bool operator==(const DiffRange&) const = default;
};

/// One height of the log.
struct DiffRow {
    std::uint64_t height = 0;
    Hash256 digest;  ///< of the diff, as its block's header has it
    /// SHA-256 of the previous row's chain ‖ height (8 bytes, big-endian) ‖ digest ‖ record; of the floor the
    /// previous one is zero until rows are pruned, when it stays what it was.
    Hash256 chain;
    Bytes record;  ///< the whole diff (core/diffs/diff_record.hpp)
};

/// The durable, strictly contiguous log of state diffs. Rows are bytes to it. Appending, pruning and cutting
/// happen on one thread at a time; reading and range() on any.
class DiffStore {
  public:
    virtual ~DiffStore() = default;

    /// What can be read. Grows only after what is new is durable.
    [[nodiscard]] virtual DiffRange range() const = 0;
    /// Chain value of the tip; zero when empty.
    [[nodiscard]] virtual Hash256 tip_chain() const = 0;

    /// Appends rows of consecutive heights (`chain` is filled in by the store), all of them or none; durable
    /// when it returns. The first is tip + 1; that of an empty log is `floor`, or any when that is 0. Errors:
    /// failed_precondition (another height), resource_exhausted (disk full), io, data_loss (a damaged file;
    /// nothing is written to it any more). After an error nothing of it is there, and trying again is allowed.
    [[nodiscard]] virtual Status append(std::vector<DiffRow> rows) = 0;

    /// Rows from `from` on, at least one, at most `max_rows` and about `max_bytes` of records (one row may pass
    /// it). Errors: out_of_range (outside range(), which may have been pruned meanwhile), data_loss (a row is
    /// damaged or missing; the message names its height), io.
    [[nodiscard]] virtual Result<std::vector<DiffRow>> read(std::uint64_t from, std::size_t max_rows,
                                                            std::size_t max_bytes) const = 0;

    /// Removes rows below `floor`, at most `max_rows` of them, never the tip; says how many. Errors: as
    /// append().
    [[nodiscard]] virtual Result<std::size_t> prune(std::uint64_t floor, std::size_t max_rows) = 0;

    /// Empties the log: the next append may be of any height. Errors: as append().
    [[nodiscard]] virtual Status clear() = 0;
};

}  // namespace ioswarm
