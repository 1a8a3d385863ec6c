// SPDX-License-Identifier: Apache-2.0
#include "cli/diffs/log_faults.hpp"

#include <fmt/format.h>

#include "snapshot/open_diffs.hpp"

namespace ioswarm::cli {
namespace {

/// A file whose range is damaged may claim any number of heights.
constexpr std::uint64_t kMaxFaults = 10'000;

LogFaults faults_of(snapshot::DiffLog& log) {
    LogFaults out;
    const DiffRange range = log.range();
    for (std::uint64_t height = range.floor; range.holds(height); ++height) {
        const auto diff = log.next();
        if (diff) continue;
        if (diff.error().code != ErrorCode::data_loss || ++out.heights > kMaxFaults) {
            out.is_all = false;
            break;
        }
        if (!out.ranges.empty() && out.ranges.back().tip + 1 == height) {
            out.ranges.back().tip = height;
        } else {
            out.ranges.push_back({height, height});
        }
        out.is_tip_damaged = height == range.tip;
        if (out.is_tip_damaged || !log.seek(height + 1)) break;
    }
    return out;
}

}  // namespace

std::string LogFaults::text() const {
    std::string out;
    for (const DiffRange& range : ranges) {
        if (!out.empty()) out += ", ";
        out += range.floor == range.tip ? std::to_string(range.tip)
                                        : fmt::format("{} to {}", range.floor, range.tip);
    }
    return out + (is_all ? "" : " and perhaps more");
}

std::string LogFaults::advice() const {
    return fmt::format(
        "{}. To begin a new log: ioswarm diffs restart, which removes all diffs, so agents need a newer "
        "snapshot",
        is_tip_damaged
            ? "The newest diff is damaged, so serve appends nothing to this log"
            : "serve continues with the other heights, and removes the damaged ones when they are old enough");
}

std::optional<LogFaults> faults_in(const std::string& path, const snapshot::LockWait& wait) {
    const auto log = snapshot::open_diffs(path, wait);
    if (!log || (*log)->kind() != "sqlite") return std::nullopt;
    return faults_of(**log);
}

}  // namespace ioswarm::cli
