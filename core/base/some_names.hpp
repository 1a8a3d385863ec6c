// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace ioswarm {

/// The first names of a longer list, for a message: "a, b, c and 34 more". `count` is the length of the whole
/// list; it may be larger than the number of `names`. At most `most` are named.
[[nodiscard]] inline std::string some_names(const std::vector<std::string>& names, std::size_t count,
                                            std::size_t most) {
    std::string out;
    std::size_t named = 0;
    for (; named < names.size() && named < most; ++named)
        out += (named == 0 ? "" : ", ") + names[named];
    if (count > named) out += (named == 0 ? "" : " and ") + std::to_string(count - named) + " more";
    return out;
}

}  // namespace ioswarm
