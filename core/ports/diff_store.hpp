// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// The heights that a diff log holds: every height from `floor` to `tip`. If `tip` is 0 the log is empty. It
/// must then begin at `floor`, or may begin anywhere if `floor` is 0 too.
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
    Hash256 digest;  ///< the digest of the diff, as in its block's header
    /// SHA-256 of the previous row's chain ‖ height (8 bytes, big-endian) ‖ digest ‖ record. For the first row
    /// of a new log the previous chain is zero. Pruning does not change this value in the rows that stay.
    Hash256 chain;
    Bytes record;  ///< the whole diff in the encoding of core/diffs/diff_record.hpp
};

/// The durable log of state diffs, without gaps. It treats rows as bytes. One thread at a time may append,
/// prune and clear; any thread may read and call range().
class DiffStore {
  public:
    virtual ~DiffStore() = default;

    /// The rows that can be read. It grows only once new rows are durable.
    [[nodiscard]] virtual DiffRange range() const = 0;
    /// The chain value of the tip; zero when the log is empty.
    [[nodiscard]] virtual Hash256 tip_chain() const = 0;

    /// Appends rows of consecutive heights, all of them or none. They are durable when it returns. The store
    /// fills in `chain`. The first height must be tip + 1; in an empty log it must be `floor`, or may be any
    /// height if that is 0. Errors: failed_precondition (wrong height), resource_exhausted (disk full), io,
    /// data_loss (the file is damaged; nothing more is written to it). After an error no row was added, and the
    /// caller may try again.
    [[nodiscard]] virtual Status append(std::vector<DiffRow> rows) = 0;

    /// Reads rows from height `from` on: at least one, at most `max_rows`, and about `max_bytes` of records
    /// (the last row may go beyond it). Errors: out_of_range (outside of range(), which may have changed
    /// through pruning), data_loss (a row is damaged or missing; the message names its height), io.
    [[nodiscard]] virtual Result<std::vector<DiffRow>> read(std::uint64_t from, std::size_t max_rows,
                                                            std::size_t max_bytes) const = 0;

    /// Removes rows below `floor`, at most `max_rows` of them, never the tip, and rows above them that cannot
    /// be read. Returns by how many heights the floor rose. Errors are those of append(); none stops append().
    [[nodiscard]] virtual Result<std::size_t> prune(std::uint64_t floor, std::size_t max_rows) = 0;

    /// Empties the log. The next append may begin at any height. Errors are those of append().
    [[nodiscard]] virtual Status clear() = 0;
};

}  // namespace ioswarm
