// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot_progress.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>

#include <fmt/format.h>

#include "core/base/text.hpp"

namespace ioswarm::cli {

std::string format_bytes(std::uint64_t bytes) {
    constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit)
        value /= 1000;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

void SnapshotProgress::show(const snapshot::ExportProgress& progress) {
    using Phase = snapshot::ExportProgress::Phase;
    const auto now = Clock::now();
    if (progress.phase != phase_) {
        phase_ = progress.phase;
        phase_start_ = now;
    }
    if (mode_ == Mode::silent) return;
    if (progress.phase == Phase::done) {
        if (line_open_) out_ << "\r\x1b[K" << std::flush;
        line_open_ = false;
        return;
    }
    if (mode_ == Mode::log && now < shown_ + std::chrono::minutes(1)) return;
    shown_ = now;
    const double seconds = std::chrono::duration<double>(now - phase_start_).count();
    const double rate = seconds > 0 ? static_cast<double>(progress.raw_bytes) / seconds : 0;
    std::string line = progress.phase == Phase::reading
                           ? fmt::format("reading {}: {} entries, {}", progress.name, progress.entries,
                                         format_bytes(progress.raw_bytes))
                           : "verifying";
    if (progress.fraction > 0.001 && seconds > 0.5) {
        const double left = seconds / progress.fraction - seconds;
        line += fmt::format(", {:.0f}%", 100 * progress.fraction);
        if (progress.phase == Phase::reading)
            line += fmt::format(", {}/s", format_bytes(static_cast<std::uint64_t>(rate)));
        line +=
            fmt::format(", about {} left", go_duration(std::chrono::seconds(std::lround(left))));
    }
    if (mode_ == Mode::terminal) {
        out_ << "\r\x1b[K" << line << std::flush;
        line_open_ = true;
    } else {
        out_ << "ioswarm: snapshot export: " << line << '\n' << std::flush;
    }
}

}  // namespace ioswarm::cli
