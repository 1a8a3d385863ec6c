// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>

#include "cli/io.hpp"
#include "core/base/result.hpp"
#include "core/crypto/secret_bytes.hpp"

namespace ioswarm::cli {

/// From now on this process writes no core dump. Other processes of the same user can no longer read its memory
/// or environment under /proc, or attach to it. Call this before a key or password is read.
void protect_secrets() noexcept;

/// Asks on the terminal, without echo, and reads one line. Errors: usage (`io` has no terminal; `hint` says
/// which option to use instead), cancelled (Ctrl-C, end of input, or a stop).
[[nodiscard]] Result<SecretBytes> ask_secret(Io& io, const std::string& question, const std::string& hint,
                                             const std::stop_token& stop = {});

/// Reads all of standard input, at most `max_bytes`, without copying it through a stream's buffer. Errors:
/// config (larger), cancelled (a stop).
[[nodiscard]] Result<SecretBytes> read_secret_input(Io& io, std::size_t max_bytes,
                                                    const std::stop_token& stop = {});

/// Asks a question. Returns true only for the answers "y" and "yes". Everything else, including an empty line
/// and a stop, is no.
[[nodiscard]] bool ask_yes_no(Io& io, const std::string& question, const std::stop_token& stop);

/// Asks the user to type `word`, for things that cannot be undone. Returns true only for exactly this word.
[[nodiscard]] bool ask_for_word(Io& io, const std::string& question, const std::string& word,
                                const std::stop_token& stop);

}  // namespace ioswarm::cli
