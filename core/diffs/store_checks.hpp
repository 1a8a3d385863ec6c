// SPDX-License-Identifier: Apache-2.0
#pragma once

// The checks that every DiffStore makes on the arguments of its callers. Only for core/diffs.

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/ports/diff_store.hpp"

namespace ioswarm {

/// Checks that rows are consecutive, continue the log and are not too large.
[[nodiscard]] Status check_appendable(const DiffRange& held, const std::vector<DiffRow>& rows,
                                      const std::string& log);

/// Makes the error out_of_range for a height that is not in the range. `log` is the name of the log in the
/// text.
[[nodiscard]] Error outside(const DiffRange& held, std::uint64_t height, const std::string& log);

}  // namespace ioswarm
