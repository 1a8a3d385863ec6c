// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace ioswarm::bench {

/// The median and the range of several measurements.
struct Sample {
    double median = 0;
    double low = 0;
    double high = 0;
};

[[nodiscard]] inline Sample sample_of(std::vector<double> rounds) {
    if (rounds.empty()) return {};
    std::sort(rounds.begin(), rounds.end());
    return {rounds[rounds.size() / 2], rounds.front(), rounds.back()};
}

/// Prints the line that `./dev bench` shows for a goal: figure, floor, ratio, goal, met or not.
///   P9   dispatch decision, 10,000 agents     0.41 µs (0.39..0.44)   floor 0.30 µs   ratio 1.37   goal ≤ 3 µs
///   met
inline void print_goal(std::string_view number, std::string_view what, const Sample& figure,
                       std::string_view unit, const Sample& floor, std::string_view goal, bool met) {
    const double ratio = floor.median > 0 ? figure.median / floor.median : 0;
    fmt::print("{:<5}{:<52}{:>10.3f} {:<6} ({:.3f}..{:.3f})  floor {:.3f}  ratio {:.2f}  goal {}  {}\n", number,
               what, figure.median, unit, figure.low, figure.high, floor.median, ratio, goal,
               met ? "met" : "NOT MET");
}

/// Prints a figure that has no goal of its own, as context for the others.
inline void print_figure(std::string_view number, std::string_view what, const Sample& figure,
                         std::string_view unit) {
    fmt::print("{:<5}{:<52}{:>10.3f} {:<6} ({:.3f}..{:.3f})\n", number, what, figure.median, unit, figure.low,
               figure.high);
}

}  // namespace ioswarm::bench
