// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <ostream>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/completion.hpp"

namespace ioswarm::cli {

Runner add_completion(CLI::App& app) {
    auto shell = std::make_shared<std::string>();
    app.add_option("shell", *shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}))
        ->type_name("SHELL");
    return [shell](Io& io) {
        const auto nodes = completion_nodes();
        io.out << (*shell == "bash"  ? bash_completion(nodes)
                   : *shell == "zsh" ? zsh_completion(nodes)
                                     : fish_completion(nodes));
        return ExitCode::ok;
    };
}

}  // namespace ioswarm::cli
