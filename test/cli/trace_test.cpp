// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "test/cli/run_cli.hpp"
#include "test/support/fake_web3_state.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

const std::string kSender = "0x00000000000000000000000000000000005e5de5";
const std::string kTracedContract = "0x0000000000000000000000000000000000c0de00";
const std::string kHash = "0x" + std::string(64, 'a');

/// The contract adds 1 to slot 1, logs the sum and returns it.
const std::string kCode = "600154600101806001555f5260205fa060205ff3";

void fill(FakeWeb3State& node) {
    node.accounts[kSender] = {U256(1) << 80U, 3, {}, {}};
    node.accounts[kTracedContract] = {U256(0), 1, from_hex(kCode).value(), {{"0x1", "0x41"}}};
    node.transactions[kHash] = {
        {"hash", kHash},         {"nonce", "0x3"}, {"blockNumber", nullptr}, {"from", kSender},
        {"to", kTracedContract}, {"value", "0x0"}, {"gas", "0x186a0"},       {"gasPrice", "0x1d1a94a2000"},
        {"input", "0x"},         {"type", "0x0"}};
}

}  // namespace

TEST_CASE("trace: a call is run over the tip, with every slot, log and change", "[trace]") {
    FakeWeb3State node;
    fill(node);
    const CliRun run = run_cli({"trace", "--web3", node.url(), "--json", "--call",
                                Json{{"from", kSender}, {"to", kTracedContract}}.dump()});
    INFO(run.err);
    REQUIRE(run.code == 0);
    const Json report = Json::parse(run.out);
    CHECK(report["status"] == 1);
    CHECK(report["kind"] == "execution");
    CHECK(report["rules"] == "cancun");
    CHECK(report["state_height"] == 100);
    CHECK(report["block_height"] == 101);
    CHECK(report["fetches"] == 2);
    CHECK(report["output"] == "0x" + std::string(62, '0') + "42");
    CHECK(report["accounts"][1]["address"] == kTracedContract);
    CHECK(report["accounts"][1]["slots"] == Json::array({"0x1"}));
    CHECK(report["logs"].size() == 1);
    const auto& changes = report["changes"];
    REQUIRE(changes.size() == 2);
    CHECK(changes[1]["slots"][0] == Json{{"key", "0x1"}, {"before", "0x41"}, {"after", "0x42"}});
    // 10,000 for the transaction, 5,000 for the changed slot, the rest for the other steps.
    CHECK(report["gas_used"].get<int>() > 15'000);
}

TEST_CASE("trace: a pending transaction is printed in readable form", "[trace]") {
    FakeWeb3State node;
    fill(node);
    const CliRun run = run_cli({"trace", kHash, "--web3", node.url()});
    INFO(run.err);
    REQUIRE(run.code == 0);
    CHECK_THAT(run.out, Contains("status     1\n"));
    CHECK_THAT(run.out, Contains("slot 0x1: 0x41 -> 0x42"));
    CHECK_THAT(run.out, Contains("in block 101, over the state of block 100"));
}

TEST_CASE("trace: without the node's gateway plugin the block's height must be given", "[trace]") {
    FakeWeb3State node;
    fill(node);
    node.has_index = false;
    const CliRun run = run_cli({"trace", kHash, "--web3", node.url()});
    CHECK(run.code == 65);
    CHECK_THAT(run.err, Contains("name the block: --block HEIGHT"));
}

TEST_CASE("trace: without archive state a mined transaction is refused with the reason", "[trace]") {
    FakeWeb3State node;
    fill(node);
    node.has_index = false;
    Json mined = node.transactions[kHash];
    mined["blockNumber"] = "0x50";
    node.blocks[80] = {{"number", "0x50"},
                       {"timestamp", "0x6553f100"},
                       {"baseFeePerGas", "0xe8d4a51000"},
                       {"miner", kSender},
                       {"transactions", Json::array({mined})}};
    node.accounts[kSender].nonce = 9;  // the sender has sent more since then
    SECTION("the node answers with the tip's state instead of an error") {}
    SECTION("the node refuses") {
        node.old = FakeWeb3State::Old::refused;
    }
    const CliRun run = run_cli({"trace", kHash, "--block", "80", "--web3", node.url()});
    CHECK(run.code == 65);
    CHECK(run.out.empty());
    CHECK_THAT(run.err, Contains("answers the tip only"));
    CHECK_THAT(run.err, Contains("--at-tip"));
    CHECK(run_cli({"trace", kHash, "--block", "80", "--at-tip", "--web3", node.url()}).code == 0);
}

TEST_CASE("trace: with archive state a mined transaction runs over the state before its block", "[trace]") {
    FakeWeb3State node;
    fill(node);
    node.old = FakeWeb3State::Old::kept;
    node.old_accounts = node.accounts;
    node.accounts[kTracedContract].slots["0x1"] = "0x99";
    node.accounts[kSender].nonce = 9;
    node.transactions[kHash]["blockNumber"] = "0x50";
    const CliRun run = run_cli({"trace", kHash, "--json", "--web3", node.url()});
    INFO(run.err);
    REQUIRE(run.code == 0);
    const Json report = Json::parse(run.out);
    CHECK(report["state_height"] == 79);
    CHECK(report["block_height"] == 80);
    CHECK(report["output"] == "0x" + std::string(62, '0') + "42");
}

TEST_CASE("trace: a transaction to an account without code is a transfer", "[trace]") {
    FakeWeb3State node;
    fill(node);
    node.transactions[kHash]["to"] = "0x0000000000000000000000000000000000000002";
    node.transactions[kHash]["value"] = "0x5";
    node.transactions[kHash]["input"] = "0x0102";
    const CliRun run = run_cli({"trace", kHash, "--json", "--web3", node.url()});
    INFO(run.err);
    REQUIRE(run.code == 0);
    const Json report = Json::parse(run.out);
    CHECK(report["kind"] == "transfer");
    CHECK(report["gas_used"] == 10'200);
    CHECK(report["transfers"][0]["amount_rau"] == "5");
}

TEST_CASE("trace: errors of the command line and of the node are reported", "[trace]") {
    FakeWeb3State node;
    fill(node);
    CHECK(run_cli({"trace"}).code == 64);
    CHECK(run_cli({"trace", kHash, "--call", "{}"}).code == 64);
    CHECK(run_cli({"trace", "0x12", "--web3", node.url()}).code == 64);
    CHECK(run_cli({"trace", "--call", "7", "--web3", node.url()}).code == 64);
    CHECK(run_cli({"trace", "--call", R"({"to":"x"})", "--web3", node.url()}).code == 64);
    CHECK_THAT(run_cli({"trace", "--call", R"({"tp":"0x"})", "--web3", node.url()}).err,
               Contains("unknown field tp"));
    CHECK(run_cli({"trace", "0x" + std::string(64, 'b'), "--web3", node.url()}).code == 66);
    CHECK(run_cli({"trace", "--call", "{}", "--web3", "http://127.0.0.1:1"}).code == 69);
}

TEST_CASE("trace: a contract that is not simulated is refused", "[trace]") {
    FakeWeb3State node;
    fill(node);
    // The code calls the pairing check with 192 bytes.
    node.accounts[kTracedContract].code = from_hex("5f5f60c05f5f60085af100").value();
    const CliRun run = run_cli({"trace", kHash, "--web3", node.url()});
    CHECK(run.code == 65);
    CHECK_THAT(run.err, Contains("not simulated"));
}

namespace {

/// Adds block 80 with two calls of the contract, and their receipts. The second call reads the slot that the
/// first one wrote.
void mine_two_calls(FakeWeb3State& node) {
    fill(node);
    node.old = FakeWeb3State::Old::kept;
    node.old_accounts = node.accounts;
    node.accounts[kSender].nonce = 9;
    Json first = node.transactions[kHash];
    first["blockNumber"] = "0x50";
    node.transactions[kHash] = first;
    const CliRun alone = run_cli({"trace", kHash, "--json", "--web3", node.url()});
    REQUIRE(alone.code == 0);
    const std::string gas = to_quantity(U256(Json::parse(alone.out)["gas_used"].get<std::uint64_t>()));
    Json second = first;
    second["hash"] = "0x" + std::string(64, 'b');
    second["nonce"] = "0x4";
    node.blocks[80] = {{"number", "0x50"},
                       {"timestamp", "0x6553f100"},
                       {"baseFeePerGas", "0xe8d4a51000"},
                       {"miner", kSender},
                       {"transactions", Json::array({first, second})}};
    const auto receipt = [&gas](const Json& transaction, const std::string& sum) {
        const Json log{{"address", kTracedContract},
                       {"topics", Json::array()},
                       {"data", "0x" + std::string(62, '0') + sum}};
        return Json{{"transactionHash", transaction["hash"]},
                    {"status", "0x1"},
                    {"gasUsed", gas},
                    {"contractAddress", nullptr},
                    {"logs", Json::array({log})}};
    };
    node.receipts[80] = Json::array({receipt(first, "42"), receipt(second, "43")});
}

}  // namespace

TEST_CASE("trace: a whole block is compared with its receipts, each transaction after those before it",
          "[trace]") {
    FakeWeb3State node;
    mine_two_calls(node);
    const CliRun run = run_cli({"trace", "--block", "80", "--web3", node.url()});
    INFO(run.err);
    CHECK(run.code == 0);
    CHECK_THAT(run.out, Contains("block 80: 2 transactions"));
    CHECK_THAT(run.out, Contains("over the state of block 79"));
    CHECK_THAT(run.out, Contains("2 as their receipts say, 0 different, 0 not run"));
}

TEST_CASE("trace: a difference from a receipt is named, and the exit code is 65", "[trace]") {
    FakeWeb3State node;
    mine_two_calls(node);
    std::string what;
    SECTION("the gas differs") {
        node.receipts[80][1]["gasUsed"] = "0x7";
        what = "the receipt says 7 gas";
    }
    SECTION("the status differs") {
        node.receipts[80][1]["status"] = "0x6a";
        what = "the receipt says status 106, our run 1";
    }
    SECTION("the logs differ") {
        node.receipts[80][1]["logs"][0]["data"] = "0x";
        what = "logs";
    }
    const CliRun run = run_cli({"trace", "--block", "80", "--web3", node.url()});
    CHECK(run.code == 65);
    CHECK_THAT(run.out, Contains("DIFFERS: "));
    CHECK_THAT(run.out, Contains(what));
    CHECK_THAT(run.out, Contains("1 as their receipts say, 1 different, 0 not run"));
    const CliRun json = run_cli({"trace", "--block", "80", "--json", "--web3", node.url()});
    CHECK(json.code == 65);
    const Json report = Json::parse(json.out);
    CHECK(report["different"] == 1);
    CHECK(report["transactions"][0]["difference"] == "");
    CHECK_THAT(report["transactions"][1]["difference"].get<std::string>(), Contains(what));
}

TEST_CASE("trace: an action of the staking protocol in a block is not run", "[trace]") {
    FakeWeb3State node;
    mine_two_calls(node);
    node.blocks[80]["transactions"][1]["to"] = "0x04c22afae6a03438b8fed74cb1cf441168df3f12";
    const CliRun run = run_cli({"trace", "--block", "80", "--web3", node.url()});
    CHECK(run.code == 0);
    CHECK_THAT(run.out, Contains("1 as their receipts say, 0 different, 1 not run"));
}

TEST_CASE("trace: a whole block needs a node with archive state", "[trace]") {
    FakeWeb3State node;
    mine_two_calls(node);
    SECTION("the node answers with the tip's state instead of an error") {
        node.old = FakeWeb3State::Old::tip_instead;
    }
    SECTION("the node refuses") {
        node.old = FakeWeb3State::Old::refused;
    }
    const CliRun run = run_cli({"trace", "--block", "80", "--web3", node.url()});
    CHECK(run.code == 65);
    CHECK(run.out.empty());
    CHECK_THAT(run.err, Contains("ask a node with archive state"));
    // The node has no receipts of this block.
    CHECK(run_cli({"trace", "--block", "81", "--web3", node.url()}).code == 66);
    CHECK(run_cli({"trace", "--block", "80", "--at-tip", "--web3", node.url()}).code == 64);
}
