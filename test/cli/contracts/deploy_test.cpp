// SPDX-License-Identifier: Apache-2.0
// `ioswarm deploy`, run over HTTP against a chain in memory.

#include <catch2/catch.hpp>

#include "cli/contracts/spend.hpp"
#include "contracts/artifact.hpp"
#include "contracts/pool_gas.hpp"
#include "test/cli/contracts/deploy_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;
using cli::add_deploy;

TEST_CASE("deploy creates the contract once, and prints the same result when run again", "[spend]") {
    ToolWorld w;
    deploys_the_pool(w.chain);
    const ToolRun first = run_tool(add_deploy, deploy_args(w));
    CAPTURE(first.err);
    REQUIRE(first.code == 0);
    const auto json = first.json();
    CHECK(json["address"] == to_checksum_hex(contract_address(w.wallet(), 0)));
    CHECK(json["coordinator"] == kCoordinator);
    CHECK(json["chain_id"] == 4690);
    CHECK(json["block"].get<std::uint64_t>() == w.chain.tip());
    CHECK(json["gas_used"].get<std::uint64_t>() > 100'000);
    CHECK(json["transaction"].get<std::string>().size() == 66);
    CHECK(json.size() == 6);
    const auto mined = w.chain.mined(w.wallet());
    REQUIRE(mined.size() == 1);
    CHECK(to_hex(BytesView(mined[0].tx.data).last(20)) == "95e20fd5fdd9a8d9d174c7fae7c3f9ec51bbbf36");
    CHECK(mined[0].tx.type == EthTxType::legacy);

    const ToolRun second = run_tool(add_deploy, deploy_args(w));
    CHECK(second.code == 0);
    CHECK(second.out == first.out);
    CHECK(w.chain.mined(w.wallet()).size() == 1);
    // The same coordinator in io1 form counts as the same deployment.
    CHECK(run_tool(add_deploy, w.with_chain({"--coordinator", kCoordinatorIo, "--yes", "--json"})).out ==
          first.out);

    const ToolRun again = run_tool(add_deploy, deploy_args(w, {"--again"}));
    CHECK(again.code == 0);
    CHECK(again.json()["address"] == to_checksum_hex(contract_address(w.wallet(), 1)));
    CHECK(w.chain.mined(w.wallet()).size() == 2);
}

TEST_CASE("deploy on a node without the gateway plugin computes the gas from the formula", "[spend]") {
    FakeChainRules rules = ToolWorld::mining_rules();
    rules.gateway = false;
    ToolWorld w(rules);
    deploys_the_pool(w.chain);
    const ToolRun run = run_tool(add_deploy, deploy_args(w));
    CAPTURE(run.err);
    REQUIRE(run.code == 0);
    const std::uint64_t formula =
        contracts::deploy_gas(reward_pool_creation_code().size() + 32, reward_pool_code().size());
    CHECK(w.chain.mined(w.wallet())[0].tx.gas_limit == formula + formula / 4);
}

TEST_CASE("a deploy that was not mined in time is resumed by the next run with the same bytes", "[spend]") {
    ToolWorld w(FakeChainRules{});
    deploys_the_pool(w.chain);
    const ToolRun first = run_tool(add_deploy, deploy_args(w, {"--timeout", "1ms"}));
    CHECK(first.code == 75);
    CHECK_THAT(first.err,
               Contains("0x") && Contains("not confirmed") && Contains("run the same command again"));
    CHECK(w.chain.pooled() == 1);
    w.chain.mine();
    const ToolRun second = run_tool(add_deploy, deploy_args(w));
    CAPTURE(second.err);
    CHECK(second.code == 0);
    CHECK(w.chain.mined(w.wallet()).size() == 1);
}

TEST_CASE("deploy compares the code on the chain with its own", "[spend]") {
    ToolWorld w;
    w.chain.on_create([](BytesView) { return std::make_shared<FakeClaimPool>(Bytes{1, 2, 3}); });
    const ToolRun run = run_tool(add_deploy, deploy_args(w));
    CHECK(run.code == 1);
    CHECK_THAT(run.err, Contains("differs"));
    CHECK(run.out.empty());
}

TEST_CASE("deploy computes the address from sender and nonce instead of trusting the node", "[spend]") {
    ToolWorld w;
    deploys_the_pool(w.chain);
    // A contract with the same code and another coordinator. A dishonest endpoint claims that it was deployed
    // there.
    const auto trap = pool_at(w, kPool, to_bytes(reward_pool_code()));
    ScriptedHttp liar([&w](HttpConnection& peer, const std::string& body) {
        std::string answer = w.chain.answer(body);
        const std::string made = to_hex0x(contract_address(w.wallet(), 0).view());
        const std::size_t at = answer.find(R"("contractAddress":")" + made);
        if (at != std::string::npos) answer.replace(at + 19, made.size(), kPoolText);
        return peer.answer(answer);
    });
    const ToolRun run = run_tool(add_deploy, {"--coordinator", kCoordinator, "--rpc", liar.url(), "--chain-id",
                                              "4690", "--key-file", w.key_file, "--yes", "--json"});
    CAPTURE(run.err);
    REQUIRE(run.code == 0);
    CHECK(run.json()["address"] == to_checksum_hex(contract_address(w.wallet(), 0)));
}

TEST_CASE("deploy does not accept a contract with another coordinator", "[spend]") {
    ToolWorld w;
    w.chain.on_create([](BytesView) { return std::make_shared<FakeClaimPool>(to_bytes(reward_pool_code())); });
    const ToolRun run = run_tool(add_deploy, deploy_args(w));
    CHECK(run.code == 1);
    CHECK_THAT(run.err, Contains("its coordinator is 0x0000000000000000000000000000000000000000"));
    CHECK(run.out.empty());
}

TEST_CASE("a deployment to mainnet asks for the chain's name", "[spend]") {
    const auto deploy_to = [](const std::string& answer, bool interactive, std::vector<std::string> more = {}) {
        FakeChainRules rules = ToolWorld::mining_rules();
        rules.chain_id = 4689;
        ToolWorld w(rules);
        deploys_the_pool(w.chain);
        std::vector<std::string> arguments{"--coordinator", kCoordinator, "--rpc",      w.server.url(),
                                           "--chain-id",    "4689",       "--key-file", w.key_file};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const ToolRun run = run_tool(add_deploy, arguments, answer, interactive);
        CHECK(w.chain.mined(w.wallet()).size() == (run.code == 0 ? 1 : 0));
        return run;
    };
    for (const std::string answer : {"y\n", "yes\n", "\n", "testnet\n", "Mainnet\n", "mainnet.\n"}) {
        CAPTURE(answer);
        const ToolRun refused = deploy_to(answer, true);
        CHECK(refused.code == 1);
        CHECK_THAT(refused.err, Contains("Type 'mainnet' to continue: ") && Contains("nothing was sent"));
    }
    CHECK(deploy_to("mainnet\n", true).code == 0);
    CHECK(deploy_to("mainnet\n", false).code == 64);
    CHECK(deploy_to("", false, {"--yes"}).code == 0);
    CHECK(deploy_to("", false, {"-y"}).code == 0);
}
