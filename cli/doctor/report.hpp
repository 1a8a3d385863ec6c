// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/doctor/doctor.hpp"

namespace ioswarm::cli::doctor {

/// One line for each finding, and a last one with the numbers of each state. Control characters are escaped.
[[nodiscard]] std::string findings_text(const std::vector<Finding>& findings);
/// {"checks":[{"check","verdict","what","why","next"}],"ok":N,"warn":N,"fail":N,"not_checked":N}
[[nodiscard]] std::string findings_json(const std::vector<Finding>& findings);

[[nodiscard]] std::size_t count_of(const std::vector<Finding>& findings, CheckState state) noexcept;

}  // namespace ioswarm::cli::doctor
