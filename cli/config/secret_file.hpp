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

/// A secret as text: what the file holds, without the line break at its end. Refused when others than its owner
/// may read or write the file (permission_denied); a file in `credentials_directory`, where systemd puts what
/// belongs to this service alone, may also be readable by its group, since its access list shows as that.
/// Errors: not_found, io, config (empty, more than one line, too long).
[[nodiscard]] Result<std::string> read_secret_file(
    const std::string& path, const std::optional<std::string>& credentials_directory = {});

/// The whole file, at most `max_bytes` of it, refused like above when others may read or write it. A pipe is
/// read to its end; whoever writes into it is waited for until `stop` is requested. Errors: not_found, io,
/// permission_denied, config (larger), cancelled.
[[nodiscard]] Result<SecretBytes> read_private_file(
    const std::string& path, std::size_t max_bytes,
    const std::optional<std::string>& credentials_directory = {}, const std::stop_token& stop = {});

/// Waits until `fd` has something to read or is at its end. False: `stop` was requested before.
[[nodiscard]] bool wait_until_readable(int fd, const std::stop_token& stop);

/// The same as read_secret_file() from a stream, for "-"; `name` is for messages.
[[nodiscard]] Result<std::string> read_secret(std::istream& in, const std::string& name);

/// Writes 32 random bytes as 64 hex digits and a line break to a new file of mode 0600, and returns the digits.
/// Never overwrites. Errors: io (exists already, or cannot be written), unavailable (no random numbers).
[[nodiscard]] Result<std::string> make_secret_file(const std::string& path);

}  // namespace ioswarm::cli
