// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <optional>
#include <stop_token>
#include <string>

#include "core/base/result.hpp"
#include "core/crypto/secret_bytes.hpp"

namespace ioswarm::cli {

inline constexpr std::size_t kMaxSecretBytes = 4096;

/// Reads a secret as text: the file's content without the line break at its end. The path "-" means standard
/// input, whose mode is not checked. Refuses a file that others than its owner may read or write
/// (permission_denied). A file in `credentials_directory`, where systemd puts the credentials of this service,
/// may also be readable by its group, because its access list shows up as group permission. Errors: not_found,
/// io, config (empty, more than one line, too long).
[[nodiscard]] Result<std::string> read_secret_file(
    const std::string& path, const std::optional<std::string>& credentials_directory = {});

/// Reads the whole file, at most `max_bytes`. Refuses a file that others may read or write, as above. A pipe is
/// read to its end, waiting for its writer until `stop` is requested. Errors: not_found, io, permission_denied,
/// config (larger), cancelled.
[[nodiscard]] Result<SecretBytes> read_private_file(
    const std::string& path, std::size_t max_bytes,
    const std::optional<std::string>& credentials_directory = {}, const std::stop_token& stop = {});

/// A key or secret that is missing counts as io, for a command whose option names it: scripts rely on exit code
/// 74 there, and 66 means that some other input is missing.
template <typename T>
[[nodiscard]] Result<T> missing_is_io(Result<T> secret) {
    if (!secret && secret.error().code == ErrorCode::not_found) secret.error().code = ErrorCode::io;
    return secret;
}

/// Waits until `fd` has something to read or is at its end. Returns false when `stop` was requested first.
[[nodiscard]] bool wait_until_readable(int fd, const std::stop_token& stop);

/// Like read_secret_file(), but reads a stream, for "-". `name` is used in messages.
[[nodiscard]] Result<std::string> read_secret(std::istream& in, const std::string& name);

/// Writes 32 random bytes as 64 hex digits and a line break to a new file of mode 0600, and returns the digits.
/// Never overwrites a file. Errors: io (the file exists, or cannot be written), unavailable (no random
/// numbers).
[[nodiscard]] Result<std::string> make_secret_file(const std::string& path);

}  // namespace ioswarm::cli
