// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The program's exit codes. Scripts may rely on the numbers. They follow BSD's sysexits where one fits. After
/// a signal the code is 128 plus the signal's number, as in shells. A key or secret that is missing is `io`.
enum class ExitCode : int {
    ok = 0,
    failed_check = 1,    ///< everything ran, and a check failed
    warned = 3,          ///< everything ran, and --strict makes a warning a failure
    usage = 64,          ///< wrong command line
    bad_data = 65,       ///< a file, an answer or a value is invalid
    no_input = 66,       ///< a file, a directory or a thing that was named does not exist
    unavailable = 69,    ///< a required service or tool cannot be reached
    internal = 70,       ///< a bug, or out of memory
    cannot_create = 73,  ///< an output exists already, or its directory does not
    io = 74,             ///< reading or writing failed, or a key or secret is missing
    try_again = 75,      ///< another process holds a lock, or time ran out; a later try may succeed
    protocol = 76,       ///< a coordinator or an endpoint breaks its protocol
    permission = 77,     ///< permission denied
    configuration = 78,  ///< wrong configuration
    interrupted = 130,   ///< SIGINT
    terminated = 143,    ///< SIGTERM
};

/// What an error is about. The same failure has another exit code for an output than for an input.
enum class Concerns {
    anything,
    output,  ///< a file that the command was to make
    secret,  ///< a file with a key, a secret or a password
    peer,    ///< a coordinator or an endpoint that the command talks to; nothing else can be bad data
};

/// The only mapping from error codes to exit codes.
[[nodiscard]] ExitCode exit_code_for(ErrorCode code, Concerns concerns = Concerns::anything) noexcept;

/// Describes the code in the words of the manual pages' EXIT STATUS sections.
[[nodiscard]] std::string_view describe(ExitCode code) noexcept;

}  // namespace ioswarm::cli
