// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/completion.hpp"
#include "cli/exit_code.hpp"
#include "cli/version/build_info.hpp"
#include "test/cli/run_cli.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("exit codes have the documented numbers", "[cli]") {
    using cli::ExitCode;
    const std::vector<std::pair<ExitCode, int>> promised{{ExitCode::ok, 0},
                                                         {ExitCode::failed_check, 1},
                                                         {ExitCode::usage, 64},
                                                         {ExitCode::bad_data, 65},
                                                         {ExitCode::no_input, 66},
                                                         {ExitCode::unavailable, 69},
                                                         {ExitCode::internal, 70},
                                                         {ExitCode::cannot_create, 73},
                                                         {ExitCode::io, 74},
                                                         {ExitCode::try_again, 75},
                                                         {ExitCode::protocol, 76},
                                                         {ExitCode::permission, 77},
                                                         {ExitCode::configuration, 78},
                                                         {ExitCode::interrupted, 130},
                                                         {ExitCode::terminated, 143}};
    for (const auto& [code, number] : promised)
        CHECK(static_cast<int>(code) == number);
}

TEST_CASE("each kind of failure has one exit code", "[cli]") {
    using cli::exit_code_for;
    using cli::ExitCode;
    CHECK(exit_code_for(ErrorCode::usage) == ExitCode::usage);
    CHECK(exit_code_for(ErrorCode::bad_data) == ExitCode::bad_data);
    CHECK(exit_code_for(ErrorCode::invalid_argument) == ExitCode::bad_data);
    CHECK(exit_code_for(ErrorCode::unavailable) == ExitCode::unavailable);
    CHECK(exit_code_for(ErrorCode::internal) == ExitCode::internal);
    CHECK(exit_code_for(ErrorCode::io) == ExitCode::io);
    CHECK(exit_code_for(ErrorCode::not_found) == ExitCode::no_input);
    CHECK(exit_code_for(ErrorCode::try_again) == ExitCode::try_again);
    CHECK(exit_code_for(ErrorCode::timed_out) == ExitCode::try_again);
    CHECK(exit_code_for(ErrorCode::permission_denied) == ExitCode::permission);
    CHECK(exit_code_for(ErrorCode::config) == ExitCode::configuration);
    CHECK(exit_code_for(ErrorCode::failed_check) == ExitCode::failed_check);
}

TEST_CASE("what a failure is about decides between input, output, secret and peer", "[cli]") {
    using cli::Concerns;
    using cli::exit_code_for;
    using cli::ExitCode;
    for (const ErrorCode code : {ErrorCode::not_found, ErrorCode::io}) {
        CHECK(exit_code_for(code, Concerns::output) == ExitCode::cannot_create);
        CHECK(exit_code_for(code, Concerns::secret) == ExitCode::io);
    }
    CHECK(exit_code_for(ErrorCode::bad_data, Concerns::peer) == ExitCode::protocol);
    for (const Concerns one : {Concerns::output, Concerns::secret, Concerns::peer})
        CHECK(exit_code_for(ErrorCode::permission_denied, one) == ExitCode::permission);
}

TEST_CASE("without arguments the overview goes to standard error, and the exit code is 64", "[cli]") {
    const CliRun run = run_cli({});
    CHECK(run.code == 64);
    CHECK(run.out.empty());
    CHECK_THAT(run.err, StartsWith("ioswarm: an operator's toolkit"));
}

TEST_CASE("help lists every command", "[cli]") {
    for (const std::string word : {"help", "--help", "-h"}) {
        const CliRun run = run_cli({word});
        CHECK(run.code == 0);
        CHECK(run.err.empty());
        for (const cli::CommandRow& row : cli::commands()) {
            CHECK_THAT(run.out, Contains(std::string(row.name)) && Contains(std::string(row.summary)));
        }
    }
}

TEST_CASE("'help X' and 'X --help' print the same, for every command", "[cli]") {
    for (const cli::CommandRow& row : cli::commands()) {
        const std::string name(row.name);
        const CliRun help = run_cli({"help", name});
        CHECK(help.code == 0);
        CHECK_THAT(help.out, Contains(std::string(row.summary)) && Contains("--help"));
        CHECK(run_cli({name, "--help"}).out == help.out);
    }
    CHECK_THAT(run_cli({"help", "config", "show"}).out, Contains("--json"));
}

TEST_CASE("'help help' prints the overview", "[cli]") {
    for (const std::string word : {"help", "--help", "-h"})
        CHECK(run_cli({"help", word}).out == run_cli({"help"}).out);
}

TEST_CASE("the version is printed on one line", "[cli]") {
    const CliRun run = run_cli({"--version"});
    CHECK(run.code == 0);
    CHECK(run.out == "ioswarm 0.1.0\n");
}

TEST_CASE("version prints what the program was built from, in text and in JSON", "[cli]") {
    const cli::BuildInfo build = cli::build_info();
    const CliRun text = run_cli({"version"});
    CHECK(text.code == 0);
    CHECK_THAT(text.out, StartsWith("ioswarm 0.1.0\n") && Contains("\nlibraries:\n") && Contains("  grpc "));
    const auto json = nlohmann::json::parse(run_cli({"version", "--json"}).out);
    CHECK(json.at("version") == std::string(build.version));
    CHECK(json.at("modified") == build.commit.modified);
    CHECK(json.at("compiler") == std::string(build.compiler));
    CHECK(json.at("snapshot_version") == 1);
    for (const auto& [name, version] : json.at("libraries").items()) {
        INFO(name << " " << version);
        CHECK(version.get<std::string>().find_first_of("0123456789") == 0);
    }
    if (build.commit.id.empty()) {
        CHECK(json.at("commit").is_null());
    } else {
        CHECK(json.at("commit") == std::string(build.commit.id));
        CHECK(build.commit.id.size() == 40);
        CHECK_THAT(text.out, Contains("\ncommit:    " + std::string(build.commit.id)));
    }
}

TEST_CASE("every command, subcommand and listed option can be completed", "[cli]") {
    const auto nodes = cli::completion_nodes();
    for (const cli::CommandRow& row : cli::commands()) {
        INFO(row.name);
        CHECK(std::count_if(nodes.begin(), nodes.end(),
                            [&](const cli::CompletionNode& node) { return node.path == row.name; }) == 1);
    }
    for (const char* shell : {"bash", "zsh", "fish"}) {
        const std::string script = run_cli({"completion", shell}).out;
        for (const cli::CompletionNode& node : nodes) {
            INFO(shell << ": " << node.path);
            CHECK_THAT(script, Contains(node.path));
            for (const cli::CompletionOption& option : node.options) {
                const std::string& name = option.names.front();
                CHECK_THAT(script, Contains(std::string(shell) == "fish" ? " -l " + name.substr(2) : name));
            }
        }
    }
    CHECK(run_cli({"completion", "tcsh"}).code == 64);
    CHECK(run_cli({"completion"}).code == 64);
}

TEST_CASE("for a mistyped command the closest one is suggested", "[cli]") {
    const CliRun run = run_cli({"kegyen"});
    CHECK(run.code == 64);
    CHECK(run.err == "ioswarm: kegyen: unknown command\nhint: did you mean 'keygen'?\n");
    CHECK(run_cli({"frobnicate-all"}).err ==
          "ioswarm: frobnicate-all: unknown command\nhint: 'ioswarm help' lists the commands\n");
}

TEST_CASE("for a mistyped option the closest one is suggested", "[cli]") {
    const CliRun run = run_cli({"keygen", "--agnet", "a"});
    CHECK(run.code == 64);
    CHECK(run.err == "ioswarm: keygen: --agnet: unknown option\nhint: did you mean '--agent'?\n");
    CHECK(run_cli({"config", "shwo"}).err ==
          "ioswarm: config: shwo: unexpected argument\nhint: did you mean 'show'?\n");
    CHECK(run_cli({"config", "show", "check"}).err ==
          "ioswarm: config: check: unexpected argument\nhint: see 'ioswarm help config'\n");
    // The word differs too much from every known one, so nothing is suggested.
    CHECK(run_cli({"config", "--jsn"}).err ==
          "ioswarm: config: --jsn: unknown option\nhint: see 'ioswarm help config'\n");
    CHECK(run_cli({"ls"}).err == "ioswarm: ls: unknown command\nhint: 'ioswarm help' lists the commands\n");
    CHECK(run_cli({"config", "show", "--grpc-prt=5"}).err ==
          "ioswarm: config: --grpc-prt: unknown option\nhint: did you mean '--grpc-port'?\n");
}

TEST_CASE("a mistyped option is reported before the required option that it should have been", "[cli]") {
    CHECK(run_cli({"snapshot", "export", "--sorce", "x", "--output", "y"}).err ==
          "ioswarm: snapshot: --sorce: unknown option\nhint: did you mean '--source'?\n");
    CHECK_THAT(run_cli({"snapshot", "export", "--output", "y"}).err, Contains("--source is required"));
}

TEST_CASE("a word instead of a number is refused with what was expected", "[cli]") {
    const CliRun run = run_cli({"sim", "--agents", "abc"});
    CHECK(run.code == 64);
    CHECK(run.err ==
          "ioswarm: sim: --agents: 'abc' is not a whole number, or it is too large\nhint: see 'ioswarm help "
          "sim'\n");
    CHECK_THAT(run_cli({"sim", "--tps", "99999999999999999999"}).err, Contains("or it is too large"));
}

TEST_CASE("a snapshot needs a name and at least one namespace", "[cli]") {
    const auto refused = [](std::vector<std::string> more) {
        std::vector<std::string> words{"snapshot", "export", "--source", "/no/such"};
        words.insert(words.end(), more.begin(), more.end());
        const CliRun run = run_cli(words);
        CHECK(run.code == 64);
        return run.err;
    };
    CHECK_THAT(refused({"--output", "-"}), Contains("--output") && Contains("standard output"));
    CHECK_THAT(refused({"--output", "x", "--namespaces", ""}), Contains("--namespaces") && Contains("empty"));
}

TEST_CASE("an empty value is refused wherever it would stand for something else", "[cli]") {
    const std::vector<std::pair<std::vector<std::string>, std::string>> commands{
        {{"snapshot", "export", "--source", "/no/such", "--output", "x", "--publish-cmd", ""}, "--publish-cmd"},
        {{"snapshot", "export", "--source", "/no/such", "--output", "x", "--publish-cmd="}, "--publish-cmd"},
        {{"snapshot", "export", "--source", "", "--output", "x"}, "--source"},
        {{"snapshot", "export", "--source=", "--output", "x"}, "--source"},
        {{"snapshot", "export", "--source", "/no/such", "--output="}, "--output"},
        {{"snapshot", "roll", "--base", "", "--diffs", "x", "--output", "y"}, "--base"},
        {{"snapshot", "verify", ""}, "FILE|URL"},
        {{"diffs", "verify", ""}, "FILE"},
        {{"diffs", "import", "/no/such", "--to", ""}, "--to"},
        {{"config", "show", "--config", ""}, "--config"},
        {{"config", "show", "--data-dir", ""}, "--data-dir"},
        {{"config", "show", "--data-dir="}, "--data-dir"},
        {{"ledger", "check", ""}, "PATH"},
        {{"keygen", "--agents-file", "", "--secret-file", "-"}, "--agents-file"},
        {{"l4test", "--addr", "h:1", "--key-file", ""}, "--key-file"},
        {{"sim", "--target", ""}, "--target"},
    };
    for (const auto& [words, name] : commands) {
        const CliRun run = run_cli(words, "secret\n");
        INFO(run.err);
        CHECK(run.code == 64);
        CHECK_THAT(run.err, StartsWith("ioswarm: " + words[0] + ": ") &&
                                Contains(name + ": the value is empty\nhint: a shell variable"));
    }
}

TEST_CASE("an empty flag of a configuration key takes back what a file sets", "[cli]") {
    for (const std::vector<std::string>& flag :
         {std::vector<std::string>{"--reward-contract", ""}, std::vector<std::string>{"--reward-contract="}}) {
        std::vector<std::string> words{"config", "show"};
        words.insert(words.end(), flag.begin(), flag.end());
        const CliRun run = run_cli(words);
        INFO(run.err);
        CHECK(run.code == 0);
    }
}

TEST_CASE("a command with subcommands asks for one, and runs none by itself", "[cli]") {
    for (const auto& [command, question] : {std::pair{"wallet", "which one: new, import, address or inspect?"},
                                            std::pair{"ledger", "which one: backup or check?"},
                                            std::pair{"config", "which one: check, show or default?"}}) {
        const CliRun run = run_cli({command});
        CHECK(run.code == 64);
        CHECK_THAT(run.err, Catch::Matchers::Contains(question) && Catch::Matchers::Contains("ioswarm help"));
    }
    CHECK_THAT(run_cli({"snapshot"}).err, Catch::Matchers::Contains("which one: export, "));
    CHECK_THAT(run_cli({"diffs"}).err, Catch::Matchers::Contains("which one: "));
    CHECK(run_cli({"wallet", "--help"}).code == 0);
}

TEST_CASE("an option without its value is a usage error", "[cli]") {
    const CliRun run = run_cli({"keygen", "--agent"});
    CHECK(run.code == 64);
    CHECK_THAT(run.err,
               StartsWith("ioswarm: keygen: --agent") && Contains("hint: see 'ioswarm help keygen'\n"));
}

TEST_CASE("a program that is started under a link's name runs that command", "[cli]") {
    CHECK(run_cli({"--help"}, "", "/usr/bin/ioswarm-keygen").out == run_cli({"help", "keygen"}).out);
    CHECK(run_cli({"--help"}, "", "ioswarm-config").out == run_cli({"help", "config"}).out);
    // Any other name runs the program itself.
    CHECK(run_cli({"help"}, "", "./ioswarm-0.1").out == run_cli({"help"}).out);
}

TEST_CASE("a command that replaces a tool of iotex-core accepts its flags with one dash", "[cli]") {
    for (const std::string name : {"/usr/bin/l4baseline", "snapshotexporter", "ioswarm-l4baseline"}) {
        INFO(name);
        const CliRun one = run_cli({"-source", "/no/such", "-stats=true", "-timeout", "5s"}, "", name);
        CHECK(one.code == 66);
        CHECK(one.err == "ioswarm: cannot open the node's state: /no/such: No such file or directory\n");
        CHECK(run_cli({"-help"}, "", name).out == run_cli({"help", "l4baseline"}).out);
        CHECK(run_cli({"-sourc", "x"}, "", name).code == 64);
    }
    CHECK(run_cli({"l4baseline", "-source=/no/such", "-stats"}).code == 66);
    // For other commands, one dash before a word is still an error.
    CHECK(run_cli({"keygen", "-agent", "a"}).code == 64);
}

TEST_CASE("text from the command line is escaped before it is printed on a terminal", "[cli]") {
    CHECK(run_cli({"\033[2Jx"}).err ==
          "ioswarm: \\x1b[2Jx: unknown command\nhint: 'ioswarm help' lists the commands\n");
}

TEST_CASE("command names and links do not collide", "[cli]") {
    std::set<std::string_view> names;
    std::deque<std::string> kept;
    for (const cli::CommandRow& row : cli::commands()) {
        CHECK(names.insert(row.name).second);
        std::istringstream links{std::string(row.links)};
        // A link may have the same name as its command.
        for (std::string link; links >> link;)
            CHECK((link == row.name || names.insert(kept.emplace_back(link)).second));
    }
}

TEST_CASE("a link is installed for every command", "[cli]") {
    std::string expected;
    for (const cli::CommandRow& row : cli::commands()) {
        expected += (expected.empty() ? "ioswarm-" : " ioswarm-") + std::string(row.name);
        if (!row.links.empty()) expected += " " + std::string(row.links);
    }
    CHECK(expected == IOSWARM_LINKS);
}

TEST_CASE("on a terminal the program's name is coloured, the message is not", "[cli]") {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    cli::Io io{in, out, err, true};
    cli::print_error(io, Error{ErrorCode::io, "cannot read", "x\033[2J", "why", "do this"});
    CHECK(err.str() == "\033[1;31mioswarm:\033[0m cannot read: x\\x1b[2J: why\nhint: do this\n");
}

TEST_CASE("with --json every error of a command that pays is a JSON document", "[cli]") {
    const std::string address = "io1w8g444d07pg5exp2ngy4w38hpwgnr7rg3s7wur";
    const std::vector<std::vector<std::string>> wrong{
        {"deploy", "--json"},                                      // an option is missing
        {"deploy", "--json", "--nonsense"},                        // an unknown option
        {"deploy", "--json", "--coordinator", address},            // there is no terminal for the question
        {"fund", "--json", "--amount", "x", address},              // a value is wrong
        {"claim", "--json", "--contract", "0x12", "--yes"},        // an address is wrong
        {"wallet", "--json"},                                      // the subcommand is missing
        {"wallet", "inspect", "--json", "/nonexistent/keystore"},  // a file is missing
        {"rewards", "--json"},
        {"settle", "--json", "--data-dir", "/nonexistent/data"},
        {"settle", "status", "--json", "--data-dir", "/nonexistent/data"},
        {"settle", "audit", "--json", "--reward-chain-id", "x"},
        {"settle", "unstick", "--json", "--yes"}};
    for (const std::vector<std::string>& arguments : wrong) {
        CAPTURE(arguments);
        const CliRun run = run_cli(arguments);
        CAPTURE(run.err);
        CHECK(run.code != 0);
        CHECK(run.out.empty());
        const std::size_t end = run.err.find_last_not_of('\n');
        REQUIRE(end != std::string::npos);
        const std::size_t begin = run.err.rfind('\n', end);
        const std::string last = run.err.substr(begin == std::string::npos ? 0 : begin + 1);
        const auto document = nlohmann::json::parse(last, nullptr, false);
        REQUIRE(document.is_object());
        REQUIRE(document.contains("error"));
        const auto& error = document["error"];
        CHECK_FALSE(error["code"].get<std::string>().empty());
        CHECK_FALSE(error["message"].get<std::string>().empty());
        CHECK(error["hint"].is_string());
    }
    // Without --json, or with it after "--", the error is text.
    CHECK_THAT(run_cli({"rewards"}).err, StartsWith("ioswarm: "));
    CHECK_THAT(run_cli({"deploy", "--", "--json"}).err, StartsWith("ioswarm: "));
}
