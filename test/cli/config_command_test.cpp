// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/cli/run_cli.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("config check reports a good configuration on standard error only", "[config]") {
    const TempDir dir;
    const std::string file = dir.write("c.yaml", "ioswarm: {grpcPort: 1, chain: {seed: 5}}");
    const CliRun run = run_cli({"config", "check", "--config", file});
    CHECK(run.code == 0);
    CHECK(run.out.empty());
    CHECK_THAT(run.err, Contains("configuration is good: 2 of "));
}

TEST_CASE("config check lists every mistake and exits with 78", "[config]") {
    const TempDir dir;
    const std::string file =
        dir.write("c.yaml", "ioswarm:\n  grpcPrt: 1\n  taskLevel: L7\n  chain: {seed: 1}\n");
    const CliRun run = run_cli({"config", "check", "--config", file});
    CHECK(run.code == 78);
    CHECK(run.out.empty());
    CHECK_THAT(run.err, StartsWith("ioswarm: configuration: " + file +
                                   ":2:3: ioswarm.grpcPrt: unknown key\n"
                                   "hint: did you mean 'grpcPort'?\n"
                                   "ioswarm: configuration: " +
                                   file +
                                   ":3:3: ioswarm.taskLevel: 'L7' is not L1, L2, L3 or L4\n"
                                   "ioswarm: warning: "));
}

TEST_CASE("config check warns of taskLevel L4 without a source of diffs, and exits with 0", "[config]") {
    const CliRun run = run_cli({"config", "check", "--task-level", "L4", "--node-grpc", "127.0.0.1:14014",
                                "--node-web3", "http://127.0.0.1:15014"});
    CHECK(run.code == 0);
    CHECK_THAT(
        run.err,
        Contains("warning: --task-level: taskLevel is L4 without node.diffs: no source of state diffs, agents "
                 "get tasks up to L3\n") &&
            Contains("configuration is good: "));
}

TEST_CASE("config check reads the same files as a start", "[config]") {
    const TempDir dir;
    const std::string list = dir.write("revoked", "agent-01\nno id\n");
    const CliRun lists = run_cli({"config", "check", "--agents-revoked", list});
    CHECK(lists.code == 78);
    CHECK_THAT(lists.err, Contains(list) && Contains("2"));
    const std::string pem = dir.write("pem", "no certificate");
    const CliRun tls = run_cli({"config", "check", "--tls-cert", pem, "--tls-key", pem});
    CHECK(tls.code == 78);
    CHECK_THAT(tls.err, Contains("ioswarm: configuration: --tls-cert: cannot use the TLS file: " + pem +
                                 ": it has no valid PEM certificate\n"));
}

TEST_CASE("an example configuration of an older version is still good", "[config]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "a master secret\n");
    std::filesystem::permissions(secret, std::filesystem::perms::owner_read);
    const std::string list = dir.write("list", "agent-1\n");
    // Only the files that it names are others, since those of an operator's machine do not exist here.
    const CliRun run =
        run_cli({"config", "check", "--config", IOSWARM_TEST_DATA "/config/example-2026-11-22.yaml",
                 "--master-secret-file", secret, "--tls-cert", IOSWARM_TEST_DATA "/tls/first.crt", "--tls-key",
                 IOSWARM_TEST_DATA "/tls/first.key", "--agents-allowed", list, "--agents-revoked", list});
    INFO(run.err);
    CHECK(run.code == 0);
}

TEST_CASE("a file that the configuration names and that does not exist is a configuration error", "[config]") {
    const TempDir dir;
    const std::string none = dir.path("none");
    const std::string pem = dir.write("pem", "no certificate");
    const CliRun tls = run_cli({"config", "check", "--tls-cert", none, "--tls-key", pem});
    CHECK(tls.code == 78);
    CHECK_THAT(tls.err, Contains("ioswarm: configuration: --tls-cert: it names " + none +
                                 ", which does not exist\nhint: make the file, or take the key out\n"));
    CHECK(run_cli({"config", "check", "--tls-cert", pem, "--tls-key", none}).code == 78);
    for (const std::string flag : {"--agents-allowed", "--agents-revoked", "--master-secret-file"}) {
        INFO(flag);
        CHECK(run_cli({"config", "check", flag, none}).code == 78);
        CHECK(run_cli({"serve", flag, none, "--data-dir", dir.path("data")}).code == 78);
    }
    CHECK_FALSE(std::filesystem::exists(dir.path("data")));
}

TEST_CASE(
    "given a place where something else is, when it is for files of serve, then check and serve refuse it",
    "[config]") {
    const TempDir dir;
    const std::string file = dir.write("file", "x");
    struct Case {
        std::vector<std::string> flags;
        std::string reason;
    };
    const std::vector<Case> cases{
        {{"--diff-store-path", dir.path()}, "--diff-store-path: " + dir.path() + " is a directory"},
        {{"--diff-store-path", "/dev/null"}, "--diff-store-path: /dev/null is no regular file"},
        {{"--diff-store-path", file + "/log.db"}, "--diff-store-path: " + file + " is not a directory"},
        {{"--data-dir", file}, "--data-dir: " + file + " is not a directory"},
        {{"--data-dir", file + "/deeper/data"}, "--data-dir: " + file + " is not a directory"},
    };
    for (const Case& one : cases) {
        for (const std::vector<std::string>& command :
             {std::vector<std::string>{"config", "check", "--embedded"},
              std::vector<std::string>{"serve", "--embedded"}}) {
            std::vector<std::string> words = command;
            if (one.flags[0] != "--data-dir") words.insert(words.end(), {"--data-dir", dir.path("data")});
            words.insert(words.end(), one.flags.begin(), one.flags.end());
            const CliRun run = run_cli(words);
            INFO(command[0] << ": " << run.err);
            CHECK(run.code == 78);
            CHECK_THAT(run.err, Contains("ioswarm: configuration: " + one.reason + "\n"));
        }
    }
    CHECK_FALSE(std::filesystem::exists(dir.path("data")));
    const CliRun off = run_cli({"config", "check", "--embedded", "--diff-store-enabled=false",
                                "--diff-store-path", dir.path(), "--data-dir", dir.path("data")});
    INFO(off.err);
    CHECK(off.code == 0);
}

TEST_CASE("serve refuses files that name no node, and suggests --embedded", "[config]") {
    const TempDir dir;
    const std::string file = dir.write("c.yaml", "ioswarm: {grpcPort: 1}");
    const CliRun run = run_cli({"serve", "--config", file, "--data-dir", dir.path("data")});
    CHECK(run.code == 78);
    CHECK(run.err ==
          "ioswarm: configuration: " + file +
              ": no node is named: none of the keys node.grpc, node.web3 and chain.* is given\n"
              "hint: set node.grpc and node.web3 to work beside a node, or give --embedded to run the "
              "embedded chain\n");
    CHECK_FALSE(std::filesystem::exists(dir.path("data")));
    const CliRun check = run_cli({"config", "check", "--config", file});
    CHECK(check.code == 78);
    CHECK_THAT(check.err, Contains("ioswarm: configuration: " + file + ": no node is named"));
    CHECK(run_cli({"config", "check", "--config", file, "--embedded"}).code == 0);
    const std::string node = dir.write("n.yaml", "ioswarm: {node: {grpc: 'h:1', web3: 'http://h:2'}}");
    CHECK(run_cli({"serve", "--config", node, "--embedded", "--data-dir", dir.path("data")}).code == 64);
    CHECK(run_cli({"config", "check", "--config", node}).code == 0);
    CHECK(run_cli({"config", "check", "--config", node, "--embedded"}).code == 64);
}

TEST_CASE("config check and serve refuse a file without the section 'ioswarm:'", "[config]") {
    const TempDir dir;
    const std::string file = dir.write("c.yaml", "grpcPort: 1\n");
    CHECK(run_cli({"config", "check", "--config", file}).code == 78);
    CHECK(run_cli({"serve", "--config", file, "--data-dir", dir.path("data")}).code == 78);
    CHECK_FALSE(std::filesystem::exists(dir.path("data")));
}

TEST_CASE("config check reports a diff store that belongs to the node", "[config]") {
    const TempDir dir;
    const std::string store = dir.path("statediffs.db");
    std::filesystem::copy_file(std::string(IOSWARM_TEST_DATA) + "/bolt/statediffs.db", store);
    const CliRun run = run_cli({"config", "check", "--diff-store-path", store});
    CHECK(run.code == 0);
    CHECK_THAT(run.err, Contains("is iotex-core's own store of state diffs: this program leaves it alone"));
}

TEST_CASE("config check refuses an address that serve would not bind", "[config]") {
    const std::vector<std::string> open{"config", "check", "--listen", "0.0.0.0"};
    const CliRun refused = run_cli(open);
    CHECK(refused.code == 78);
    CHECK_THAT(refused.err,
               Contains("listen: 0.0.0.0 is open to others, and without masterSecret everybody may join"));
    CHECK(run_cli({"config", "check", "--listen", "0.0.0.0", "--insecure-bind"}).code == 0);
    CHECK(run_cli({"config", "check", "--listen", "0.0.0.0", "--master-secret", "s"}).code == 0);
}

TEST_CASE("a wrong flag value exits with 64, a missing file with 78", "[config]") {
    const CliRun flag = run_cli({"config", "check", "--grpc-port", "99999"});
    CHECK(flag.code == 64);
    CHECK_THAT(
        flag.err,
        StartsWith("ioswarm: configuration: --grpc-port: '99999' is not a whole number from 0 to 65535\n"));
    CHECK(run_cli({"config", "check", "--config", "/no/such.yaml"}).code == 78);
    for (const std::string word : {"maybe", "99999999999999999999", "1"}) {
        const CliRun boolean = run_cli({"config", "check", "--shadow-mode=" + word});
        CHECK(boolean.code == 64);
        CHECK_THAT(boolean.err,
                   StartsWith("ioswarm: configuration: --shadow-mode: '" + word + "' is not true or false\n"));
    }
    const CliRun two = run_cli({"config", "check", "--config", "/no/such.yaml", "another.yaml"});
    CHECK(two.code == 64);
    CHECK_THAT(two.err, Contains("another.yaml: unexpected argument"));
    CHECK(run_cli({"config"}).code == 64);
}

TEST_CASE("config check reports all mistakes in one run, with file, line, column and key", "[config]") {
    const TempDir dir;
    const std::string list = dir.write("revoked", "agent-01\nno id\n");
    const std::string pem = dir.write("pem", "no certificate");
    const std::string file = dir.write("c.yaml",
                                       "ioswarm:\n"
                                       "  maxAgents: x\n"
                                       "  agents:\n"
                                       "    revoked: " +
                                           list +
                                           "\n"
                                           "    allowed: " +
                                           dir.path("none") +
                                           "\n"
                                           "  tls: {cert: " +
                                           pem + ", key: " + pem +
                                           "}\n"
                                           "  snapshotDir: " +
                                           dir.path("snaps") +
                                           "\n"
                                           "  diffStorePath: " +
                                           dir.path("store/d.db") +
                                           "\n"
                                           "  reward: {minEpochSeconds: 5}\n"
                                           "  listen: 0.0.0.0\n");
    const CliRun run = run_cli({"config", "check", "--config", file});
    CHECK(run.code == 78);
    const std::string error = "ioswarm: configuration: " + file;
    const std::string warning = "ioswarm: warning: " + file;
    for (const std::string& line :
         {error + ":2:3: ioswarm.maxAgents: 'x' is not a whole number from 0 to 4294967295\n",
          error + ":4:5: ioswarm.agents.revoked: cannot read the list of agents: " + list + ":2",
          error + ":5:5: ioswarm.agents.allowed: it names " + dir.path("none") + ", which does not exist\n",
          error + ":6:9: ioswarm.tls.cert: cannot use the TLS file: " + pem +
              ": it has no valid PEM certificate",
          error + ":8:3: ioswarm.diffStorePath: its folder " + dir.path("store") + " does not exist\n",
          error + ":10:3: ioswarm.listen: 0.0.0.0 is open to others, and without masterSecret",
          error + ": no node is named", warning + ":7:3: ioswarm.snapshotDir: snapshotDir ",
          warning + ":9:12: ioswarm.reward.minEpochSeconds: reward.minEpochSeconds is 5, less than the usual",
          std::string("ioswarm: warning: no masterSecret: whoever reaches the port may join")}) {
        CAPTURE(line);
        CHECK_THAT(run.err, Contains(line));
    }
}

TEST_CASE("config check says nothing that would follow from a value that is wrong", "[config]") {
    const TempDir dir;
    const std::string file = dir.write("c.yaml",
                                       "ioswarm:\n"
                                       "  epochRewardIOTX: much\n"
                                       "  listen: here\n"
                                       "  node: {grpc: 'none'}\n"
                                       "  reward: {minEpochSeconds: 5}\n");
    const CliRun run = run_cli({"config", "check", "--config", file});
    CHECK(run.code == 78);
    CHECK_THAT(run.err, Contains("ioswarm.reward.minEpochSeconds: reward.minEpochSeconds is 5"));
    CHECK_THAT(run.err, !Contains("epochRewardIOTX is not set") && !Contains("no node is named") &&
                            !Contains("open to others"));
    const CliRun broken =
        run_cli({"config", "check", "--config", dir.write("b.yaml", "ioswarm:\n  a: b: c\n")});
    CHECK(broken.code == 78);
    CHECK_THAT(broken.err, !Contains("warning"));
}

TEST_CASE("config check warns of a file with a secret that others may read", "[config]") {
    const TempDir dir;
    const std::string file = dir.write("c.yaml", "ioswarm:\n  masterSecret: swordfish\n  chain: {seed: 1}\n");
    const auto check_with = [&](mode_t mode) {
        REQUIRE(::chmod(file.c_str(), mode) == 0);
        return run_cli({"config", "check", "--config", file});
    };
    const CliRun open = check_with(0644);
    CHECK(open.code == 0);
    CHECK_THAT(open.err,
               Contains("warning: " + file + ":2:3: ioswarm.masterSecret: " + file +
                        " has mode 0644: it contains masterSecret, and other users of this machine may "
                        "read or change it (chmod 640 " +
                        file + ")\n"));
    CHECK_THAT(open.err, !Contains("swordfish"));
    CHECK_THAT(check_with(0640).err, !Contains("has mode"));
    CHECK_THAT(check_with(0600).err, !Contains("has mode"));
}

TEST_CASE("a warning about a key that is not set names the key that it follows from", "[config]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "s\n");
    const std::string file = dir.write("c.yaml",
                                       "ioswarm:\n"
                                       "  masterSecretFile: " +
                                           secret +
                                           "\n"
                                           "  epochRewardIOTX: 1\n"
                                           "  chain: {seed: 1}\n");
    const CliRun run = run_cli({"config", "check", "--config", file});
    CHECK(run.code == 0);
    CHECK_THAT(run.err, Contains(file + ":2:3: ioswarm.masterSecretFile: TLS is off") &&
                            Contains(file + ":3:3: ioswarm.epochRewardIOTX: delegateAddress is not set"));
}

TEST_CASE("config check reports short epochs, a missing delegate and an old secret that has ended",
          "[config]") {
    const CliRun run = run_cli({"config", "check", "--reward-min-epoch-seconds", "5", "--epoch-reward-iotx",
                                "1", "--master-secret", "new", "--master-secret-old", "old",
                                "--master-secret-old-until", "2020-01-01T00:00:00Z"});
    CHECK(run.code == 0);
    CHECK_THAT(
        run.err,
        Contains("warning: --reward-min-epoch-seconds: reward.minEpochSeconds is 5, less than "
                 "the usual 30") &&
            Contains("--epoch-reward-iotx: delegateAddress is not set, though rewards are on") &&
            Contains("--master-secret-old-until: masterSecretOldUntil 2020-01-01T00:00:00Z has passed") &&
            Contains("delete masterSecretOld"));
    const CliRun quiet = run_cli({"config", "check", "--epoch-reward-iotx", "1", "--delegate-address",
                                  "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"});
    CHECK_THAT(quiet.err, !Contains("delegateAddress"));
}
