// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/result.hpp"
#include "snapshot/reader.hpp"

namespace ioswarm::snapshot {

enum class Difference { only_first, only_second, changed };

struct Comparison {
    std::uint64_t height_first = 0;
    std::uint64_t height_second = 0;
    std::uint64_t only_first = 0;   ///< entries that only the first file has
    std::uint64_t only_second = 0;  ///< entries that only the second file has
    std::uint64_t changed = 0;      ///< keys of both files, with different values
    std::uint64_t equal = 0;        ///< entries that both files have

    [[nodiscard]] bool is_same() const noexcept { return only_first + only_second + changed == 0; }
};

/// Called for each difference, in the order of the files. The entry is that of the file that has it; for a
/// changed one that of the first file. Its views are valid during the call.
using OnDifference = std::function<void(Difference, const SnapshotReader::Entry&)>;

/// Compares two snapshots entry by entry. It reads both files twice, and holds one entry of each. Heights are
/// not compared. Errors: those of SnapshotReader; bad_data (the namespaces of one file come in another
/// order than those of the other file, so entries cannot be matched).
[[nodiscard]] Result<Comparison> compare_snapshots(const std::string& first, const std::string& second,
                                                   const OnDifference& on_difference);

}  // namespace ioswarm::snapshot
