// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "cli/log_style.hpp"
#include "core/base/log.hpp"

namespace ioswarm::cli {

/// One message of the log, with copies of everything that belongs to it.
struct LogLine {
    std::chrono::system_clock::time_point time;
    LogLevel level = LogLevel::info;
    LogModule module = LogModule::main;
    std::string message;
    LogFields fields;
};

/// The line as it is written, with the line break at its end:
///   text    2026-11-22T16:58:44.123Z info  agents: agent a1 joined
///   logfmt  ts=2026-11-22T16:58:44.123Z level=info module=agents msg="agent a1 joined" id=a1
///   json    {"ts":"2026-11-22T16:58:44.123Z","level":"info","module":"agents","msg":"agent a1
///   joined","id":"a1"}
/// Text has no fields, and no module for lines of `main`. A message may begin with the name of its module and a
/// colon; no format repeats that name. Control characters and invalid UTF-8 are escaped in all formats, so that
/// text from other programs can neither forge a line nor control a terminal.
[[nodiscard]] std::string render(const LogLine& line, const LogStyle& style);

}  // namespace ioswarm::cli
