// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string_view>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The three streams of a command, so that tests can hand it others: data goes to `out`, talk to `err`.
struct Io {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    bool colour = false;       ///< of `err`: it is a terminal and NO_COLOR is not set
    bool interactive = false;  ///< `in` is a terminal: somebody can be asked
};

/// The process's own streams.
[[nodiscard]] Io standard_io();

/// "ioswarm: what: which: why", and "hint: …" on a line of its own. Text from outside is escaped.
void print_error(Io& io, const Error& error);
void print_warning(Io& io, std::string_view text);

}  // namespace ioswarm::cli
