// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>

#include "cli/io.hpp"
#include "core/base/result.hpp"
#include "core/crypto/secret_bytes.hpp"

namespace ioswarm::cli {

/// From now on this process writes no core dump, and other processes of the same user cannot read its memory or
/// its environment under /proc or attach to it. To be called before a key or a password is read.
void protect_secrets() noexcept;

/// Asks on the terminal, without echo, and reads one line. Errors: usage (`io` has no terminal; `hint` says
/// which option to give), cancelled (Ctrl-C, the end of the input, or a stop).
[[nodiscard]] Result<SecretBytes> ask_secret(Io& io, const std::string& question, const std::string& hint,
                                             const std::stop_token& stop = {});

/// All of standard input, at most `max_bytes`, without passing through a stream's buffer. Errors: config
/// (larger), cancelled (a stop).
[[nodiscard]] Result<SecretBytes> read_secret_input(Io& io, std::size_t max_bytes,
                                                    const std::stop_token& stop = {});

/// Asks a question that only "y" or "yes" answers with yes; everything else, an empty line and a stop too, is
/// no.
[[nodiscard]] bool ask_yes_no(Io& io, const std::string& question, const std::stop_token& stop);

}  // namespace ioswarm::cli
