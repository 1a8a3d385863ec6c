// SPDX-License-Identifier: Apache-2.0
// Runs the commands that README.md shows for paying agents, in that order, on anvil. The test replaces the
// placeholders, and gives options instead of the answers that a person types at a terminal.
#include <fstream>
#include <regex>
#include <sstream>

#include <catch2/catch.hpp>

#include "core/crypto/address.hpp"
#include "test/e2e/settle_fixture.hpp"
#include "test/support/scripted_http.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

const U256 kReadmeCoin = U256(1'000'000'000'000'000'000);

std::string text_of(const std::string& path) {
    std::ifstream in(path);
    REQUIRE(in);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

/// The lines of the code blocks of README.md that run one of these commands, without their comments.
std::vector<std::string> readme_commands() {
    std::vector<std::string> out;
    std::istringstream in(text_of(IOSWARM_README));
    const std::regex wanted("^ioswarm (wallet|deploy|fund|claim|rewards|settle) .*");
    bool in_block = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("```")) in_block = !in_block;
        if (!in_block || !std::regex_match(line, wanted)) continue;
        line = line.substr(0, line.find(" #"));
        out.push_back(line.substr(0, line.find_last_not_of(' ') + 1));
    }
    return out;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream in(line);
    std::vector<std::string> out;
    for (std::string word; in >> word;)
        out.push_back(word);
    return out;
}

/// The first word after `label`, which stands at the start of a line.
std::string word_after(const std::string& text, const std::string& label) {
    std::smatch found;
    REQUIRE(std::regex_search(text, found, std::regex("(^|\n)" + label + " +([^ \n]+)")));
    return found[2];
}

}  // namespace

TEST_CASE("the commands that README shows for deploy, fund, claim and settle do what it says", "[settle]") {
    // Given: an epoch that owes an agent 12.5 IOTX, and a configuration that has everything but the contract.
    SettleWorld world({"readme", settlement::PoolVersion::v3, false}, "readme");
    const std::string agent_key = world.write("agent.key", std::string(63, '0') + "9\n");
    std::filesystem::permissions(agent_key, std::filesystem::perms::owner_read);
    const ProgramRun named = run_program({IOSWARM_BINARY, "wallet", "address", "--key-file", agent_key});
    REQUIRE(named.code == 0);
    const Address agent = *parse_address(words_of(named.out).front());
    const U256 owed = kReadmeCoin * 25 / 2;
    world.close_epoch({{"agent-01", owed, agent}});
    for (const char* file : {"settlement.db", "settlement.db-wal", "settlement.db-shm"})
        std::filesystem::remove(std::filesystem::path(world.data_dir()) / file);
    ScriptedHttp coordinator([](HttpConnection& peer, const std::string&) {
        return peer.answer(R"({"agent_id":"agent-01","history":[],"totals":{"earned_iotx":0,"total_tasks":0,)"
                           R"("avg_accuracy":0}})");
    });
    const std::string password = world.write("password", "correct horse\n");
    const std::vector<std::string> environment{"XDG_STATE_HOME=" + world.path("state")};
    std::string contract;
    const auto run = [&](std::string line) {
        replace_all(line, "--network testnet", "--rpc " + SettleChain::get().url() + " --chain-id 4689");
        replace_all(line, "/etc/ioswarm/ioswarm.yaml", world.path("settle.yaml"));
        replace_all(line, "/etc/ioswarm/reward.key", world.path("key"));
        replace_all(line, "/etc/ioswarm/hot.json", world.path("hot.json"));
        replace_all(line, " agent.key", " " + agent_key);
        replace_all(line, "127.0.0.1:14690", coordinator.url().substr(std::string("http://").size()));
        replace_all(line, "--coordinator io1…", "--coordinator " + to_io(world.signer()));
        replace_all(line, "io1… io1…", to_io(agent) + " " + to_io(Address{{0x77}}));
        replace_all(line, "0x…", contract);
        if (line.find("hot.json") != std::string::npos) line += " --password-file " + password;
        if (std::regex_search(line, std::regex("^ioswarm (deploy|fund|claim|settle init)"))) line += " --yes";
        CAPTURE(line);
        CHECK(line.find("…") == std::string::npos);
        CHECK(line.find("/etc/") == std::string::npos);
        std::vector<std::string> words = words_of(line);
        words.front() = IOSWARM_BINARY;
        const ProgramRun done = run_program(words, environment);
        CAPTURE(done.out, done.err);
        REQUIRE(done.code == 0);
        return done.out;
    };

    std::vector<std::string> settles;
    std::string claim;
    const std::vector<std::string> commands = readme_commands();
    for (const std::string& line : commands) {
        const std::string out = run(line);
        const std::string command = words_of(line)[1];
        if (command == "wallet") {
            SettleChain::get().set_balance(*parse_address(words_of(out).front()), kReadmeCoin * 10);
        } else if (command == "deploy") {
            contract = word_after(out, "contract");
            std::string yaml = text_of(world.path("settle.yaml"));
            replace_all(yaml, to_checksum_hex(world.contract()), contract);
            world.write("settle.yaml", yaml + "  rewardRpcUrl: '" + SettleChain::get().url() + "'\n");
        } else if (command == "claim") {
            claim = line;
        } else if (command == "settle") {
            settles.push_back(out);
        }
    }
    // Then: each was there, the agent was funded, and what was settled can be claimed with README's own
    // command.
    CHECK(commands.size() >= 9);
    REQUIRE(settles.size() == 4);
    CHECK(settles[1].find("12.5 IOTX") != std::string::npos);
    CHECK(settles[1].find("nothing was sent") != std::string::npos);
    CHECK(settles[2].find("credited 12.5 IOTX for epoch 0") != std::string::npos);
    CHECK(settles[3].find("owed        nothing") != std::string::npos);
    const U256 before = SettleChain::get().balance(agent);
    CHECK(before == kReadmeCoin / 2);
    REQUIRE_FALSE(claim.empty());
    CHECK(run(claim).find("12.5") != std::string::npos);
    const U256 after = SettleChain::get().balance(agent);
    CHECK(after > before + owed - kReadmeCoin / 2);
    CHECK(after < before + owed);
}
