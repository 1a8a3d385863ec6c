// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/log.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// "debug", "info", "warn" or "error".
[[nodiscard]] std::string_view to_string(LogLevel level) noexcept;
/// The module's name in the log and in the configuration, for example "agent_port".
[[nodiscard]] std::string_view to_string(LogModule module) noexcept;

/// Reads levels such as "info" or "info,agent_port=debug,node=warn". A level without a module applies to all
/// modules that are not named. If there is no such level, it is info. Blanks around the parts are ignored.
/// Error: invalid_argument, whose `which` is the wrong part and whose `why` says what is wrong with it.
[[nodiscard]] Result<LogLevels> parse_log_levels(std::string_view text);

/// All names of modules, for a message: "main, agents, …".
[[nodiscard]] std::string log_module_names();

}  // namespace ioswarm
