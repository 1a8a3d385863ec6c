// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace ioswarm::cli {

/// The candidate with the smallest edit distance from `typed`, ignoring case. Empty when that distance exceeds
/// `limit`.
[[nodiscard]] std::string_view nearest(std::string_view typed, std::span<const std::string_view> candidates,
                                       std::size_t limit);
/// With a limit of half the word's length, at most 3. A larger distance is not a typo.
[[nodiscard]] std::string_view nearest(std::string_view typed, std::span<const std::string_view> candidates);

}  // namespace ioswarm::cli
