// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// An agent's key, and the id that it was made for.
struct AgentKey {
    std::string agent_id;  ///< empty if the file has only the key
    std::string key;       ///< "iosw_" and 64 hex digits
};

/// Parses what `ioswarm keygen` prints: for each agent the lines "Agent:   ID" and "API Key: KEY", with empty
/// lines between agents; or one key alone (--key-only). `name` is used in messages, which never quote a key.
/// Error config: anything else, or no key at all.
[[nodiscard]] Result<std::vector<AgentKey>> parse_agent_keys(std::string_view text, const std::string& name);

/// Reads such a file of at most 4 MiB, under the rules of read_private_file(). Errors: as both.
[[nodiscard]] Result<std::vector<AgentKey>> read_agent_keys(
    const std::string& path, const std::optional<std::string>& credentials_directory = {});

/// Writes keys to a new file of mode 0600. Never overwrites a file. Error io: it exists, or cannot be written.
[[nodiscard]] Status write_key_file(const std::string& path, std::string_view text);

/// Reads a file that must have exactly one agent's key.
[[nodiscard]] Result<AgentKey> read_agent_key(const std::string& path,
                                              const std::optional<std::string>& credentials_directory = {});

}  // namespace ioswarm::cli
