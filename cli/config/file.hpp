// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Returns the value of an environment variable, or nothing when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

/// One key under `ioswarm:` in a file. A nested key is written with a dot.
struct FileEntry {
    std::string name;
    std::string text;  ///< after environment variables were replaced
    /// Was quoted or a block scalar, so it is text, even if it looks like a number. Always true for a list.
    bool quoted = false;
    bool is_list = false;  ///< was a list of 1 to kMaxListItems scalars; `text` joins them with commas
    int line = 0;          ///< line number, from 1
    int column = 0;        ///< column of the key, from 1
};

/// The contents of the `ioswarm:` section of one file.
struct FileSection {
    std::vector<FileEntry> entries;
    std::vector<Error> problems;  ///< every problem in the section, each with file, line and column
};

// Both limits are our own choice, far above what any configuration needs. They bound what a wrong file can
// cost.
inline constexpr std::size_t kMaxListItems = 16;
inline constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20U;

/// Reads the whole file, at most kMaxConfigBytes. Errors: not_found, permission_denied, io, config (too large).
[[nodiscard]] Result<std::string> read_config_file(const std::string& path);

/// Reads the `ioswarm:` section of YAML text and ignores everything outside it. `file` is used in messages
/// only. If the text is not YAML, or has no such section (misspelt, flat, empty), the result has exactly one
/// problem, because everything in the text would be ignored. Key names are not checked here. A null value
/// counts as not set and is left out.
[[nodiscard]] FileSection parse_config_text(const std::string& text, const std::string& file,
                                            const Environment& environment);

/// Replaces $NAME, ${NAME} and ${NAME:default} by the variable's value and $$ by a dollar. A dollar before
/// anything else is kept. As in iotex-core, a default of two quotes ("") means the empty text. Error config:
/// the variable is not set and has no default, or a brace is not closed. The error has `why` and sometimes
/// `hint`; the caller knows the rest.
[[nodiscard]] Result<std::string> expand_variables(std::string_view text, const Environment& environment);

}  // namespace ioswarm::cli
