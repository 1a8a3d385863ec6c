// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <thread>

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "cli/config/secret_file.hpp"
#include "test/cli/contracts/contracts_fixture.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;
using cli::add_wallet;

namespace {

const std::string kWalletDigits(64, '7');

}  // namespace

TEST_CASE("a new wallet is a keystore of mode 0600 that opens with its password", "[wallet]") {
    const TempDir dir;
    const std::string password = dir.write("password", "correct horse\n");
    const std::string file = dir.path("keystore.json");
    const ToolRun made = run_tool(add_wallet, {"new", "--out", file, "--password-file", password, "--json"});
    CAPTURE(made.err);
    REQUIRE(made.code == 0);
    struct stat info {};
    REQUIRE(::stat(file.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0600);
    const ToolRun address =
        run_tool(add_wallet, {"address", "--keystore", file, "--password-file", password, "--json"});
    CHECK(address.code == 0);
    CHECK(address.out == made.out);
    const ToolRun typed =
        run_tool(add_wallet, {"address", "--keystore", file, "--json"}, "correct horse\n", true);
    CHECK(typed.out == made.out);
    CHECK(run_tool(add_wallet, {"address", "--keystore", file}, "wrong\n", true).code == 77);
    CHECK(run_tool(add_wallet, {"address", "--keystore", file}).code == 64);
    const ToolRun inspected = run_tool(add_wallet, {"inspect", file, "--json"});
    CHECK(inspected.json()["address"] == made.json()["address"]);
    CHECK(inspected.json()["parameters"] == "n 262144, r 8, p 1");
}

TEST_CASE("no keystore is ever overwritten", "[wallet]") {
    const TempDir dir;
    const std::string password = dir.write("password", "p");
    const std::string file = dir.write("taken", "precious");
    const std::string key = dir.write("key", kWalletDigits);
    CHECK(run_tool(add_wallet, {"new", "--out", file, "--password-file", password}).code == 73);
    CHECK(
        run_tool(add_wallet, {"import", "--key-file", key, "--out", file, "--password-file", password}).code ==
        73);
    CHECK(dir.read("taken") == "precious");
}

TEST_CASE("an impossible path for a new keystore is refused before the password is asked for", "[wallet]") {
    const TempDir dir;
    const ToolRun nowhere = run_tool(add_wallet, {"new", "--out", dir.path("none/k.json")}, "p\np\n", true);
    CHECK(nowhere.code == 73);
    CHECK_THAT(nowhere.err, Contains("does not exist") && Contains("install -d") && !Contains("password"));
    CHECK(run_tool(add_wallet, {"new", "--out", ""}, "p\np\n", true).code == 64);
    std::filesystem::create_symlink(dir.path("target"), dir.path("link"));
    const ToolRun link = run_tool(add_wallet, {"new", "--out", dir.path("link")}, "p\np\n", true);
    CHECK(link.code == 73);
    CHECK_THAT(link.err, Contains("never overwritten") && !Contains("password"));
}

TEST_CASE("a file that no password can open is refused before the password is asked for", "[wallet]") {
    const TempDir dir;
    const ToolRun run = run_tool(add_wallet, {"address", "--keystore", dir.write("k", "{}")}, "p\n", true);
    CHECK(run.code == 78);
    CHECK_THAT(run.err, !Contains("Password"));
    // Neither a huge file nor a directory is a keystore.
    CHECK(run_tool(add_wallet, {"inspect", dir.write("huge", std::string(100'000, '{'))}).code == 78);
    CHECK(run_tool(add_wallet, {"inspect", dir.path()}).code == 78);
}

TEST_CASE("a key is read from a named pipe, and a stop ends the wait for its writer", "[wallet]") {
    const TempDir dir;
    const std::string pipe = dir.path("pipe");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    std::stop_source stop;
    stop.request_stop();
    const auto stopped = cli::read_private_file(pipe, 100, {}, stop.get_token());
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == ErrorCode::cancelled);
    const std::jthread writer([&pipe] { std::ofstream(pipe) << kWalletDigits << '\n'; });
    const ToolRun run = run_tool(add_wallet, {"address", "--key-file", pipe});
    CAPTURE(run.err);
    CHECK(run.code == 0);
}

TEST_CASE("an imported key keeps its address, and nothing that is printed contains it", "[wallet]") {
    const TempDir dir;
    const std::string key = dir.write("key", "0x" + kWalletDigits + "\n");
    const std::string password = dir.write("password", "p");
    const std::string expected = to_checksum_hex(contracts::key_from_hex(kWalletDigits).value().address());
    const std::string out = dir.path("out.json");
    const ToolRun imported =
        run_tool(add_wallet, {"import", "--key-file", key, "--out", out, "--password-file", password});
    CAPTURE(imported.err);
    REQUIRE(imported.code == 0);
    CHECK_THAT(imported.out, Contains(expected) && Contains("io1"));
    CHECK((imported.out + imported.err + dir.read("out.json")).find("7777777777") == std::string::npos);
    CHECK_THAT(run_tool(add_wallet, {"address", "--key-file", key}).out, Contains(expected));
    CHECK_THAT(run_tool(add_wallet, {"address", "--key-file", "-"}, kWalletDigits + "\n").out,
               Contains(expected));
}

TEST_CASE("an import cannot take both the key and the password from standard input", "[wallet]") {
    const TempDir dir;
    const std::string out = dir.path("out.json");
    const ToolRun run =
        run_tool(add_wallet, {"import", "--key-file", "-", "--password-file", "-", "--out", out},
                 kWalletDigits + "\npassword\n");
    CHECK(run.code == 64);
    CHECK_THAT(run.err, Contains("key and password cannot both come from standard input"));
    CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("a new password is asked for twice and must not be empty", "[wallet]") {
    const TempDir dir;
    const std::string out = dir.path("k.json");
    CHECK(run_tool(add_wallet, {"new", "--out", out}).code == 64);
    CHECK(run_tool(add_wallet, {"new", "--out", out}, "one\ntwo\n", true).code == 64);
    CHECK(run_tool(add_wallet, {"new", "--out", out}, "\n\n", true).code == 64);
    CHECK_FALSE(std::filesystem::exists(out));
    CHECK(run_tool(add_wallet, {"new", "--out", out}, "sa\x03", true).code == 130);
    CHECK_FALSE(std::filesystem::exists(out));
    // Characters that were typed and deleted do not count.
    CHECK(run_tool(add_wallet, {"new", "--out", out},
                   "wrong\x15sämx\x7f\x7f\x7f"
                   "ame\nsame\r",
                   true)
              .code == 0);
}

TEST_CASE("keys are read from systemd credentials, hex files or keystores", "[wallet]") {
    const TempDir dir;
    dir.write("settler", kWalletDigits);
    ::setenv("CREDENTIALS_DIRECTORY", dir.path().c_str(), 1);
    const ToolRun run = run_tool(add_wallet, {"address", "--key-credential", "settler"});
    const ToolRun missing = run_tool(add_wallet, {"address", "--key-credential", "none"});
    const ToolRun outside = run_tool(add_wallet, {"address", "--key-credential", "../x"});
    ::unsetenv("CREDENTIALS_DIRECTORY");
    CHECK(run.code == 0);
    CHECK(missing.code == 74);
    CHECK(outside.code == 64);
    CHECK(run_tool(add_wallet, {"address", "--key-credential", "settler"}).code == 64);
}

TEST_CASE("a keystore given as --key-file is refused with a hint, and files without a keystore are refused",
          "[wallet]") {
    const TempDir dir;
    const auto vectors = nlohmann::json::parse(read_data("ethereum/keystore_v3.json"));
    const std::string keystore = dir.write("k.json", vectors["vectors"][7]["keystore"].dump());
    const ToolRun mixed = run_tool(add_wallet, {"address", "--key-file", keystore});
    CHECK(mixed.code == 78);
    CHECK_THAT(mixed.err, Contains("--keystore"));
    CHECK(run_tool(add_wallet, {"inspect", dir.write("x", "{}")}).code == 78);
    CHECK(run_tool(add_wallet, {"inspect", dir.path("none")}).code == 74);
    const std::string open = dir.write("open.json", vectors["vectors"][7]["keystore"].dump());
    std::filesystem::permissions(open, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
    CHECK(run_tool(add_wallet, {"address", "--keystore", open, "--password-file", dir.write("p", "y")}).code ==
          77);
}
