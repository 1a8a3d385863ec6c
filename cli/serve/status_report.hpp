// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ioswarm::cli {

/// The document of /control/status as lines for a person, at most `width` columns wide. Fields that are missing
/// or of another type, as an older serve may send them, are shown as unknown.
[[nodiscard]] std::string status_report(std::string_view document, std::size_t width = 80);

}  // namespace ioswarm::cli
