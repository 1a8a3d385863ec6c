// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <filesystem>

#include <nlohmann/json.hpp>

#include "core/crypto/hmac.hpp"
#include "test/cli/run_cli.hpp"
#include "test/support/fake_diff_node.hpp"
#include "test/support/scripted_http.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Steps = FakeDiffNode::Steps;
using Asked = FakeDiffNode::Asked;

namespace {

/// Sends heights up to `last`; a live-only stream gets only the tip. `spoil` changes each diff before it is
/// sent.
FakeDiffNode::Script chain(std::uint64_t tip, std::uint64_t last, void (*spoil)(StateDiff&) = nullptr) {
    return [=](const Asked& asked, std::size_t) {
        Steps steps{accept_step()};
        const bool live_only = asked.from_height == 0;
        for (std::uint64_t height = live_only ? tip : asked.from_height; height <= (live_only ? tip : last);
             ++height) {
            StateDiff diff = small_diff(height);
            if (spoil != nullptr) spoil(diff);
            steps.push_back(diff_step(diff));
        }
        return steps;
    };
}

std::string address_of(const FakeDiffNode& node) {
    return "127.0.0.1:" + std::to_string(node.port());
}

std::string secret_file(const TempDir& dir, const std::string& secret = "test-secret") {
    const std::string path = dir.write("secret", secret + "\n");
    std::filesystem::permissions(path,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return path;
}

}  // namespace

TEST_CASE("l4test reports one line per check and passes", "[l4test]") {
    const TempDir dir;
    FakeDiffNode node(chain(20, 22));
    const CliRun run = run_cli({"l4test", "--addr", address_of(node), "--secret-file", secret_file(dir),
                                "--duration", "2s", "--catchup", "5", "--agent", "watcher"});
    INFO(run.err);
    CHECK(run.code == 0);
    CHECK_THAT(run.out, Catch::StartsWith("pass  known namespaces only   16 entries, all in known ones\n"
                                          "pass  write types 0 or 1      all 0 or 1\n"
                                          "pass  heights without gaps    15 to 22, each once\n"
                                          "pass  every digest right      8 of 8 right\n"
                                          "pass  catch-up finished       15 to 20\n"
                                          "pass  at least one live diff  2 diffs after height 20\n"
                                          "pass  diffs until the end     the longest pause was "));
    CHECK_THAT(run.out, Catch::Contains("\npassed after 2"));
    CHECK_THAT(run.err, Catch::Contains("caught up to height 20") && Catch::Contains("height 22: 2 entries\n"));
    const auto asked = node.asked();
    REQUIRE(asked.size() == 2);
    for (const Asked& call : asked) {
        CHECK(call.agent_id == "watcher");
        CHECK(call.headers.at("x-ioswarm-token") == agent_token("test-secret", "watcher"));
    }
}

TEST_CASE("l4test --json prints one JSON object and no progress", "[l4test]") {
    FakeDiffNode node(chain(20, 22, [](StateDiff& diff) { diff.digest[0] ^= diff.height == 21 ? 1 : 0; }));
    const CliRun run = run_cli({"l4test", "--coordinator", address_of(node), "--duration", "2s", "--json"});
    CHECK(run.code == 1);
    CHECK(run.err.empty());
    const auto report = nlohmann::json::parse(run.out);
    CHECK(report.at("passed") == false);
    CHECK(report.at("checks").at("digests").at("passed") == false);
    CHECK(report.at("checks").at("digests").at("detail") == "1 wrong, first at height 21");
    CHECK(report.at("checks").at("heights").at("passed") == true);
    CHECK(report.at("tip") == 20);
    CHECK(report.at("live") == 2);
    CHECK(report.at("checks").at("until_end").at("passed") == true);
    CHECK(report.at("longest_silence_seconds") > 1);
    CHECK(report.at("agent_id") == "l4test-probe");
    CHECK(report.at("ended").is_null());
    CHECK(node.asked()[0].headers.count("x-ioswarm-token") == 0);
}

TEST_CASE("text from a peer is escaped on the terminal", "[l4test]") {
    FakeDiffNode node(chain(20, 22, [](StateDiff& diff) { diff.entries[0].ns = "\x1b[31mred"; }));
    const CliRun run = run_cli({"l4test", "--addr", address_of(node), "--duration", "2s"});
    CHECK(run.code == 1);
    CHECK(run.out.find('\x1b') == std::string::npos);
    CHECK_THAT(run.out, Catch::Contains("FAIL  known namespaces only") && Catch::Contains("\\x1b[31mred"));
}

TEST_CASE("l4test reports mistakes of its command line", "[l4test]") {
    const TempDir dir;
    const std::string file = secret_file(dir);
    CHECK(run_cli({"l4test"}).code == 64);
    CHECK_THAT(run_cli({"l4test"}).err, Catch::Contains("--addr: not given"));
    CHECK(run_cli({"l4test", "--addr", "nowhere"}).code == 64);
    CHECK(run_cli({"l4test", "--addr", "h:1", "--duration", "0s"}).code == 64);
    CHECK(run_cli({"l4test", "--addr", "h:1", "--catchup", "-1"}).code == 64);
    CHECK(run_cli({"l4test", "--addr", "h:1", "--catchup", "18446744073709551616"}).code == 64);
    CHECK(run_cli({"l4test", "--addr", "h:1", "--agent", "a b"}).code == 64);
    CHECK(run_cli({"l4test", "--addr", "h:1", "--secret", "x", "--secret-file", file}).code == 64);
    CHECK(run_cli({"l4test", "--addr", "h:1", "--secret-file", dir.path() + "/none"}).code == 74);
    std::filesystem::permissions(file, std::filesystem::perms::all);
    CHECK(run_cli({"l4test", "--addr", "h:1", "--secret-file", file}).code == 77);
}

TEST_CASE("l4test warns of a secret on the command line and uses it", "[l4test]") {
    FakeDiffNode node([](const Asked&, std::size_t) {
        return Steps{accept_step(), end_step(16, "invalid auth token")};
    });
    const std::string flag = GENERATE("--secret", "--master");
    const CliRun run = run_cli({"l4test", "--addr", address_of(node), flag, "swordfish"});
    CHECK(run.code == 77);
    CHECK_THAT(run.err, Catch::Contains("warning: the process list shows --master and --secret") &&
                            Catch::Contains("invalid auth token") && !Catch::Contains("swordfish"));
    CHECK(node.asked().at(0).headers.at("x-ioswarm-token") == agent_token("swordfish", "l4test-probe"));
}

TEST_CASE("l4test at a port that does not speak its protocol suggests --tls", "[l4test]") {
    // A TLS server answers a client that does not speak TLS with an alert, and closes the connection.
    ScriptedHttp tls([](HttpConnection& connection, const std::string&) {
        connection.send(std::string_view("\x15\x03\x03\x00\x02\x02\x16", 7));
        return false;
    });
    const CliRun run = run_cli({"l4test", "--addr", tls.url().substr(std::string_view("http://").size())});
    CHECK(run.code == 69);
    CHECK_THAT(run.err, Catch::Contains("--tls"));
}

TEST_CASE("l4test reads a key file and connects as the agent that the file names", "[l4test]") {
    const TempDir dir;
    FakeDiffNode node([](const Asked&, std::size_t) {
        return Steps{accept_step(), end_step(16, "invalid auth token")};
    });
    const std::string key = agent_token("test-secret", "agent-01");
    const auto key_file = [&](const std::string& text) {
        const std::string path = dir.write("key", text);
        std::filesystem::permissions(path,
                                     std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
        return path;
    };
    const std::string both = key_file("Agent:   agent-01\nAPI Key: " + key + "\n");
    CHECK(run_cli({"l4test", "--addr", address_of(node), "--key-file", both}).code == 77);
    CHECK(node.asked().at(0).headers.at("x-ioswarm-token") == key);
    CHECK(node.asked().at(0).headers.at("x-ioswarm-agent-id") == "agent-01");
    CHECK(run_cli({"l4test", "--addr", "h:1", "--key-file", both, "--agent", "agent-02"}).code == 64);
    CHECK(run_cli({"l4test", "--addr", "h:1", "--key-file", both, "--secret", "x"}).code == 64);
    const std::string alone = key_file(key + "\n");
    CHECK_THAT(run_cli({"l4test", "--addr", "h:1", "--key-file", alone}).err,
               Catch::Contains("--agent: not given"));
    const CliRun run =
        run_cli({"l4test", "--addr", address_of(node), "--key-file", alone, "--agent", "agent-01"});
    CHECK(run.code == 77);
    CHECK(run.err.find(key) == std::string::npos);
}

TEST_CASE("l4test without a server, or at one that is not a coordinator, is unavailable", "[l4test]") {
    std::string address;
    {
        const FakeDiffNode gone(chain(1, 1));
        address = address_of(gone);
    }
    CHECK(run_cli({"l4test", "--addr", address}).code == 69);
    FakeDiffNode other([](const Asked&, std::size_t) {
        return Steps{accept_step(), end_step(12, "unknown service")};
    });
    const CliRun run = run_cli({"l4test", "--addr", address_of(other)});
    CHECK(run.code == 69);
    CHECK_THAT(run.err, Catch::Contains("unknown service") && Catch::Contains("ioswarm.enabled"));
}
