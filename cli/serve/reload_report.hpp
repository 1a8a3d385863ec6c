// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace ioswarm::cli {

/// The answer to POST /control/reload as lines for a person.
[[nodiscard]] std::string reload_report(std::string_view document);

}  // namespace ioswarm::cli
