// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/config/agent_key_file.hpp"
#include "test/cli/run_cli.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm::test;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

// From: printf 'agent-01' | openssl dgst -sha256 -hmac test-secret
constexpr const char* kKey = "iosw_f8ffded2a7c7546c79531a6084fa8249d33d0b71148b2ea59fb3e82a4184b32b";

std::string printed(const std::string& id, const std::string& key) {
    return "Agent:   " + id + "\nAPI Key: " + key + "\n";
}

}  // namespace

TEST_CASE("keygen computes the same key for an agent as OpenSSL", "[keygen]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret\n");
    const CliRun run = run_cli({"keygen", "--agent", "agent-01", "--secret-file", secret});
    CHECK(run.code == 0);
    CHECK(run.err.empty());
    CHECK(run.out == printed("agent-01", kKey));
}

TEST_CASE("every way to give the id and the secret gives the same key", "[keygen]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret");
    const std::string config = dir.write("c.yaml", "ioswarm:\n  masterSecret: test-secret\n");
    const std::string via_file = dir.write("d.yaml", "ioswarm:\n  masterSecretFile: " + secret + "\n");
    const std::vector<std::vector<std::string>> ways{
        {"keygen", "--agent-id", "agent-01", "--secret-file", secret},
        {"keygen", "agent-01", "--secret-file", secret},
        {"keygen", "--secret-file", secret, "agent-01"},
        {"keygen", "agent-01", "--config", config},
        {"keygen", "agent-01", "--config", via_file},
        {"keygen", "--config", config, "agent-01"},
        {"keygen", "--agent", "agent-01", "--secret-file", "-"},
        {"keygen", "--agent", "agent-01", "--master", "test-secret"},
        {"keygen", "--agent", "agent-01", "--secret=test-secret"},
    };
    for (const auto& way : ways) {
        CAPTURE(way);
        const CliRun run = run_cli(way, "test-secret\r\n");
        CHECK(run.code == 0);
        CHECK(run.out == printed("agent-01", kKey));
    }
}

TEST_CASE("a secret on the command line gives a warning, and is not repeated in it", "[keygen]") {
    for (const std::string option : {"--master", "--secret"}) {
        const CliRun run = run_cli({"keygen", "a", option, "test-secret"});
        CHECK(run.code == 0);
        CHECK(run.err ==
              "ioswarm: warning: the process list shows --master and --secret; --secret-file keeps the "
              "secret out of it\n");
    }
}

TEST_CASE("many agents are read from arguments and from a file", "[keygen]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret");
    const std::string ids = dir.write("ids", "# the fleet\nagent-01\r\n\n  agent-03 \n");
    const CliRun run = run_cli({"keygen", "agent-02", "--agents-file", ids, "--secret-file", secret, "--json"});
    CHECK(run.code == 0);
    const auto json = nlohmann::json::parse(run.out);
    REQUIRE(json.size() == 3);
    CHECK(json[0]["agent_id"] == "agent-02");
    CHECK(json[1]["agent_id"] == "agent-01");
    CHECK(json[1]["api_key"] == kKey);
    CHECK(json[2]["agent_id"] == "agent-03");
    const CliRun from_input =
        run_cli({"keygen", "--agents-file", "-", "--secret-file", secret}, "agent-01\nagent-02\n");
    CHECK(from_input.out ==
          printed("agent-01", kKey) + "\n" + printed("agent-02", json[0]["api_key"].get<std::string>()));
}

TEST_CASE("the JSON for one agent is a list of one", "[keygen]") {
    const CliRun run = run_cli({"keygen", "agent-01", "--json", "--secret-file", "-"}, "test-secret\n");
    const auto json = nlohmann::json::parse(run.out);
    REQUIRE(json.is_array());
    CHECK(json[0]["api_key"] == kKey);
}

TEST_CASE("ids with special characters are refused unless any id is allowed", "[keygen]") {
    const auto with = [](const std::string& id, bool any) {
        std::vector<std::string> arguments{"keygen", "--agent=" + id, "--secret-file", "-"};
        if (any) arguments.emplace_back("--any-id");
        return run_cli(arguments, "s\n");
    };
    CHECK(with("a/b", false).err ==
          "ioswarm: keygen: a/b: has characters outside A-Z a-z 0-9 . _ -\nhint: --any-id allows whatever the "
          "server "
          "takes\n");
    CHECK(with("a/b", false).code == 64);
    CHECK(with("a/b", true).code == 0);
    CHECK(with(std::string(64, 'a'), false).code == 0);
    CHECK(with(std::string(65, 'a'), false).code == 64);
    CHECK(with(std::string(65, 'a'), true).code == 0);
    CHECK(with(std::string(128, 'a'), true).code == 0);
    CHECK(with(std::string(129, 'a'), true).code == 64);
    CHECK(with("a b", true).code == 64);
    CHECK(with("a\nb", true).code == 64);
    CHECK(with("\xc3\xa4", true).code == 64);
}

TEST_CASE("a new secret is 32 random bytes that only the owner may read, and is never overwritten",
          "[keygen]") {
    const TempDir dir;
    const std::string path = dir.path("secret");
    const CliRun made = run_cli({"keygen", "--new-secret", path, "agent-01"});
    CHECK(made.code == 0);
    CHECK(made.err == "new master secret in " + path + "\n");
    const std::string content = dir.read("secret");
    CHECK(content.size() == 65);
    CHECK(content.find_first_not_of("0123456789abcdef") == 64);
    CHECK(content.back() == '\n');
    namespace fs = std::filesystem;
    CHECK(fs::status(path).permissions() == (fs::perms::owner_read | fs::perms::owner_write));

    // The new file gives the same key that was printed when it was made.
    CHECK(run_cli({"keygen", "agent-01", "--secret-file", path}).out == made.out);

    const CliRun again = run_cli({"keygen", "--new-secret", path});
    CHECK(again.code == 73);
    CHECK(again.err ==
          "ioswarm: cannot make the secret: " + path +
              ": the file exists\nhint: a secret is never overwritten: every agent's key depends on it\n");
    CHECK(dir.read("secret") == content);

    const std::string other = dir.path("other");
    CHECK(run_cli({"keygen", "--new-secret", other}).code == 0);
    CHECK(dir.read("other") != content);
}

TEST_CASE("a secret file that others can read is refused", "[keygen]") {
    const TempDir dir;
    const std::string path = dir.write("secret", "test-secret");
    namespace fs = std::filesystem;
    for (const fs::perms extra : {fs::perms::group_read, fs::perms::others_read, fs::perms::others_write}) {
        fs::permissions(path, fs::perms::owner_read | extra);
        const CliRun run = run_cli({"keygen", "a", "--secret-file", path});
        CHECK(run.code == 77);
        CHECK_THAT(run.err, Contains("others may read or change it (mode 04") || Contains("(mode 0440)"));
        CHECK_THAT(run.err, EndsWith("hint: chmod 600 " + path + "\n"));
    }
}

TEST_CASE("an empty secret or file name is refused, even if another place has a secret", "[keygen]") {
    const TempDir dir;
    const std::string config = dir.write("c.yaml", "ioswarm:\n  masterSecret: test-secret\n");
    for (const std::string option : {"--secret", "--master", "--secret-file", "--new-secret"}) {
        const CliRun run = run_cli({"keygen", "a", option, "", "--config", config});
        CHECK(run.code == 64);
        CHECK(run.out.empty());
        CHECK_THAT(run.err, Contains(": the value is empty"));
    }
}

TEST_CASE("given - for a file to be made, keygen refuses it, and says how keys are printed", "[keygen]") {
    const TempDir dir;
    const std::string config = dir.write("c.yaml", "ioswarm:\n  masterSecret: test-secret\n");
    for (const auto& [option, hint] : {std::pair{"--output", "to print the keys, leave it out"},
                                       std::pair{"--new-secret", "not written to standard output"}}) {
        const CliRun run = run_cli({"keygen", "a", option, "-", "--config", config});
        CHECK(run.code == 64);
        CHECK(run.out.empty());
        CHECK_THAT(run.err, Contains(option) && Contains(hint));
        CHECK_FALSE(std::filesystem::exists("-"));
    }
}

TEST_CASE("given a list of agents with a line without end, keygen names the line", "[keygen]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret\n");
    const std::string list = dir.write("list", "# agents\nagent-01\n" + std::string(5'000, 'a'));
    for (const auto& [file, place] :
         {std::pair{list, list + ":3"}, std::pair{std::string("/dev/zero"), std::string("/dev/zero:1")}}) {
        const CliRun run = run_cli({"keygen", "--agents-file", file, "--secret-file", secret});
        CHECK(run.code == 65);
        CHECK(run.out.empty());
        CHECK_THAT(run.err, Contains("cannot read the agent ids: " + place + ": longer than 4096 bytes"));
    }
}

TEST_CASE("keygen names what is missing", "[keygen]") {
    const TempDir dir;
    CHECK(run_cli({"keygen", "--agents-file", dir.path("."), "--secret-file", "-"}, "s").code == 74);
    const std::string empty = dir.write("empty", "\n");
    const std::string plain = dir.write("c.yaml", "ioswarm:\n  grpcPort: 1\n");
    CHECK(run_cli({"keygen"}).err ==
          "ioswarm: keygen: no agent given\nhint: ioswarm keygen --agent ID --secret-file FILE\n");
    CHECK(run_cli({"keygen"}).code == 64);
    CHECK(run_cli({"keygen", "a"}).err ==
          "ioswarm: keygen: no master secret\nhint: give --secret-file FILE, or --config FILE, or make one: "
          "--new-secret FILE\n");
    CHECK(run_cli({"keygen", "a"}).code == 64);
    CHECK(run_cli({"keygen", "a", "--secret-file", dir.path("none")}).code == 74);
    CHECK(run_cli({"keygen", "a", "--secret-file", empty}).err ==
          "ioswarm: cannot read the secret: " + empty + ": it is empty\n");
    CHECK(run_cli({"keygen", "a", "--secret-file", "-"}, "one\ntwo\n").code == 78);
    CHECK(run_cli({"keygen", "a", "--secret-file", "-"}, std::string(5000, 'x')).code == 78);
    CHECK(run_cli({"keygen", "a", "--config", plain}).err ==
          "ioswarm: keygen: " + plain + ": sets no masterSecret\n");
    CHECK(run_cli({"keygen", "a", "--config", plain}).code == 78);
    CHECK(run_cli({"keygen", "a", "--secret-file", empty, "--master", "x"}).code == 64);
    CHECK(run_cli({"keygen", "--agents-file", dir.path("none"), "--secret-file", "-"}, "s").code == 66);
}

TEST_CASE("keygen --key-only prints only the keys", "[keygen]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret\n");
    const CliRun one = run_cli({"keygen", "agent-01", "--secret-file", secret, "--key-only"});
    CHECK(one.code == 0);
    CHECK(one.out == std::string(kKey) + "\n");
    const CliRun two = run_cli({"keygen", "agent-01", "agent-01", "--secret-file", secret, "--key-only"});
    CHECK(two.out == std::string(kKey) + "\n" + kKey + "\n");
    CHECK(run_cli({"keygen", "a", "--secret-file", secret, "--key-only", "--json"}).code == 64);
}

TEST_CASE("keygen --json --output says what it wrote, and never the key", "[keygen]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret\n");
    std::filesystem::permissions(secret, std::filesystem::perms::owner_read);
    const std::string file = dir.path("keys");
    const CliRun run = run_cli(
        {"keygen", "agent-01", "--viewer", "prometheus", "--secret-file", secret, "--json", "--output", file});
    REQUIRE(run.code == 0);
    const auto document = nlohmann::json::parse(run.out);
    CHECK(document["file"] == file);
    // From: printf KEY | sha256sum | cut -c1-16
    CHECK(document["keys"][0] == nlohmann::json{{"agent_id", "agent-01"}, {"fingerprint", "f23a151ecb76cbef"}});
    CHECK(document["keys"][1]["viewer"] == "prometheus");
    CHECK_THAT(run.out, !Contains("iosw_") && !Contains("iosv_"));
    // The file has the form that --key-file reads.
    CHECK_THAT(dir.read("keys"), StartsWith(printed("agent-01", kKey)));
}

TEST_CASE("keygen --output writes the keys into a file that only its owner may read", "[keygen]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret\n");
    const std::string file = dir.path() + "/agent.key";
    const CliRun run = run_cli({"keygen", "agent-01", "--secret-file", secret, "--output", file});
    CHECK(run.code == 0);
    CHECK(run.out.empty());
    CHECK(dir.read("agent.key") == printed("agent-01", kKey));
    CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms::all) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    // A key that is in use is not lost by a mistake.
    const CliRun again = run_cli({"keygen", "agent-02", "--secret-file", secret, "--output", file});
    CHECK(again.code == 73);
    CHECK_THAT(again.err, Contains(file) && Contains("exists"));
    CHECK(dir.read("agent.key") == printed("agent-01", kKey));
    CHECK(run_cli({"keygen", "--secret-file", secret, "--output", file}).code == 64);
    CHECK(run_cli({"keygen", "a", "--secret-file", secret, "--output", dir.path() + "/none/key"}).code == 73);
}

TEST_CASE("a key file has keygen's lines or one key, and nothing else", "[keygen]") {
    using ioswarm::cli::parse_agent_keys;
    const std::string key = kKey;
    const auto both = parse_agent_keys(printed("agent-01", key) + "\n" + printed("agent-02", key), "F");
    REQUIRE(both);
    REQUIRE(both->size() == 2);
    CHECK(both->front().agent_id == "agent-01");
    CHECK(both->back().agent_id == "agent-02");
    CHECK(both->back().key == key);
    const auto alone = parse_agent_keys("  " + key + "\r\n", "F");
    REQUIRE(alone);
    CHECK(alone->front().agent_id.empty());
    CHECK(alone->front().key == key);
    for (const std::string& text : {std::string(), std::string("Agent: a\n"), std::string("test-secret\n"),
                                    key + "\nnonsense\n", "API Key: " + key + "x\n", "Agent: a b\n" + key}) {
        CAPTURE(text);
        const auto refused = parse_agent_keys(text, "F");
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ioswarm::ErrorCode::config);
        CHECK_THAT(refused.error().text(), Contains("F") && !Contains("iosw_f8"));
    }
}

TEST_CASE("keygen computes the same key for a viewer as OpenSSL", "[keygen]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret\n");
    // From: printf 'viewer\nprometheus' | openssl dgst -sha256 -hmac test-secret
    const std::string key = "iosv_c01fd5729de50b28bf903412ce9e8b4161bc838da0fff7782bc87452f1849689";
    const CliRun run = run_cli({"keygen", "--viewer", "prometheus", "--secret-file", secret});
    CHECK(run.code == 0);
    CHECK(run.out == "Viewer:  prometheus\nAPI Key: " + key + "\n");

    const CliRun both =
        run_cli({"keygen", "agent-01", "--viewer", "prometheus", "--json", "--secret-file", secret});
    const auto list = nlohmann::json::parse(both.out);
    REQUIRE(list.size() == 2);
    CHECK(list[0]["agent_id"] == "agent-01");
    CHECK(list[1]["viewer"] == "prometheus");
    CHECK(list[1]["api_key"] == key);

    CHECK(run_cli({"keygen", "--viewer", "a b", "--secret-file", secret}).code == 64);
}
