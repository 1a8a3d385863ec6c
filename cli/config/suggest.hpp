// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace ioswarm::cli {

/// The candidate that takes the fewest edits from what was typed, case not counted; empty when even that one
/// takes more than `limit`.
[[nodiscard]] std::string_view nearest(std::string_view typed, std::span<const std::string_view> candidates,
                                       std::size_t limit);
/// With a limit of half the word and at most 3: more would be no typo.
[[nodiscard]] std::string_view nearest(std::string_view typed, std::span<const std::string_view> candidates);

}  // namespace ioswarm::cli
