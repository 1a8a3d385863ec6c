// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "cli/commands.hpp"
#include "cli/config/keys.hpp"
#include "cli/serve/reload.hpp"
#include "test/cli/run_cli.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using ioswarm::test::run_cli;

namespace {

/// Reads a manual page and removes roff's escapes: "\-" becomes "-", and font changes disappear.
std::string page(const std::string& name) {
    const auto path = std::filesystem::path(IOSWARM_TEST_DATA).parent_path().parent_path() / "man" / name;
    if (!std::filesystem::exists(path)) FAIL("there is no manual page " << name);
    std::string text = ioswarm::test::whole_file(path);
    text = std::regex_replace(text, std::regex(R"(\\f[BIR])"), "");
    return std::regex_replace(text, std::regex(R"(\\([-&]))"), "$1");
}

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
    const std::regex regex(pattern);
    std::set<std::string> out;
    for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it)
        out.insert((*it)[1]);
    return out;
}

std::set<std::string> options_in(const std::string& text) {
    return matches(text, R"((?:^|[^-\w])(--[a-z0-9][a-z0-9-]*))");
}

/// Returns one section, up to the next section.
std::string section(const std::string& text, const std::string& title) {
    const std::size_t begin = text.find("\n.SH " + title + "\n");
    if (begin == std::string::npos) return "";
    return text.substr(begin + 1, text.find("\n.SH ", begin + 1) - begin);
}

/// Returns the options that the section OPTIONS declares: those on the line after a .TP.
std::set<std::string> declared_options(const std::string& text) {
    std::string tags;
    const std::regex tag(R"(\.TP\n(.*)\n)");
    const std::string options = section(text, "OPTIONS");
    for (std::sregex_iterator it(options.begin(), options.end(), tag), end; it != end; ++it)
        tags += (*it)[1].str() + "\n";
    return options_in(tags);
}

std::set<std::string> help_options(const std::vector<std::string>& arguments) {
    return options_in(run_cli(arguments).out);
}

using Set = std::set<std::string>;

/// Returns the options of a command and of its subcommands, if it has any.
Set options_of(std::string_view name) {
    static const std::map<std::string_view, std::vector<std::string>> kSubcommands = {
        {"agents", {"list", "show", "allow", "deny"}},
        {"config", {"show", "check", "default"}},
        {"ledger", {"backup", "check"}},
        {"settle", {"init", "status", "unstick", "resume", "audit"}},
        {"diffs", {"import", "stat", "verify", "export", "restart"}},
        {"snapshot", {"export", "roll", "verify", "inspect", "diff"}},
        {"wallet", {"new", "import", "address", "inspect"}}};
    Set all = help_options({"help", std::string(name)});
    if (const auto it = kSubcommands.find(name); it != kSubcommands.end()) {
        for (const std::string& sub : it->second)
            all.merge(help_options({"help", std::string(name), sub}));
    }
    return all;
}

Set missing_from(const Set& some, const Set& all) {
    Set out;
    std::set_difference(some.begin(), some.end(), all.begin(), all.end(), std::inserter(out, out.end()));
    return out;
}

}  // namespace

TEST_CASE("every command has a man page with the same options as --help", "[man]") {
    for (const CommandRow& row : commands()) {
        CAPTURE(row.name);
        const std::string text = page(fmt::format("ioswarm-{}.1", row.name));
        CHECK(text.find(fmt::format("ioswarm-{} - {}", row.name, "")) != std::string::npos);
        const Set help = options_of(row.name);
        const Set declared = declared_options(text);
        CHECK(missing_from(help, declared) == Set{});
        CHECK(missing_from(declared, help) == Set{});
    }
}

TEST_CASE("no man page names an option that no command has", "[man]") {
    Set known{"--help", "--version"};
    for (const CommandRow& row : commands())
        known.merge(options_of(row.name));
    for (const std::string name : {"ioswarm.1", "ioswarm-serve.1", "ioswarm-keygen.1", "ioswarm-config.1",
                                   "ioswarm-sim.1", "ioswarm.yaml.5"}) {
        CAPTURE(name);
        CHECK(missing_from(options_in(page(name)), known) == Set{});
    }
}

TEST_CASE("the overview page names every command and every exit code", "[man]") {
    const std::string text = page("ioswarm.1");
    for (const CommandRow& row : commands()) {
        CHECK(text.find(fmt::format("ioswarm-{}", row.name)) != std::string::npos);
    }
    for (const ExitCode code :
         {ExitCode::ok, ExitCode::failed_check, ExitCode::warned, ExitCode::usage, ExitCode::bad_data,
          ExitCode::no_input, ExitCode::unavailable, ExitCode::internal, ExitCode::cannot_create, ExitCode::io,
          ExitCode::try_again, ExitCode::protocol, ExitCode::permission, ExitCode::configuration,
          ExitCode::interrupted, ExitCode::terminated}) {
        CHECK(section(text, "EXIT STATUS")
                  .find(fmt::format(".TP\n.B {}\n{}\n", static_cast<int>(code), describe(code))) !=
              std::string::npos);
    }
}

TEST_CASE("every command's page has a section of known exit codes", "[man]") {
    const Set all = matches(section(page("ioswarm.1"), "EXIT STATUS"), R"(\.B (\d+))");
    for (const CommandRow& row : commands()) {
        CAPTURE(row.name);
        const Set codes =
            matches(section(page(fmt::format("ioswarm-{}.1", row.name)), "EXIT STATUS"), R"(\.B (\d+))");
        CHECK(codes.count("0") == 1);
        CHECK(codes.count("64") == 1);
        CHECK(missing_from(codes, all) == Set{});
    }
}

namespace {

/// How the manual marks a key of this kind.
std::string reload_mark(ReloadEffect effect) {
    if (effect == ReloadEffect::now) return "; reloadable";
    return effect == ReloadEffect::next_epoch ? "; reloadable from the next epoch" : "";
}

}  // namespace

TEST_CASE(
    "the page of the configuration has every key with its default and its mark for a reload, and no other",
    "[man]") {
    const std::string text = page("ioswarm.yaml.5");
    Set described;
    // Matches .BR name " (…; default: X)", or two names in one tag.
    const std::regex tag(R"RE(\.TP\n\.BR ([\w.]+)(?: ", " ([\w.]+))? " \(([^)]*)\)")RE");
    const std::string keys = section(text, "KEYS OF IOTEX-CORE") + section(text, "KEYS OF THIS PROGRAM");
    for (std::sregex_iterator it(keys.begin(), keys.end(), tag), end; it != end; ++it) {
        for (const std::size_t group : {1U, 2U}) {
            const std::string name = (*it)[group];
            if (name.empty()) continue;
            CAPTURE(name);
            CHECK(described.insert(name).second);
            const auto table = config_keys();
            const auto key =
                std::find_if(table.begin(), table.end(), [&](const KeyRow& row) { return row.name == name; });
            REQUIRE(key != table.end());
            const std::string declared = (*it)[3];
            const std::size_t mark = std::min(declared.find("; reloadable"), declared.size());
            CHECK(declared.substr(mark) == reload_mark(reload_effect(name)));
            const std::string form = declared.substr(0, mark);
            const std::size_t at = form.find("default: ");
            CHECK((at == std::string::npos ? "" : form.substr(at + 9)) == key->fallback);
        }
    }
    for (const KeyRow& key : config_keys()) {
        CAPTURE(key.name);
        CHECK(described.count(std::string(key.name)) == 1);
    }
}

TEST_CASE("the page of serve names the key of each flag", "[man]") {
    const std::string text = page("ioswarm-serve.1");
    if (find_command("serve") == nullptr) return;
    for (const KeyRow& key : config_keys()) {
        CAPTURE(key.name);
        CHECK(std::regex_search(
            text, std::regex(flag_name(key) + R"((?: ".*"| \[.*)\n\.B )" + std::string(key.name) + "\n")));
    }
}
