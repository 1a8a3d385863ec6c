// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace ioswarm::cli {

/// What may follow an option, for completion in a shell.
enum class CompletionValue {
    none,   ///< it takes no value
    any,    ///< a value that a shell cannot guess
    words,  ///< one of CompletionOption::words
    file,   ///< a file or a folder
};

struct CompletionOption {
    std::vector<std::string> names;  ///< with their dashes: "--help", "-h"
    CompletionValue value = CompletionValue::none;
    std::vector<std::string> words;
    std::string help;  ///< one line
};

/// One command or subcommand.
struct CompletionNode {
    std::string path;  ///< words that lead here, for example "snapshot export"; empty for the program itself
    std::string summary;
    std::vector<std::string> subcommands;
    std::vector<CompletionOption> options;
    bool takes_files = false;             ///< it has arguments that are not options, which may be files
    std::vector<std::string> words = {};  ///< what such an argument may be, if there are a few words only
};

/// Every command with its subcommands, from commands() and the options that each declares. The program itself
/// comes first, and a command before its subcommands. Options that --help does not list are left out.
[[nodiscard]] std::vector<CompletionNode> completion_nodes();

/// The scripts that a shell reads. They work without the program: everything is in them.
[[nodiscard]] std::string bash_completion(const std::vector<CompletionNode>& nodes);
[[nodiscard]] std::string zsh_completion(const std::vector<CompletionNode>& nodes);
[[nodiscard]] std::string fish_completion(const std::vector<CompletionNode>& nodes);

}  // namespace ioswarm::cli
