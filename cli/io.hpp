// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string_view>

#include "cli/exit_code.hpp"
#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The three streams of a command. Tests pass their own. Data goes to `out`, messages go to `err`.
struct Io {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    bool colour = false;       ///< whether to colour `err`: it is a terminal, and NO_COLOR is not set
    bool interactive = false;  ///< `in` is a terminal, so the user can be asked
    bool json_errors = false;  ///< --json was given: errors are documents for programs
};

/// Returns the process's standard streams.
[[nodiscard]] Io standard_io();

/// Prints "ioswarm: what: which: why", and "hint: …" on its own line. Escapes control characters, because parts
/// of the text may come from other programs. With `json_errors` it prints one line instead:
/// {"error":{"code":…,"message":…,"hint":…}}. The code is to_string(ErrorCode), the message "what: which: why",
/// and the hint may be empty.
void print_error(Io& io, const Error& error);
/// Prints the error and gives the exit code of its kind.
ExitCode report_error(Io& io, const Error& error, Concerns concerns = Concerns::anything);

/// Prints "ioswarm: warning: text", or with `json_errors` {"warning":{"message":…}}.
void print_warning(Io& io, std::string_view text);

}  // namespace ioswarm::cli
