// SPDX-License-Identifier: Apache-2.0
#include "cli/config/suggest.hpp"

#include <algorithm>
#include <string>

#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

}  // namespace

std::string_view nearest(std::string_view typed, std::span<const std::string_view> candidates) {
    constexpr std::size_t kMaxTypos = 3;
    return nearest(typed, candidates, std::min(kMaxTypos, typed.size() / 2));
}

std::string_view nearest(std::string_view typed, std::span<const std::string_view> candidates,
                         std::size_t limit) {
    // Longer than any name. A longer text is cut, since the cost of the comparison grows with its length.
    constexpr std::size_t kLongest = 64;
    const std::string wanted = lower(typed.substr(0, kLongest));
    std::string_view best;
    std::size_t best_distance = limit + 1;
    for (const std::string_view candidate : candidates) {
        const std::size_t distance = edit_distance(wanted, lower(candidate), limit + 1);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace ioswarm::cli
