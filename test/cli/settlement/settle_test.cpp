// SPDX-License-Identifier: Apache-2.0
// `ioswarm settle` and its subcommands as an operator runs them, on a chain in memory behind HTTP.
#include "cli/settlement/data_dir_owner.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <future>

#include <catch2/catch.hpp>

#include "cli/settlement/options.hpp"
#include "core/base/decimal.hpp"
#include "settlement/store.hpp"
#include "test/cli/settlement/settle_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;

namespace {

const U256 kIotx{1'000'000'000'000'000'000};

}  // namespace

TEST_CASE("before init, settle and status exit with 78 and name the command", "[settle]") {
    const SettleWorld w;
    w.close_epoch(0, {"a"});
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{}, std::vector<std::string>{"status"}}) {
        const ToolRun run = w.settle(arguments);
        CHECK(run.code == 78);
        CHECK_THAT(run.err, Contains("ioswarm settle init"));
        CHECK(run.out.empty());
    }
}

TEST_CASE("init shows the amounts it will pay, asks, and can run once", "[settle]") {
    const SettleWorld w;
    w.close_epoch(0, {"a", "b", "x"});
    CHECK(w.settle({"init"}).code == 64);  // there is no terminal to ask on
    const ToolRun refused = w.settle({"init"}, "n\n", true);
    CHECK(refused.code == 1);
    CHECK_THAT(refused.err, Contains("30 IOTX in 2 payouts") &&
                                Contains("30 IOTX in 1 payout of agents without a wallet") &&
                                Contains(to_checksum_hex(w.key.address())) && Contains("nothing was made"));
    CHECK_FALSE(std::filesystem::exists(w.data + "/settlement.db"));
    const ToolRun made = w.settle({"init", "--json"}, "y\n", true);
    CHECK(made.code == 0);
    CHECK(made.json()["file"] == w.data + "/settlement.db");
    CHECK(made.json()["owed_payouts"] == 2);
    CHECK(made.json()["owed_rau"] == "30000000000000000000");
    CHECK(made.json()["warnings"].is_array());
    const ToolRun again = w.settle({"init", "--yes"});
    CHECK(again.code == 1);
    CHECK_THAT(again.err, Contains("settlement.db"));
}

TEST_CASE("init proposes limits when none are set, and settle needs them", "[settle]") {
    SettleWorld w;
    w.close_epoch(0, {"a"});
    w.config = w.dir.write("c.yaml", w.yaml("push: true"));
    const ToolRun init = w.settle(
        {"init", "--yes", "--epoch-reward-iotx", "10", "--reward-epoch-blocks", "720", "--block-time", "5s"});
    CHECK(init.code == 0);
    CHECK_THAT(init.err, Contains("maxPerDayIOTX: 480"));  // 24 epochs per day, times two
    const ToolRun run = w.settle({});
    CHECK(run.code == 78);
    CHECK_THAT(run.err, Contains("settlement.maxPerSettlementIOTX"));
}

TEST_CASE("everything owed is paid once, and a run with nothing to do prints nothing", "[settle]") {
    const SettleWorld w;
    w.close_epoch(0, {"a", "b", "x"});
    REQUIRE(w.settle({"init", "-y"}).code == 0);
    const ToolRun dry = w.settle({"--dry-run"});
    CHECK(dry.code == 0);
    CHECK_THAT(dry.out, Contains("pay epoch 0") && Contains("30 IOTX") && Contains("nothing was sent"));
    CHECK(w.chain.balance(SettleWorld::wallet_of("a")) == 0);

    const ToolRun paid = w.settle({});
    INFO(paid.err);
    CHECK(paid.code == 0);
    CHECK_THAT(paid.out, Contains("paid 30 IOTX for epoch 0 in transaction 0x"));
    CHECK(w.chain.balance(SettleWorld::wallet_of("a")) == kIotx * 10);
    CHECK(w.chain.balance(SettleWorld::wallet_of("b")) == kIotx * 20);

    const ToolRun again = w.settle({});
    CHECK(again.code == 0);
    CHECK(again.out.empty());
    CHECK(again.err.empty());
    CHECK(w.chain.balance(SettleWorld::wallet_of("a")) == kIotx * 10);

    const ToolRun status = w.settle({"status"});
    CHECK(status.code == 0);
    CHECK_THAT(status.out,
               Contains("paid        30 IOTX by 1 transaction; gas") && Contains("owed        nothing") &&
                   Contains("no wallet   30 IOTX kept for 1 agent without one that can be paid: x (30 IOTX)"));
    const auto json = w.settle({"status", "--json"}).json();
    CHECK(json["paid_rau"] == "30000000000000000000");
    CHECK(json["no_wallet"]["x"] == "30000000000000000000");
    REQUIRE(json["payouts"].size() == 3);
    CHECK(json["payouts"][0]["state"] == "paid");
    CHECK(json["payouts"][0]["transaction"].get<std::string>().size() == 66);
    CHECK(json["payouts"][2]["state"] == "no wallet");
    CHECK(w.settle({"audit"}).code == 0);
}

TEST_CASE("above a limit nothing is signed, and the reason is printed", "[settle]") {
    SettleWorld w;
    w.close_epoch(0, {"a", "b"});
    w.config = w.dir.write("c.yaml", w.yaml("maxPerSettlementIOTX: 20, maxPerDayIOTX: 900"));
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    const ToolRun run = w.settle({});
    CHECK(run.code == 75);
    CHECK_THAT(run.err, Contains("over_settlement_limit") && Contains("settlement.maxPerSettlementIOTX"));
    CHECK(w.settle({"--json"}).json()["hold"]["reason"] == "over_settlement_limit");
    CHECK(w.chain.mined(w.key.address()).empty());
    CHECK_THAT(w.settle({"status"}).out, Contains("waiting") && Contains("over_settlement_limit"));
}

TEST_CASE("a run whose payment is not final in time exits with 75, and the next run continues it", "[settle]") {
    SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    w.blocks_come = false;
    w.chain.set_rules([](FakeChainRules& rules) { rules.mine_after_send = false; });
    const ToolRun late = w.settle({"--timeout", "1s"});
    CHECK(late.code == 75);
    CHECK_THAT(late.err, Contains("not final yet") && Contains("run 'ioswarm settle' again"));
    CHECK_THAT(w.settle({"status"}).out, Contains("under way") && Contains("nonce 0"));
    w.blocks_come = true;
    CHECK(w.settle({}).code == 0);
    CHECK(w.chain.balance(SettleWorld::wallet_of("a")) == kIotx * 10);
    CHECK(w.chain.mined(w.key.address()).size() == 1);
}

TEST_CASE("an endpoint that answers slowly does not make settle run longer than its time", "[settle]") {
    const SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    // The endpoint never answers, until the command has ended.
    std::promise<void> command_ended;
    w.alter.set([ended = command_ended.get_future().share()](std::string answer, const std::string&) {
        (void)ended.wait_for(std::chrono::minutes(1));
        return answer;
    });
    const ToolRun late = w.settle({"--timeout", "1s"});
    command_ended.set_value();
    CHECK(late.code == 75);
    CHECK_THAT(late.err, Contains("nothing was signed") && Contains("--timeout"));
}

TEST_CASE("while another settler works settle exits with 75 and names its process", "[settle]") {
    const SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    const auto held = settlement::SettlementStore::open(w.data);
    REQUIRE(held);
    const ToolRun run = w.settle({});
    CHECK(run.code == 75);
    CHECK_THAT(run.err, Contains(std::to_string(getpid())));
}

TEST_CASE("a key that is missing, readable by others or of another wallet exits with 77", "[settle]") {
    SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    CHECK(w.settle({"--key-file", w.dir.path("none")}).code == 77);
    const std::string other = w.dir.write("other", std::string(64, '8') + "\n");
    const ToolRun wrong = w.settle({"--key-file", other});
    CHECK(wrong.code == 77);
    CHECK_THAT(wrong.err, Contains(to_checksum_hex(w.key.address())));
    std::filesystem::permissions(w.key_file, std::filesystem::perms::others_read,
                                 std::filesystem::perm_options::add);
    CHECK(w.settle({}).code == 77);
    CHECK(w.chain.mined(w.key.address()).empty());
}

TEST_CASE("another contract than the one in settlement.db exits with 78", "[settle]") {
    const SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    const ToolRun run = w.settle({"--reward-contract", "0x00000000000000000000000000000000000000c1"});
    CHECK(run.code == 78);
    CHECK_THAT(run.err, Contains("settlement.db was made for"));
}

TEST_CASE("without a transaction in progress there is nothing to unstick", "[settle]") {
    const SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    CHECK(w.settle({"unstick"}).code == 64);
    const ToolRun run = w.settle({"unstick", "--yes", "--empty"});
    CHECK(run.code == 0);
    CHECK_THAT(run.err, Contains("nothing blocks the nonce"));
    CHECK(w.settle({"unstick", "--yes", "--empty", "--json"}).json()["state"] == "not_blocked");
    const auto resumed = w.settle({"resume", "--yes", "-o", "json"}).json();
    CHECK(resumed["halt"].is_null());
    CHECK(resumed["resumed"] == false);
}

TEST_CASE("a transaction that is not mined is replaced by an empty one, and its payouts stay owed",
          "[settle]") {
    SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    w.blocks_come = false;
    w.chain.set_rules([](FakeChainRules& rules) { rules.mine_after_send = false; });
    REQUIRE(w.settle({"--timeout", "1s"}).code == 75);
    w.chain.forget_pool();
    w.blocks_come = true;
    const ToolRun run = w.settle({"unstick", "--yes", "--empty"});
    INFO(run.out << run.err);
    CHECK_THAT(run.err, Contains("nonce 0 of"));
    CHECK_THAT(run.out, Contains("cancelled: epoch 0"));
    CHECK(run.code == 0);
    CHECK(w.chain.balance(SettleWorld::wallet_of("a")) == 0);
    CHECK_THAT(w.settle({"status"}).out, Contains("owed        10 IOTX: 1 payout of epoch 0"));
    CHECK(w.settle({}).code == 0);
    CHECK(w.chain.balance(SettleWorld::wallet_of("a")) == kIotx * 10);
}

TEST_CASE("a dry run needs no key", "[settle]") {
    const SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    std::filesystem::remove(w.key_file);
    const ToolRun dry = w.settle({"--dry-run"});
    INFO(dry.err);
    CHECK(dry.code == 0);
    CHECK_THAT(dry.out, Contains("pay epoch 0") && Contains("nothing was sent"));
    CHECK(w.settle({}).code == 77);
    CHECK(w.chain.mined(w.key.address()).empty());
}

TEST_CASE("unstick --dry-run shows both orders, needs no key and changes nothing", "[settle]") {
    SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    const ToolRun nothing = w.settle({"unstick", "--dry-run"});
    CHECK(nothing.code == 0);
    CHECK_THAT(nothing.out, Contains("nothing blocks the nonce"));
    CHECK(w.settle({"unstick", "--dry-run", "--json"}).json()["live"].is_null());
    w.blocks_come = false;
    w.chain.set_rules([](FakeChainRules& rules) { rules.mine_after_send = false; });
    REQUIRE(w.settle({"--timeout", "1s"}).code == 75);
    std::filesystem::remove(w.key_file);
    const std::string before = w.settle({"status"}).out;
    const ToolRun dry = w.settle({"unstick", "--dry-run"});
    INFO(dry.out << dry.err);
    CHECK(dry.code == 0);
    CHECK_THAT(dry.out, Contains("1. pay 10 IOTX for epoch 0: ") && Contains(", nonce 0\n") &&
                            Contains("--raise-price would send it again for at least") &&
                            Contains("--empty would replace it by an empty transaction") &&
                            Contains("10 IOTX would stay owed") && Contains("nothing was sent (--dry-run)"));
    const auto json = w.settle({"unstick", "--dry-run", "--json"}).json();
    CHECK(json["dry_run"] == true);
    CHECK(json["live"]["nonce"] == 0);
    CHECK(json["attempts"].size() == 1);
    CHECK(w.settle({"status"}).out == before);
}

TEST_CASE("only the owner of the data directory may settle; root switches to the owner, others get a hint",
          "[settle]") {
    // The test uses "/", because root owns it.
    const pid_t other = fork();
    if (other == 0) {
        if (geteuid() == 0 && setuid(65534) != 0) _exit(3);
        const Status refused = cli::become_owner("/", "ioswarm settle status");
        _exit(!refused && refused.error().code == ErrorCode::permission_denied &&
                      refused.error().hint.find("sudo -u root ioswarm settle status") != std::string::npos
                  ? 0
                  : 1);
    }
    int state = 0;
    REQUIRE(waitpid(other, &state, 0) == other);
    CHECK(WEXITSTATUS(state) == 0);

    const TempDir dir;
    CHECK(cli::become_owner(dir.path(), "ioswarm settle").has_value());
    CHECK(cli::become_owner(dir.path("none"), "ioswarm settle").error().code == ErrorCode::config);
    if (geteuid() != 0) {
        WARN("not root: how root becomes the owner was not tried");
        return;
    }
    REQUIRE(chown(dir.path().c_str(), 65534, 65534) == 0);
    const pid_t child = fork();
    if (child == 0) {
        const Status changed = cli::become_owner(dir.path(), "ioswarm settle");
        _exit(changed && getuid() == 65534 && geteuid() == 65534 && getgid() != 0 && setuid(0) != 0 ? 0 : 1);
    }
    REQUIRE(waitpid(child, &state, 0) == child);
    CHECK(WEXITSTATUS(state) == 0);
}

TEST_CASE("given rewardRpcUrl names a server twice, when the settler asks for evidence, then it counts as one",
          "[settle]") {
    cli::ServeConfig config;
    config.reward_rpc_url =
        "http://node.example:8545/rpc, http://NODE.example:8545/rpc/, http://node.example:8546/rpc";
    const auto chain = cli::settlement_chain(config, {});
    REQUIRE(chain);
    CHECK(chain->endpoint_count() == 2);
}
