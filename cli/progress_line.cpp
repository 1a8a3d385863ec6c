// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_line.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <iterator>
#include <ostream>

#include <fmt/format.h>

#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

/// Width of the terminal on standard error. Called for each line, since the width may change at any time. 0
/// when unknown.
unsigned columns() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0U;
}

}  // namespace

std::string cut_to_width(std::string line, unsigned columns) {
    if (columns == 0 || line.size() < columns) return line;
    std::size_t end = columns - 1U;
    while (end != 0 && (static_cast<unsigned char>(line[end]) & 0xc0U) == 0x80)
        --end;  // do not cut within a UTF-8 character
    line.resize(end);
    return line;
}

std::string format_bytes(std::uint64_t bytes) {
    constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit)
        value /= 1000;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

ProgressLine::Mode ProgressLine::mode_for(bool quiet) {
    return quiet ? Mode::silent : ::isatty(STDERR_FILENO) != 0 ? Mode::terminal : Mode::log;
}

void ProgressLine::clear() {
    if (line_open_) out_ << "\r\x1b[K" << std::flush;
    line_open_ = false;
}

void ProgressLine::show(std::string_view text, double fraction, std::uint64_t bytes_done) {
    if (mode_ == Mode::silent) return;
    const auto now = Clock::now();
    if (mode_ == Mode::log && now < shown_ + std::chrono::minutes(1)) return;
    shown_ = now;
    const double seconds = std::chrono::duration<double>(now - phase_start_).count();
    std::string line(text);
    if (fraction > 0.001 && seconds > 0.5) {
        const double left = seconds / fraction - seconds;
        line += fmt::format(", {:.0f}%", 100 * fraction);
        if (bytes_done != 0) {
            const double rate = static_cast<double>(bytes_done) / seconds;
            line += fmt::format(", {}/s", format_bytes(static_cast<std::uint64_t>(rate)));
        }
        line += fmt::format(", about {} left", go_duration(std::chrono::seconds(std::lround(left))));
    }
    if (mode_ == Mode::terminal) {
        out_ << "\r\x1b[K" << cut_to_width(std::move(line), columns()) << std::flush;
        line_open_ = true;
    } else {
        out_ << "ioswarm: " << job_ << ": " << line << '\n' << std::flush;
    }
}

}  // namespace ioswarm::cli
