// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ioswarm::cli::doctor {

/// The text of cli/dist/ioswarm.service as this program was built.
extern const std::string_view kShippedUnit;

/// The settings in which an installed unit differs from the shipped one, each like "NoNewPrivileges is
/// missing", "User is root, not ioswarm" or "ExecStartPre is new". Comments, the order, LoadCredential= lines
/// (which the operator chooses) and the folder of the program do not count.
[[nodiscard]] std::vector<std::string> unit_differences(std::string_view installed, std::string_view shipped);

}  // namespace ioswarm::cli::doctor
