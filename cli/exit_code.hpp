// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// What the program ends with; the numbers are promised to scripts (after BSD's sysexits where one fits). After
/// a signal the shell's convention of 128 + its number.
enum class ExitCode : int {
    ok = 0,
    failed_check = 1,    ///< everything ran, and the answer is no
    usage = 64,          ///< the command line is wrong
    bad_data = 65,       ///< a file, an answer or a value is not what it must be
    unavailable = 69,    ///< a service or a tool that is needed is not there
    internal = 70,       ///< a bug, or out of memory
    io = 74,             ///< reading or writing failed, or a file is missing
    try_again = 75,      ///< somebody else holds it, or time ran out: later it may work
    permission = 77,     ///< not allowed
    configuration = 78,  ///< the configuration is wrong
    interrupted = 130,   ///< SIGINT
    terminated = 143,    ///< SIGTERM
};

/// The one mapping from failures to exit codes.
[[nodiscard]] ExitCode exit_code_for(ErrorCode code) noexcept;

/// What the code means, as the manual pages' EXIT STATUS says it.
[[nodiscard]] std::string_view describe(ExitCode code) noexcept;

}  // namespace ioswarm::cli
