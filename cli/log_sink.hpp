// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string_view>

#include "core/base/log.hpp"

namespace ioswarm::cli {

enum class LogFormat { text, json };

/// A log that writes one line a message to `file` (not closed): "2026-11-22T16:58:44.123Z info  message", or a
/// JSON object with time, level and message. Control characters and invalid UTF-8 are escaped, so that what
/// came from outside can neither forge a line nor move a terminal. Lines of several threads do not mix.
[[nodiscard]] Log make_log(LogFormat format, LogLevel level, std::FILE* file = stderr);

/// "text" and "json"; "debug" to "error": the words of log.format and log.level, which are checked before.
[[nodiscard]] LogFormat log_format_from(std::string_view word);
[[nodiscard]] LogLevel log_level_from(std::string_view word);

}  // namespace ioswarm::cli
