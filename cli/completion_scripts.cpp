// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/completion.hpp"

namespace ioswarm::cli {
namespace {

/// Quotes text for bash, zsh and fish. Names of commands and options have no single quotes, help texts may.
std::string quoted(std::string_view text, std::string_view quote_mark) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'')
            out += quote_mark;
        else
            out += c;
    }
    return out + "'";
}

std::string words_after(const CompletionNode& node) {
    std::vector<std::string> words = node.subcommands;
    for (const CompletionOption& option : node.options)
        words.insert(words.end(), option.names.begin(), option.names.end());
    return fmt::format("{}", fmt::join(words, " "));
}

/// The two tables as shell functions, in the syntax that bash and zsh share.
std::string shell_tables(const std::vector<CompletionNode>& nodes) {
    std::string out =
        "# Prints the subcommands and options of a command, such as \"snapshot export\".\n"
        "_ioswarm_words() {\n    case \"$1\" in\n";
    for (const CompletionNode& node : nodes)
        out += fmt::format("        '{}') echo '{}' ;;\n", node.path, words_after(node));
    out +=
        "    esac\n}\n"
        "# Prints what may follow an option of a command: words, @file, or @any. Prints nothing for an option\n"
        "# without a value. For the option \"\" prints what an argument of the command may be.\n"
        "_ioswarm_values() {\n    case \"$1 $2\" in\n";
    for (const CompletionNode& node : nodes) {
        if (node.takes_files) out += fmt::format("        '{} ') echo @file ;;\n", node.path);
        if (!node.words.empty())
            out += fmt::format("        '{} ') echo '{}' ;;\n", node.path, fmt::join(node.words, " "));
        for (const CompletionOption& option : node.options) {
            if (option.value == CompletionValue::none) continue;
            const std::string what = option.value == CompletionValue::words
                                         ? fmt::format("{}", fmt::join(option.words, " "))
                                     : option.value == CompletionValue::file ? "@file"
                                                                             : "@any";
            std::vector<std::string> patterns;
            for (const std::string& name : option.names)
                patterns.push_back(fmt::format("'{} {}'", node.path, name));
            out += fmt::format("        {}) echo '{}' ;;\n", fmt::join(patterns, " | "), what);
        }
    }
    return out + "    esac\n}\n";
}

/// Finds the command that the words before the cursor name. Sets `command`, and `option` to the option whose
/// value is being typed. The words come as arguments, in the syntax that bash and zsh share.
constexpr std::string_view kFindCommand = R"SH(_ioswarm_find() {
    command='' option=''
    local word
    for word in "$@"; do
        if [ "$word" = '=' ]; then continue; fi
        if [ -n "$option" ]; then option=''; continue; fi
        case "$word" in
            -*=*) ;;
            -*) if [ -n "$(_ioswarm_values "$command" "$word")" ]; then option=$word; fi ;;
            help) if [ -n "$command" ]; then continue; fi ;;
            *)
                case " $(_ioswarm_words "$command") " in
                    *" $word "*) command="${command:+$command }$word" ;;
                esac
                ;;
        esac
    done
}
)SH";

}  // namespace

std::string bash_completion(const std::vector<CompletionNode>& nodes) {
    return "# bash completion for ioswarm. Made by: ioswarm completion bash\n" + shell_tables(nodes) +
           std::string(kFindCommand) + R"SH(_ioswarm() {
    local command option words current=${COMP_WORDS[COMP_CWORD]}
    _ioswarm_find "${COMP_WORDS[@]:1:COMP_CWORD-1}"
    # bash splits "--level=L1" into three words.
    if [ "$current" = '=' ]; then current=''; fi
    words=$(_ioswarm_values "$command" "$option")
    if [ -z "$option" ] && [ -z "$words" -o "${current#-}" != "$current" ]; then
        words=$(_ioswarm_words "$command")
    elif [ -z "$option" ]; then
        words="$words $(_ioswarm_words "$command")"
    fi
    COMPREPLY=()
    case " $words " in
        *' @any '*) ;;
        *' @file '*)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$current"; compgen -W "${words#@file}" -- "$current")
            ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
    esac
}
complete -F _ioswarm ioswarm
)SH";
}

std::string zsh_completion(const std::vector<CompletionNode>& nodes) {
    return "#compdef ioswarm\n# zsh completion for ioswarm. Made by: ioswarm completion zsh\n" +
           shell_tables(nodes) + std::string(kFindCommand) + R"SH(_ioswarm() {
    local command option found
    _ioswarm_find "${(@)words[2,CURRENT-1]}"
    if [[ -z $option && ${words[CURRENT]} == -*=* ]]; then
        option=${words[CURRENT]%%=*}
        compset -P '*='
    fi
    found=$(_ioswarm_values "$command" "$option")
    if [[ $found == @any ]]; then return 1; fi
    if [[ $found == @file ]]; then _files; fi
    if [[ $found == @file ]]; then found=''; fi
    if [[ -z $option ]]; then found="$found $(_ioswarm_words "$command")"; fi
    compadd -- ${=found}
}
if [[ ${funcstack[1]} == _ioswarm ]]; then
    _ioswarm "$@"
else
    compdef _ioswarm ioswarm
fi
)SH";
}

std::string fish_completion(const std::vector<CompletionNode>& nodes) {
    std::vector<std::string> paths;
    for (const CompletionNode& node : nodes) {
        if (!node.path.empty()) paths.push_back(quoted(node.path, "\\'"));
    }
    std::string out = "# fish completion for ioswarm. Made by: ioswarm completion fish\n";
    out += fmt::format("set -g __ioswarm_commands {}\n", fmt::join(paths, " "));
    out += R"SH(# Succeeds when the words before the cursor name this command.
function __ioswarm_at
    set -l at
    for word in (commandline -opc)[2..-1]
        set -l next (string trim "$at $word")
        if contains -- $next $__ioswarm_commands
            set at $next
        end
    end
    test "$at" = "$argv[1]"
end
complete -c ioswarm -f
)SH";
    for (const CompletionNode& node : nodes) {
        const std::string at = fmt::format("complete -c ioswarm -n '__ioswarm_at \"{}\"'", node.path);
        for (const std::string& name : node.subcommands) {
            const std::string path = node.path.empty() ? name : node.path + " " + name;
            const auto sub = std::find_if(nodes.begin(), nodes.end(),
                                          [&](const CompletionNode& other) { return other.path == path; });
            const std::string_view summary =
                sub == nodes.end() ? "print the options of a command" : std::string_view(sub->summary);
            out += fmt::format("{} -a {} -d {}\n", at, name, quoted(summary, "\\'"));
        }
        if (node.takes_files) out += at + " -F\n";
        if (!node.words.empty()) out += fmt::format("{} -a '{}'\n", at, fmt::join(node.words, " "));
        for (const CompletionOption& option : node.options) {
            out += at;
            for (const std::string& name : option.names)
                out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            if (option.value == CompletionValue::any) out += " -x";
            if (option.value == CompletionValue::file) out += " -r -F";
            if (option.value == CompletionValue::words)
                out += fmt::format(" -x -a '{}'", fmt::join(option.words, " "));
            out += fmt::format(" -d {}\n", quoted(option.help, "\\'"));
        }
    }
    return out;
}

}  // namespace ioswarm::cli
