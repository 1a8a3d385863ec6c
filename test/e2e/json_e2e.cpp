// SPDX-License-Identifier: Apache-2.0
// What scripts rely on: every command takes --json, its answer is JSON and nothing else, and an error is a
// document on standard error. The commands come from the table that the program itself uses.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "cli/completion.hpp"
#include "test/e2e/serve_fixture.hpp"
#include "test/support/openapi.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {
namespace json_e2e {

using Words = std::vector<std::string>;

/// `serve` logs in JSON with --log-format, and what `completion` prints is a script.
const std::set<std::string> kWithoutJson{"serve", "completion"};

/// Commands that need a chain or a node, which other tests give them: settle_test and settle_e2e,
/// contracts_e2e, trace_test, l4test_test.
const std::set<std::string> kOnlyErrorsHere{"deploy",      "claim",          "fund",          "settle",
                                            "settle init", "settle unstick", "settle resume", "trace",
                                            "l4test",      "settle audit",   "settle status", "diffs restart"};

/// The commands and subcommands that can be run.
std::vector<cli::CompletionNode> runnable() {
    std::vector<cli::CompletionNode> out;
    for (const cli::CompletionNode& node : cli::completion_nodes()) {
        const bool runs = node.subcommands.empty() || node.path == "settle";
        if (runs && !node.path.empty() && kWithoutJson.count(node.path) == 0) out.push_back(node);
    }
    return out;
}

bool has_option(const cli::CompletionNode& node, const std::string& name) {
    return std::any_of(node.options.begin(), node.options.end(), [&](const cli::CompletionOption& option) {
        return std::find(option.names.begin(), option.names.end(), name) != option.names.end();
    });
}

ProgramRun run(const std::string& path, const Words& more, const Words& environment = {}) {
    Words words{IOSWARM_BINARY};
    std::istringstream in(path);
    for (std::string word; in >> word;)
        words.push_back(word);
    words.insert(words.end(), more.begin(), more.end());
    return run_program(std::move(words), environment);
}

std::string last_line(const std::string& text) {
    const std::size_t end = text.find_last_not_of('\n');
    if (end == std::string::npos) return "";
    const std::size_t start = text.rfind('\n', end);
    return text.substr(start == std::string::npos ? 0 : start + 1, end + 1);
}

void check_error(const ProgramRun& run) {
    CAPTURE(run.out, run.err);
    CHECK(run.code != 0);
    const Json document = Json::parse(last_line(run.err), nullptr, false);
    REQUIRE(document.is_object());
    REQUIRE(document.contains("error"));
    const Json& error = document["error"];
    CHECK(error["code"].is_string());
    CHECK_FALSE(error["message"].get<std::string>().empty());
    CHECK(error["hint"].is_string());
}

bool ends_with(const std::string& text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_decimal(const Json& value) {
    return value.is_string() && !value.get<std::string>().empty() &&
           value.get<std::string>().find_first_not_of("0123456789") == std::string::npos;
}

/// Checks a document, and everything in it: an amount in IOTX stands beside the same amount in rau.
void check_amounts(const Json& value, const std::string& where) {
    CAPTURE(where);
    if (value.is_array()) {
        for (const Json& one : value)
            check_amounts(one, where + "[]");
    }
    if (!value.is_object()) return;
    for (const auto& [name, field] : value.items()) {
        CAPTURE(name);
        if (ends_with(name, "_iotx")) CHECK(value.contains(name.substr(0, name.size() - 5) + "_rau"));
        if (ends_with(name, "_rau")) CHECK((field.is_null() || is_decimal(field)));
        check_amounts(field, where + "." + name);
    }
}

/// Finds fields that are a list in one document and null in another.
class Lists {
  public:
    void add(const Json& value, const std::string& where) {
        if (value.is_array()) lists_.insert(where);
        if (value.is_null()) nulls_.insert(where);
        if (value.is_object()) {
            for (const auto& [name, field] : value.items())
                add(field, where + "." + name);
        }
        if (value.is_array()) {
            for (const Json& one : value)
                add(one, where + "[]");
        }
    }
    [[nodiscard]] std::set<std::string> sometimes_null() const {
        std::set<std::string> out;
        std::set_intersection(lists_.begin(), lists_.end(), nulls_.begin(), nulls_.end(),
                              std::inserter(out, out.end()));
        return out;
    }

  private:
    std::set<std::string> lists_;
    std::set<std::string> nulls_;
};

/// Returns the documents on standard output: one, or one per line.
std::vector<Json> documents(const std::string& out, bool lines) {
    std::vector<Json> all;
    std::istringstream in(out);
    for (std::string line; lines && std::getline(in, line);)
        all.push_back(Json::parse(line, nullptr, false));
    if (!lines) all.push_back(Json::parse(out, nullptr, false));
    return all;
}

/// A call that succeeds. `codes`: the exit codes that it may end with.
struct Call {
    std::string path;
    Words more;
    bool lines = false;
    std::set<int> codes{0};
};

/// Calls in an order in which each finds what it needs.
std::vector<Call> successful_calls(const TempDir& dir, const Served& served) {
    const std::string at = dir.path("data");
    const std::string api = "127.0.0.1:" + std::to_string(served.api_port());
    const Words here{"--data-dir", at};
    const Words asking{"--data-dir", at, "--swarm-api-port", std::to_string(served.api_port())};
    const std::string password = dir.write("password", "test\n");
    const std::string key =
        dir.write("key", "0000000000000000000000000000000000000000000000000000000000000001\n");
    const std::string secret = dir.write("secret", "test-secret\n");
    for (const std::string& file : {password, key, secret})
        std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    const std::string snap = dir.path("a.snap.gz");
    const std::string log = dir.path("log.db");
    // An epoch that is in the ledger already.
    const std::string closed = served.json("/api/rewards?agent=test-agent-01")["history"][0]["epoch"].dump();
    const Words size{"--agents", "2", "--duration", "1s", "--block-time", "250ms"};
    return {
        {"health", asking},
        {"doctor", {"--offline", "--data-dir", dir.path("other"), "--embedded"}, false, {0, 1, 3, 64}},
        {"status", here},
        {"agents list", here},
        {"agents list", {"--all", "--data-dir", at}},
        {"agents show", {"nobody", "--data-dir", at}},
        {"agents deny", {"nobody", "--data-dir", at}},
        {"agents allow", {"nobody", "--data-dir", at}},
        {"reload", here},
        {"keygen", {"--secret-file", secret, "--agent", "a", "--viewer", "v"}},
        {"keygen", {"--new-secret", dir.path("new")}},
        {"config check", {}},
        {"config show", {}},
        {"config default", {}},
        {"ledger backup", {dir.path("backup"), "--data-dir", at}},
        {"ledger check", {dir.path("backup")}},
        {"diffs import", {data_path("bolt/statediffs.db"), "--to", log}},
        {"diffs stat", {log}},
        {"diffs verify", {log}},
        {"diffs export", {log}, true},
        {"snapshot export", {"--source", data_path("bolt/trie.db"), "--output", snap, "--publish-cmd", "echo"}},
        {"snapshot roll",
         {"--base", data_path("node/chain-pebble/base.snap.gz"), "--diffs",
          data_path("node/chain-pebble/statediffs.db"), "--output", dir.path("b.snap.gz")}},
        {"snapshot verify", {snap}},
        {"snapshot inspect", {snap}},
        {"snapshot inspect", {snap, "--entries"}, true},
        {"snapshot diff", {snap, snap}},
        {"l4baseline", {"--source", data_path("bolt/trie.db"), "--output", dir.path("c.snap.gz")}},
        {"l4baseline", {"--source", data_path("bolt/trie.db"), "--stats"}},
        {"sim", size, false, {0, 1}},
        {"l4sim", {"--agents", "10", "--duration", "2s", "--block-time", "100ms"}, false, {0, 1}},
        {"wallet new", {"--out", dir.path("new.json"), "--password-file", password}},
        {"wallet import", {"--key-file", key, "--out", dir.path("imported.json"), "--password-file", password}},
        {"wallet address", {"--key-file", key}},
        {"wallet inspect", {dir.path("imported.json")}},
        {"rewards", {"--coordinator", api, "--agent-id", "test-agent-01"}},
        {"rewards", {"--epoch", closed, "--data-dir", dir.path("backup")}},
        {"version", {}},
    };
}

/// Commands that print an answer of the control socket as it came, by its path.
std::vector<std::pair<std::string, Words>> control_answers(const TempDir& dir) {
    const std::string at = dir.path("data");
    return {{"/control/status", {"status", "--json", "--data-dir", at}},
            {"/control/reload", {"reload", "--json", "--data-dir", at}},
            {"/swarm/agents", {"agents list", "--json", "--data-dir", at}}};
}

}  // namespace json_e2e
}  // namespace

TEST_CASE("every command takes --json and -o json, and its errors are documents", "[e2e][json]") {
    for (const cli::CompletionNode& node : json_e2e::runnable()) {
        CAPTURE(node.path);
        CHECK(json_e2e::has_option(node, "--json"));
        CHECK(json_e2e::has_option(node, "-o"));
        for (const json_e2e::Words& flag : {json_e2e::Words{"--json"}, json_e2e::Words{"-o", "json"}}) {
            json_e2e::Words more{"--nonsense"};
            more.insert(more.end(), flag.begin(), flag.end());
            const ProgramRun run = json_e2e::run(node.path, more);
            json_e2e::check_error(run);
            CHECK(run.code == 64);
            CHECK(run.out.empty());
            CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
        }
        const ProgramRun other = json_e2e::run(node.path, {"-o", "yaml"});
        CHECK(other.code == 64);
        CHECK(other.out.empty());
    }
}

TEST_CASE("an error while a command runs is a document too", "[e2e][json]") {
    const TempDir dir;
    const std::string none = dir.path("none");
    const std::string nowhere = "http://127.0.0.1:1";
    const std::string address = "0x0000000000000000000000000000000000000001";
    const std::vector<std::pair<std::string, json_e2e::Words>> calls = {
        {"health", {"--swarm-api-port", "1"}},
        {"status", {"--data-dir", none}},
        {"agents list", {"--data-dir", none}},
        {"agents show", {"a", "--data-dir", none}},
        {"agents deny", {"a", "--data-dir", none}},
        {"reload", {"--data-dir", none}},
        {"keygen", {"--secret-file", none, "--agent", "a"}},
        {"config check", {"--config", none}},
        {"config show", {"--config", none}},
        {"ledger check", {none}},
        {"ledger backup", {none, "--data-dir", none}},
        {"diffs import", {none, "--to", dir.path("log")}},
        {"diffs stat", {none}},
        {"diffs export", {none}},
        {"diffs restart", {none, "--yes"}},
        {"snapshot export", {"--source", none, "--output", dir.path("a.snap.gz")}},
        {"snapshot inspect", {none}},
        {"l4baseline", {"--source", none, "--output", dir.path("a.snap.gz")}},
        {"sim", {"--agents", "abc"}},
        {"trace", {"--web3", nowhere, "--block", "7"}},
        {"deploy", {"--coordinator", address, "--rpc", nowhere, "--dry-run", "--from", address}},
        {"claim", {"--contract", address, "--rpc", nowhere, "--dry-run", "--from", address}},
        {"fund", {"--amount", "1", address, "--rpc", nowhere, "--dry-run", "--from", address}},
        {"wallet inspect", {none}},
        {"rewards", {"--coordinator", "127.0.0.1:1", "--agent-id", "a"}},
        {"settle", {"--data-dir", none}},
        {"settle init", {"--data-dir", none, "--yes"}},
        {"settle status", {"--data-dir", none}},
        {"settle audit", {"--data-dir", none}},
        {"settle resume", {"--data-dir", none, "--yes"}},
        {"settle unstick", {"--data-dir", none, "--yes", "--empty"}},
        {"l4test", {"--addr", "127.0.0.1:1", "--duration", "1s"}},
    };
    for (const auto& [path, words] : calls) {
        CAPTURE(path);
        json_e2e::Words more = words;
        more.insert(more.end(), {"-o", "json"});
        json_e2e::check_error(json_e2e::run(path, more, {"XDG_STATE_HOME=" + dir.path("state")}));
    }
}

TEST_CASE("with --json standard output is JSON alone, with exact amounts and lists that are never null",
          "[e2e][json]") {
    const TempDir dir;
    Served served(dir, {"--with-agents", "2", "--block-time", "250ms", "--reward-epoch-blocks", "2",
                        "--reward-min-epoch-seconds", "1", "--reward-min-tasks-for-reward", "1",
                        "--epoch-reward-iotx", "0.3"});
    REQUIRE(eventually([&] { return !served.json("/api/rewards?agent=test-agent-01")["history"].empty(); }));
    json_e2e::Lists lists;
    std::set<std::string> called;
    for (const json_e2e::Call& call : json_e2e::successful_calls(dir, served)) {
        CAPTURE(call.path, call.more);
        called.insert(call.path);
        json_e2e::Words more = call.more;
        more.emplace_back("--json");
        const ProgramRun run = json_e2e::run(call.path, more);
        CAPTURE(run.out, run.err);
        CHECK(call.codes.count(run.code) == 1);
        for (const Json& document : json_e2e::documents(run.out, call.lines)) {
            CHECK_FALSE(document.is_discarded());
            json_e2e::check_amounts(document, call.path);
            lists.add(document, call.path);
        }
    }
    for (const cli::CompletionNode& node : json_e2e::runnable()) {
        CAPTURE(node.path);
        CHECK((called.count(node.path) == 1 || json_e2e::kOnlyErrorsHere.count(node.path) == 1));
    }
    const OpenApi openapi(IOSWARM_DIST "/openapi.yaml");
    for (const std::string path :
         {"/api/stats", "/api/rewards?agent=test-agent-01", "/api/rewards?agent=nobody", "/api/overview",
          "/api/history", "/api/diffs", "/swarm/status", "/swarm/agents", "/swarm/agents?all=1",
          "/swarm/leaderboard", "/swarm/epoch", "/swarm/shadow", "/swarm/overview",
          "/swarm/agent?agent=test-agent-01", "/swarm/agent?agent=nobody", "/readyz?verbose"}) {
        CAPTURE(path);
        const Json document = served.json(path);
        json_e2e::check_amounts(document, path);
        const std::string plain = path.substr(0, path.find('?'));
        lists.add(document, plain);
        CHECK(openapi.faults(plain, "200", document) == std::vector<std::string>{});
    }
    for (const auto& [path, words] : json_e2e::control_answers(dir)) {
        CAPTURE(path, words);
        const ProgramRun run = json_e2e::run(words.front(), {words.begin() + 1, words.end()});
        CHECK(openapi.faults(path, "200", Json::parse(run.out)) == std::vector<std::string>{});
    }
    CHECK(lists.sometimes_null() == std::set<std::string>{});
    const Json rewards = served.json("/api/rewards?agent=test-agent-01");
    CHECK(json_e2e::is_decimal(rewards["history"][0]["amount_rau"]));
    CHECK(json_e2e::is_decimal(rewards["totals"]["earned_rau"]));
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}
