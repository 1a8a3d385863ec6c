// SPDX-License-Identifier: Apache-2.0
// The program as a script sees it: exit codes, whole lines, output streams.
#include <filesystem>

#include <catch2/catch.hpp>

#include "test/support/program.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const std::string kProgram = IOSWARM_BINARY;

ProgramRun run(std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
    arguments.insert(arguments.begin(), kProgram);
    return run_program(std::move(arguments), std::move(environment));
}

}  // namespace

TEST_CASE("the program exits with the documented codes", "[e2e]") {
    const TempDir dir;
    const std::string wrong = dir.write("wrong.yaml", "ioswarm: {grpcPort: x}");
    const std::string open = dir.write("open", "s");
    std::filesystem::permissions(open, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
    CHECK(run({"--version"}).code == 0);
    CHECK(run({"help"}).code == 0);
    CHECK(run({}).code == 64);
    CHECK(run({"nonsense"}).code == 64);
    CHECK(run({"keygen", "--nonsense"}).code == 64);
    CHECK(run({"keygen", "a", "--secret-file", dir.path("none")}).code == 74);
    CHECK(run({"keygen", "a", "--secret-file", open}).code == 77);
    CHECK(run({"config", "check", "--config", wrong}).code == 78);
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
    const ProgramRun done = run_program({"/bin/sh", "-c", kProgram + " help >/dev/full"});
    CHECK(done.code == 74);
    CHECK(done.err == "ioswarm: cannot write: standard output: No space left on device\n");
}

TEST_CASE("a program started under a link's name runs that command", "[e2e]") {
    const TempDir dir;
    std::filesystem::create_symlink(kProgram, dir.path("ioswarm-keygen"));
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

TEST_CASE("the environment is read, and a likely typo in it is reported", "[e2e]") {
    const ProgramRun done = run({"config", "show"}, {"IOSWARM_GRPC_PORT=77", "IOSWARM_MAX_AGENT=5"});
    CHECK(done.code == 0);
    CHECK_THAT(done.out, Contains("\n  grpcPort: 77 ") && Contains("# IOSWARM_GRPC_PORT\n"));
    CHECK(done.err ==
          "ioswarm: warning: IOSWARM_MAX_AGENT in the environment is ignored; did you mean "
          "IOSWARM_MAX_AGENTS?\n");
    CHECK(run({"config", "check"}, {"IOSWARM_GRPC_PORT=x"}).code == 78);
}

TEST_CASE("without a terminal nothing is coloured", "[e2e]") {
    CHECK(run({"keygn"}, {"TERM=xterm"}).err.find('\033') == std::string::npos);
}
