// SPDX-License-Identifier: Apache-2.0
// The command rewards: an agent's earnings as reported by a coordinator, a ledger and the contract.
#include <filesystem>

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "contracts/artifact.hpp"
#include "core/ledger/ledger.hpp"
#include "test/cli/contracts/contracts_fixture.hpp"
#include "test/settlement/ledger_file.hpp"
#include "test/settlement/store_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;
using cli::add_rewards;

TEST_CASE("rewards prints an agent's history exactly, and the claimable amount", "[spend]") {
    ToolWorld w;
    const auto pool = pool_at(w, kPool, to_bytes(reward_pool_code()));
    pool->credit(Address{{1}}, kOneCoin / 4);
    ScriptedHttp coordinator([](HttpConnection& peer, const std::string&) {
        return peer.answer(
            R"({"agent_id":"a 1","history":[{"epoch":7,"amount_iotx":0.123456789012345678,"tasks":10,)"
            R"("accuracy_pct":100.0,"rank":1,"bonus_applied":true}],"totals":{"earned_iotx":)"
            R"(1000000000.000000000000000001,"total_tasks":10,"avg_accuracy":100.0}})");
    });
    const std::string host = coordinator.url().substr(7);
    const ToolRun text = run_tool(add_rewards, {"--coordinator", host, "--agent-id", "a 1"});
    CAPTURE(text.err);
    CHECK(text.code == 0);
    CHECK_THAT(text.out, Contains("0.123456789012345678") && Contains("1000000000.000000000000000001"));
    const ToolRun json =
        run_tool(add_rewards, {"--coordinator", host, "--agent-id", "a 1", "--json", "--contract", kPoolText,
                               "--wallet", to_io(Address{{1}}), "--rpc", w.server.url(), "--chain-id", "4690"});
    CAPTURE(json.err);
    REQUIRE(json.code == 0);
    CHECK(json.json()["history"][0]["amount_rau"] == "123456789012345678");
    CHECK(json.json()["earned_rau"] == "1000000000000000000000000001");
    CHECK(json.json()["claimable_rau"] == to_decimal(kOneCoin / 4));
    CHECK(run_tool(add_rewards, {"--agent-id", "a"}).code == 64);
    CHECK(run_tool(add_rewards, {"--coordinator", "127.0.0.1:1", "--agent-id", "a"}).code == 69);
    CHECK(run_tool(add_rewards, {"--epoch", "1", "--data-dir", w.dir.path("none")}).code == 66);
    for (const char* bad : {"localhost", "http://127.0.0.1:14690", "127.0.0.1:0", "127.0.0.1:x"})
        CHECK(run_tool(add_rewards, {"--coordinator", bad, "--agent-id", "a"}).code == 64);
}

TEST_CASE("rewards refuses malformed amounts from a coordinator, and reports an empty history", "[spend]") {
    std::string body;
    ScriptedHttp coordinator([&body](HttpConnection& peer, const std::string&) { return peer.answer(body); });
    const auto ask = [&](const std::string& text) {
        body = text;
        return run_tool(add_rewards, {"--coordinator", coordinator.url().substr(7), "--agent-id", "a"});
    };
    const auto row = [](const std::string& fields) {
        return R"({"history":[{)" + fields + R"(}],"totals":{"earned_iotx":1}})";
    };
    CHECK(ask(row(R"("epoch":7,"amount_iotx":1,"tasks":10,"rank":1)")).code == 0);
    CHECK(ask(row(R"("epoch":"7","amount_iotx":1,"tasks":-1,"rank":{})")).code == 0);
    CHECK(ask(row(R"("epoch":7,"amount_iotx":1e-07)")).code == 76);
    CHECK(ask(row(R"("epoch":7,"amount_iotx":-1)")).code == 76);
    CHECK(ask(row(R"("epoch":7)")).code == 76);
    CHECK(ask(R"({"history":[7],"totals":{"earned_iotx":1}})").code == 76);
    CHECK(ask(R"({"history":[],"totals":[]})").code == 76);
    const ToolRun none = ask(R"({"history":[],"totals":{"earned_iotx":0}})");
    CHECK(none.code == 0);
    CHECK_THAT(none.err, Contains("no payouts yet"));
}

TEST_CASE("rewards prints the payouts of an epoch from a ledger, also while it is in use", "[spend]") {
    const TempDir dir;
    const auto ledger = Ledger::open(dir.path("data")).value();
    REQUIRE(ledger->run([](LedgerTx& tx) -> Status {
        EpochRow epoch;
        epoch.epoch = 7;
        epoch.first_height = 100;
        epoch.last_height = 459;
        epoch.reward_rau = kOneCoin;
        epoch.cut_rau = kOneCoin / 10;
        epoch.pool_rau = kOneCoin - epoch.cut_rau;
        PayoutRow first;
        first.epoch = 7;
        first.agent_id = "agent-01";
        first.amount_rau = *u256_from_decimal("600000000000000001");
        first.tasks = 20;
        first.rank = 1;
        first.wallet = Address{{1}};
        PayoutRow second = first;
        second.agent_id = "agent-02";
        second.amount_rau = *u256_from_decimal("299999999999999999");
        second.rank = 2;
        second.wallet.reset();
        return tx.add_epoch(epoch, std::vector{first, second});
    }));
    const auto show = [&dir](const std::string& epoch, const std::string& more) {
        std::vector<std::string> arguments{"--epoch", epoch, "--data-dir", dir.path("data")};
        if (!more.empty()) arguments.push_back(more);
        return run_tool(add_rewards, arguments);
    };
    const ToolRun json = show("7", "--json");
    CAPTURE(json.err);
    REQUIRE(json.code == 0);
    CHECK(json.json()["pool_rau"] == to_decimal(kOneCoin - kOneCoin / 10));
    CHECK(json.json()["last_height"] == 459);
    REQUIRE(json.json()["payouts"].size() == 2);
    CHECK(json.json()["payouts"][0]["amount_rau"] == "600000000000000001");
    CHECK(json.json()["payouts"][0]["wallet"] == to_checksum_hex(Address{{1}}));
    CHECK(json.json()["payouts"][1]["agent_id"] == "agent-02");
    CHECK(json.json()["payouts"][1]["wallet"].is_null());
    CHECK_THAT(show("7", "").out, Contains("0.600000000000000001") && Contains("none on file"));
    CHECK(show("8", "").code == 1);
}

TEST_CASE("given wallets that were named late, when an epoch is shown, then the wallet that is paid is shown",
          "[spend]") {
    // Given: three agents without a wallet at the end of epoch 3; a names one and is paid, b names one, c none
    LedgerFile file;
    file.close_epoch(3, {{"a", 5, {}}, {"b", 7, {}}, {"c", 9, {}}, {"d", 2, filled_with<Address>(0xc0)}});
    file.name_wallet("a", filled_with<Address>(8));  // after the payment, it names another one
    file.name_wallet("b", filled_with<Address>(2));
    file.name_wallet("d", filled_with<Address>(4));
    const auto show = [&](const std::string& more) {
        std::vector<std::string> arguments{"--epoch", "3", "--data-dir", file.dir.path()};
        if (!more.empty()) arguments.push_back(more);
        return run_tool(add_rewards, arguments);
    };
    CHECK(show("--json").json()["payouts"][1]["wallet"] == to_checksum_hex(filled_with<Address>(2)));
    {
        const auto store =
            std::move(*settlement::SettlementStore::create(file.dir.path(), settlement_identity_of_test()));
        REQUIRE(store->add_plan(std::vector{planned_payment({payout_to(3, "a", 1, 5)})}, 1).has_value());
    }
    const ToolRun shown = show("--json");
    CAPTURE(shown.err);
    REQUIRE(shown.code == 0);
    const auto payouts = shown.json()["payouts"];
    CHECK(payouts[0]["wallet"] == to_checksum_hex(filled_with<Address>(1)));
    CHECK(payouts[0]["state"] == "planned");
    CHECK(payouts[1]["wallet"] == to_checksum_hex(filled_with<Address>(2)));
    CHECK(payouts[1]["state"] == "owed");
    CHECK(payouts[2]["wallet"].is_null());
    CHECK(payouts[2]["state"] == "unpaid");
    // d named the contract, which cannot be paid, and then another wallet
    CHECK(payouts[3]["wallet"] == to_checksum_hex(filled_with<Address>(4)));
    CHECK_THAT(show("").out, Contains("none on file: its share stays owed"));
}

TEST_CASE("rewards reports why a file is not a ledger", "[spend]") {
    const TempDir dir;
    const auto code = [&dir] { return run_tool(add_rewards, {"--epoch", "0", "--data-dir", dir.path()}).code; };
    dir.write("ledger.db", "");
    CHECK(code() == 65);
    dir.write("ledger.db", std::string(5000, 'x'));
    CHECK(code() == 65);
    std::filesystem::remove(dir.path("ledger.db"));
    REQUIRE(::mkfifo(dir.path("ledger.db").c_str(), 0600) == 0);
    CHECK(code() == 74);  // and it does not block until the pipe has a writer
}

TEST_CASE("rewards of a coordinator that settles prints state, transaction and unpaid amount", "[spend]") {
    ScriptedHttp coordinator([](HttpConnection& peer, const std::string&) {
        return peer.answer(
            R"({"agent_id":"a","history":[{"epoch":8,"amount_iotx":0.5,"tasks":10,"accuracy_pct":100.0,"rank":1,)"
            R"("bonus_applied":true,"state":"unpaid","transaction":null},{"epoch":7,"amount_iotx":0.25,"tasks":10,)"
            R"("accuracy_pct":100.0,"rank":1,"bonus_applied":true,"state":"paid","transaction":"0x77"}],)"
            R"("totals":{"earned_iotx":0.75,"total_tasks":20,"avg_accuracy":100.0,"unpaid_iotx":0.500000000000000001}})");
    });
    const std::string host = coordinator.url().substr(7);
    const ToolRun text = run_tool(add_rewards, {"--coordinator", host, "--agent-id", "a"});
    CAPTURE(text.err);
    CHECK(text.code == 0);
    CHECK_THAT(text.out,
               Contains("unpaid      -") && Contains("paid        0x77") &&
                   Contains("unpaid     0.500000000000000001 IOTX, kept until the agent names a wallet"));
    const auto json = run_tool(add_rewards, {"--coordinator", host, "--agent-id", "a", "--json"}).json();
    CHECK(json["history"][1]["transaction"] == "0x77");
    CHECK(json["unpaid_rau"] == "500000000000000001");
}
