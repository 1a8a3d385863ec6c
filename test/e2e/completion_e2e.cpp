// SPDX-License-Identifier: Apache-2.0
// Loads the completion script of each shell and checks which words the shell offers. A shell that is not
// installed is skipped with a warning.
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

#include <catch2/catch.hpp>

#include "test/support/program.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm::test;

namespace {

bool has_shell(const std::string& name) {
    if (access(("/usr/bin/" + name).c_str(), X_OK) == 0 || access(("/bin/" + name).c_str(), X_OK) == 0)
        return true;
    WARN(name << " is not installed: its completion script is not tested");
    return false;
}

/// Replaces each "IOSWARM" in a script with the program's path.
std::string with_program(std::string script) {
    const std::string mark = "IOSWARM";
    for (std::size_t at = 0; (at = script.find(mark, at)) != std::string::npos;)
        script.replace(at, mark.size(), IOSWARM_BINARY);
    return script;
}

/// The words that the shell offers after `line`, as one text with a space around each.
std::string offered(const std::string& shell, const std::string& script, const std::string& line) {
    // fish writes files into its home, and prints warnings if it cannot.
    const TempDir home;
    const ProgramRun run =
        run_program({"/usr/bin/env", shell, "-c", with_program(script), shell, line},
                    {"XDG_CONFIG_HOME=" + home.path("config"), "XDG_DATA_HOME=" + home.path("data"),
                     "XDG_CACHE_HOME=" + home.path("cache")});
    INFO(shell << ": " << line << "\n" << run.err);
    CHECK(run.code == 0);
    std::string out = " ";
    std::istringstream words(run.out);
    for (std::string word; words >> word;)
        out += word + " ";
    return out;
}

void check_offers(const std::string& shell, const std::string& script) {
    const auto offers = [&](const std::string& line, const std::vector<std::string>& words) {
        const std::string all = offered(shell, script, line);
        for (const std::string& word : words) {
            INFO(shell << " after '" << line << "': " << all);
            CHECK(all.find(" " + word + " ") != std::string::npos);
        }
        return all;
    };
    offers("ioswarm s", {"serve", "snapshot", "sim", "settle"});
    CHECK(offers("ioswarm sna", {"snapshot"}).find(" serve ") == std::string::npos);
    offers("ioswarm snapshot ", {"export", "roll", "verify", "inspect", "diff"});
    offers("ioswarm snapshot export --so", {"--source"});
    offers("ioswarm sim --", {"--agents", "--level", "--json"});
    offers("ioswarm sim --level ", {"L1", "L2", "L3"});
    offers("ioswarm sim --agents 5 --level L", {"L1", "L2", "L3"});
    offers("ioswarm deploy --network ", {"mainnet", "testnet"});
    offers("ioswarm serve --task-level ", {"L1", "L2", "L3"});
    offers("ioswarm help sn", {"snapshot"});
    offers("ioswarm completion ", {"bash", "zsh", "fish"});
    // --agents takes any number, so neither values nor options are offered after it.
    CHECK(offers("ioswarm sim --agents ", {}).find(" --level ") == std::string::npos);
}

}  // namespace

TEST_CASE("bash completes commands, options and values", "[completion]") {
    if (!has_shell("bash")) return;
    check_offers("bash", R"SH(
        source <(IOSWARM completion bash)
        read -r -a COMP_WORDS <<<"$1"
        if [[ $1 == *' ' ]]; then COMP_WORDS+=(''); fi
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _ioswarm
        printf '%s\n' "${COMPREPLY[@]}")SH");
}

TEST_CASE("zsh completes commands, options and values", "[completion]") {
    if (!has_shell("zsh")) return;
    // Completion built-ins such as compadd exist only in an interactive zsh. These functions replace them.
    check_offers("zsh", R"SH(
        compdef() { }
        _files() { }
        compset() { }
        compadd() {
            local word
            shift
            for word in "$@"; do
                if [[ $word == ${words[CURRENT]}* ]]; then print -r -- "$word"; fi
            done
        }
        source <(IOSWARM completion zsh)
        words=("${(@s/ /)1}")
        CURRENT=${#words}
        _ioswarm || true)SH");
}

TEST_CASE("fish completes commands, options and values", "[completion]") {
    if (!has_shell("fish")) return;
    check_offers("fish", R"SH(
        IOSWARM completion fish | source
        complete -C $argv[2] | string replace -r '\t.*' ''
        true  # string fails where it has nothing to replace)SH");
}
