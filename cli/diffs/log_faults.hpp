// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ports/diff_store.hpp"
#include "snapshot/store/lock_wait.hpp"

namespace ioswarm::cli {

/// The heights of a damaged log of state diffs that cannot be read.
struct LogFaults {
    std::vector<DiffRange> ranges;
    std::uint64_t heights = 0;
    bool is_all = true;           ///< false: there may be more
    bool is_tip_damaged = false;  ///< `serve` then appends nothing to the log

    /// "100 to 101, 120".
    [[nodiscard]] std::string text() const;
    /// What an operator can do, and what it costs.
    [[nodiscard]] std::string advice() const;
};

/// Reads the whole log once more, past each fault. Returns nothing for iotex-core's log, which cannot be read
/// past a fault, and for a log that cannot be opened.
[[nodiscard]] std::optional<LogFaults> faults_in(const std::string& path, const snapshot::LockWait& wait);

}  // namespace ioswarm::cli
