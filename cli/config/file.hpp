// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Value of an environment variable, nothing when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

/// One key under `ioswarm:` in a file, nested ones with a dot.
struct FileEntry {
    std::string name;
    std::string text;     ///< after replacement from the environment
    bool quoted = false;  ///< stood in quotes or as a block: a text whatever it looks like
    bool is_list =
        false;     ///< was a list of at most kMaxListItems single values; `text` has commas between them
    int line = 0;  ///< from 1
};

struct FileSection {
    std::vector<FileEntry> entries;
    std::vector<Error> problems;  ///< everything wrong in the section, each with file and line
};

inline constexpr std::size_t kMaxListItems = 16;
inline constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20U;

/// The whole file, at most kMaxConfigBytes. Errors: not_found, permission_denied, io, config (too large).
[[nodiscard]] Result<std::string> read_config_file(const std::string& path);

/// Reads the `ioswarm:` section out of YAML text; everything outside it is ignored. `file` is only for
/// messages. A text that is no YAML is one problem, and so is one without the section (misspelt, flat, empty):
/// everything in it would go unread. Names are not checked here. A null value is as good as none and left out.
[[nodiscard]] FileSection parse_config_text(const std::string& text, const std::string& file,
                                            const Environment& environment);

/// $NAME, ${NAME} and ${NAME:default} replaced, $$ a dollar; a dollar before anything else stands for itself.
/// As in iotex-core, the default "" in quotes is the empty text. Error (config): the variable is not set and
/// has no default, or a brace is not closed; only `why` is filled.
[[nodiscard]] Result<std::string> expand_variables(std::string_view text, const Environment& environment);

}  // namespace ioswarm::cli
