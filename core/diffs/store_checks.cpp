// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/store_checks.hpp"

#include <limits>

#include <fmt/format.h>

#include "core/diffs/diff_record.hpp"

namespace ioswarm {

Status check_appendable(const DiffRange& held, const std::vector<DiffRow>& rows, const std::string& log) {
    // SQLite's integers are signed. No chain gets that far.
    constexpr auto kMaxHeight = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) - 1;
    const char* const what = "cannot append to the diff log";
    std::uint64_t next = held.tip + 1;
    if (held.empty() && !rows.empty()) next = held.floor == 0 ? rows.front().height : held.floor;
    for (const DiffRow& row : rows) {
        if (row.height != next || row.height == 0 || row.height > kMaxHeight) {
            return fail(ErrorCode::failed_precondition, what, log,
                        fmt::format("height {} does not follow on {}", row.height, next - 1));
        }
        if (row.record.size() > kMaxDiffRecordBytes) {
            return fail(ErrorCode::invalid_argument, what, log,
                        fmt::format("the diff of height {} has {} bytes, over the limit of {}", row.height,
                                    row.record.size(), kMaxDiffRecordBytes));
        }
        ++next;
    }
    return {};
}

Error outside(const DiffRange& held, std::uint64_t height, const std::string& log) {
    return {ErrorCode::out_of_range,
            "cannot read the diff log",
            log,
            held.empty() ? fmt::format("there is no height {}: the log is empty", height)
                         : fmt::format("height {} is outside {} to {}", height, held.floor, held.tip),
            {}};
}

}  // namespace ioswarm
