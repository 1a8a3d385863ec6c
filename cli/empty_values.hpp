// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/commands.hpp"

namespace ioswarm::cli {

// An empty value comes from a shell variable that is not set, as in --output "$FILE". It is refused for every
// option, at this one place. Otherwise a command would take its default, or the next word, for what was meant.

/// Makes two words of "--name=" for options of `app` and its subcommands that take a value: the name and an
/// empty value. The parser alone would take the next word of the command line as the value.
void split_empty_values(const CLI::App& app, std::vector<std::string>& arguments);

/// After parsing: the name of an option or of an argument, of `app` or of the subcommand that was chosen, that
/// has an empty value and must not have one. Flags of configuration keys may have one: it takes back what a
/// file sets. But a place (--data-dir, --diff-store-path) is never empty.
[[nodiscard]] std::optional<std::string> find_empty_value(const CLI::App& app);

}  // namespace ioswarm::cli
