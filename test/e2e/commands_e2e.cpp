// SPDX-License-Identifier: Apache-2.0
// The program as a script sees it: exit codes, whole lines, output streams.
#include <csignal>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>

#include <catch2/catch.hpp>

#include "core/base/descriptor.hpp"
#include "test/support/program.hpp"
#include "test/support/scripted_http.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/terminal_run.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

ProgramRun run(std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
    arguments.insert(arguments.begin(), IOSWARM_BINARY);
    return run_program(std::move(arguments), std::move(environment));
}

}  // namespace

// 70 is missing: it stands for a bug, and no command is known that ends with it.
TEST_CASE("each documented exit code is that of a command", "[e2e]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "a master secret\n");
    std::filesystem::permissions(secret, std::filesystem::perms::owner_read);
    const std::string open = dir.write("open", "s");
    std::filesystem::permissions(open, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
    const std::string there = dir.write("there", "");
    const std::string none = dir.path("none");
    const std::string wrong = dir.write("wrong.yaml", "ioswarm: {grpcPort: x}");
    const std::string good = dir.write(
        "good.yaml", "ioswarm: {chain: {seed: 1}, grpcPort: 0, swarmApiPort: 0, dataDir: " + dir.path() + "}");
    // Another program holds the lock on the output.
    const std::string output = dir.path("out.gz");
    const ioswarm::Descriptor lock(
        ::open(dir.path(".out.gz.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
    const std::string state = IOSWARM_TEST_DATA "/bolt/trie.db";
    ScriptedHttp nonsense([](HttpConnection& peer, const std::string&) { return peer.answer("no JSON"); });
    const std::string hash = "0x" + std::string(64, 'b');

    const std::vector<std::pair<int, std::vector<std::string>>> promised{
        {0, {"--version"}},
        {0, {"help"}},
        {1, {"health", "--swarm-api-port", "1"}},
        {3, {"doctor", "--offline", "--strict", "--config", good}},
        {64, {}},
        {64, {"nonsense"}},
        {64, {"keygen", "--nonsense"}},
        {65, {"snapshot", "inspect", IOSWARM_TEST_DATA "/snapshots/bad/ends-in-entry.snap.gz"}},
        {66, {"snapshot", "verify", none}},
        {66, {"snapshot", "export", "--source", none, "--output", dir.path("new.gz")}},
        {69, {"trace", hash, "--web3", "http://127.0.0.1:1"}},
        {73, {"keygen", "a", "--secret-file", secret, "--output", there}},
        {73, {"snapshot", "export", "--source", state, "--output", none + "/new.gz"}},
        {74, {"keygen", "a", "--secret-file", none}},
        {75, {"snapshot", "export", "--source", state, "--output", output}},
        {76, {"trace", hash, "--web3", nonsense.url()}},
        {77, {"keygen", "a", "--secret-file", open}},
        {78, {"config", "check", "--config", wrong}},
    };
    for (const auto& [code, arguments] : promised) {
        CAPTURE(arguments);
        const ProgramRun done = run(arguments);
        CAPTURE(done.out, done.err);
        CHECK(done.code == code);
    }
    for (const auto& [code, signal] : {std::pair{130, SIGINT}, std::pair{143, SIGTERM}}) {
        Program program({IOSWARM_BINARY, "l4sim", "--duration", "10m", "--verbose"}, {"TMPDIR=" + dir.path()});
        REQUIRE(program.wait_for("L4 agents join at 127.0.0.1:"));
        program.send(signal);
        CHECK(program.wait() == code);
    }
}

TEST_CASE("only data goes to standard output", "[e2e]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret\n");
    const ProgramRun done = run({"keygen", "agent-01", "--secret-file", secret});
    CHECK(done.code == 0);
    // printf 'agent-01' | openssl dgst -sha256 -hmac test-secret
    CHECK(
        done.out ==
        "Agent:   agent-01\nAPI Key: iosw_f8ffded2a7c7546c79531a6084fa8249d33d0b71148b2ea59fb3e82a4184b32b\n");
    CHECK(done.err.empty());
    CHECK(run({"help"}).err.empty());
    CHECK(run({"keygn"}).out.empty());
}

TEST_CASE("a full disk at standard output is an error", "[e2e]") {
    const ProgramRun done = run_program({"/bin/sh", "-c", std::string(IOSWARM_BINARY) + " help >/dev/full"});
    CHECK(done.code == 74);
    CHECK(done.err == "ioswarm: cannot write: standard output: No space left on device\n");
}

TEST_CASE("a program started under a link's name runs that command", "[e2e]") {
    const TempDir dir;
    std::filesystem::create_symlink(IOSWARM_BINARY, dir.path("ioswarm-keygen"));
    const ProgramRun done = run_program({dir.path("ioswarm-keygen"), "--help"});
    CHECK(done.code == 0);
    CHECK(done.out == run({"help", "keygen"}).out);
}

TEST_CASE("configuration errors are whole lines with file, line, key and the closest name", "[e2e]") {
    const TempDir dir;
    const std::string file = dir.write("c.yaml", "ioswarm:\n  chain: {seed: 1}\n  masterSecrt: x\n");
    const ProgramRun done = run({"config", "check", "--config", file});
    CHECK(done.code == 78);
    CHECK_THAT(done.err, StartsWith("ioswarm: configuration: " + file +
                                    ":3:3: ioswarm.masterSecrt: unknown key\nhint: did you mean "
                                    "'masterSecret'?\nioswarm: warning: "));
}

TEST_CASE(
    "a secret from a file or a credential is neither in the process list nor in the environment or the log",
    "[e2e]") {
    const TempDir dir;
    const std::string secret = "a-master-secret-of-this-test";
    const std::string file = dir.write("secret", secret + "\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    const std::vector<std::string> serve{
        IOSWARM_BINARY,     "serve", "--embedded",  "--listen", "127.0.0.1",     "--grpc-port", "0",
        "--swarm-api-port", "0",     "--log-level", "debug",    "--with-agents", "1",           "--data-dir",
        dir.path("data")};
    std::vector<std::string> by_file = serve;
    by_file.insert(by_file.end(), {"--master-secret-file", file});
    const std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> forms{
        {by_file, {}},
        {serve, {"IOSWARM_MASTER_SECRET_FILE=" + file}},
        {serve, {"CREDENTIALS_DIRECTORY=" + dir.path(), "IOSWARM_MASTER_SECRET_FILE=" + file}}};
    for (const auto& [arguments, environment] : forms) {
        Program program(arguments, environment);
        REQUIRE(program.wait_for("agents join at"));
        const std::string proc = "/proc/" + std::to_string(program.pid());
        CHECK_THAT(whole_file(proc + "/cmdline"), Contains("serve") && !Contains(secret));
        CHECK_THAT(whole_file(proc + "/environ"), !Contains(secret));
        program.send(SIGTERM);
        CHECK(program.wait() == 0);
        CHECK_THAT(program.err() + program.out(), !Contains(secret) && !Contains("iosw_"));
    }
}

TEST_CASE("standard input gives one secret, not two", "[e2e]") {
    const ProgramRun done = run_program({"/bin/sh", "-c",
                                         "printf 'a-master-secret\\n' | " + std::string(IOSWARM_BINARY) +
                                             " config check --master-secret-file - --master-secret-old-file -"
                                             " --master-secret-old-until 2100-01-01T00:00:00Z --seed 1"});
    CHECK(done.code == 78);
    CHECK_THAT(done.err, Contains("masterSecretOldFile: standard input is read for masterSecretFile already"));
}

TEST_CASE("the environment is read, and a likely typo in it is reported", "[e2e]") {
    const ProgramRun done = run({"config", "show"}, {"IOSWARM_GRPC_PORT=77", "IOSWARM_MAX_AGENT=5"});
    CHECK(done.code == 0);
    CHECK_THAT(done.out, Contains("\n  grpcPort: 77 ") && Contains("# IOSWARM_GRPC_PORT\n"));
    CHECK(done.err ==
          "ioswarm: warning: IOSWARM_MAX_AGENT in the environment is ignored; did you mean "
          "IOSWARM_MAX_AGENTS?\n");
    CHECK(run({"config", "check"}, {"IOSWARM_GRPC_PORT=x"}).code == 78);
}

TEST_CASE("without a terminal nothing is coloured, unless --color asks for it", "[e2e]") {
    const auto coloured = [](std::vector<std::string> arguments) {
        return run(std::move(arguments), {"TERM=xterm"}).err.find('\033') != std::string::npos;
    };
    CHECK_FALSE(coloured({"keygn"}));
    CHECK_FALSE(coloured({"keygen", "--nonsense"}));
    CHECK(coloured({"keygen", "--nonsense", "--color", "always"}));
    CHECK(coloured({"snapshot", "verify", "--color=always", "/nowhere/none.gz"}));
    CHECK(run({"wallet", "address", "--color", "blue"}).code == 64);
}

TEST_CASE("on a terminal errors are coloured, unless the environment or --color says no", "[e2e]") {
    const auto coloured = [](const std::vector<std::string>& environment, const std::string& color) {
        std::vector<std::string> arguments{IOSWARM_BINARY, "snapshot", "verify", "/nowhere/none.gz"};
        if (!color.empty()) arguments.insert(arguments.end(), {"--color", color});
        const TerminalRun done = run_in_terminal(std::move(arguments), environment);
        CHECK_THAT(done.screen, Contains("/nowhere/none.gz"));
        return done.screen.find('\033') != std::string::npos;
    };
    CHECK(coloured({"TERM=xterm"}, ""));
    CHECK(coloured({"TERM=xterm"}, "auto"));
    CHECK_FALSE(coloured({"TERM=xterm"}, "never"));
    CHECK_FALSE(coloured({"TERM=xterm", "NO_COLOR=1"}, ""));
    CHECK_FALSE(coloured({"TERM=dumb"}, ""));
    CHECK_FALSE(coloured({}, ""));
    CHECK(coloured({"TERM=dumb", "NO_COLOR=1"}, "always"));
}
