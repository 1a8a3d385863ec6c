// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The program's exit codes. Scripts may rely on the numbers. They follow BSD's sysexits where one fits. After
/// a signal the code is 128 plus the signal's number, as in shells.
enum class ExitCode : int {
    ok = 0,
    failed_check = 1,    ///< everything ran, and a check failed
    warned = 3,          ///< everything ran, and --strict makes a warning a failure
    usage = 64,          ///< wrong command line
    bad_data = 65,       ///< a file, an answer or a value is invalid
    unavailable = 69,    ///< a required service or tool cannot be reached
    internal = 70,       ///< a bug, or out of memory
    io = 74,             ///< reading or writing failed, or a file is missing
    try_again = 75,      ///< another process holds a lock, or time ran out; a later try may succeed
    permission = 77,     ///< permission denied
    configuration = 78,  ///< wrong configuration
    interrupted = 130,   ///< SIGINT
    terminated = 143,    ///< SIGTERM
};

/// The only mapping from error codes to exit codes.
[[nodiscard]] ExitCode exit_code_for(ErrorCode code) noexcept;

/// Describes the code in the words of the manual pages' EXIT STATUS sections.
[[nodiscard]] std::string_view describe(ExitCode code) noexcept;

}  // namespace ioswarm::cli
