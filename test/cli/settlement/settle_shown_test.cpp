// SPDX-License-Identifier: Apache-2.0
// What `ioswarm settle` shows while a settlement is under way or halted, and about money that is
// credited or cannot be paid.
#include <catch2/catch.hpp>

#include "settlement/store.hpp"
#include "test/cli/settlement/settle_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;

namespace {

/// A version 2 pool whose settlement waits: the weights are sent and not mined, and the payment is planned.
struct WaitingWeights : SettleWorld {
    WaitingWeights() : SettleWorld(FakeRewardPool::Version::v2) {
        close_epoch(0, {"a", "b"});
        const ToolRun init = settle({"init", "--yes", "--pool-from-block", "0"});
        INFO(init.err);
        REQUIRE(init.code == 0);
        blocks_come = false;
        chain.set_rules([](FakeChainRules& rules) { rules.mine_after_send = false; });
        REQUIRE(settle({"--timeout", "1s"}).code == 75);
    }

    [[nodiscard]] std::unique_ptr<settlement::SettlementStore> open_store() const {
        auto out = settlement::SettlementStore::open(data);
        REQUIRE(out);
        return std::move(*out);
    }
    void end_weights() const {
        const auto store = open_store();
        const auto weights = store->live_intent();
        REQUIRE(weights);
        REQUIRE((*weights)->kind == settlement::IntentKind::weights);
        settlement::SettlementStore::End end;
        end.hash = store->attempts((*weights)->id)->front().hash;
        end.block = 9;
        end.gas_used = 21'000;
        end.gas_price = 1;
        end.now_ms = 1;
        REQUIRE(store->finish((*weights)->id, end).has_value());
    }
    void halt() const {
        settlement::Halt halt{settlement::HaltReason::foreign_transaction, "somebody used nonce 0", 1, {}};
        REQUIRE(open_store()->set_halt(halt).has_value());
    }
};

}  // namespace

TEST_CASE("given weights that are sent, when it is asked what is owed, then the payment after them is shown") {
    const WaitingWeights w;
    for (const std::string command : {"status", "--dry-run"}) {
        const ToolRun run = w.settle({command});
        INFO(run.out << run.err);
        CHECK(run.code == 0);
        CHECK_THAT(run.out, Contains("30 IOTX of settlement 1 are not final yet, in 2 transactions") &&
                                Contains("1. set the weights (no money) for epoch 0: ") &&
                                Contains("2. pay 30 IOTX for epoch 0: planned") &&
                                Contains("then 1 transaction more") && !Contains("nothing is owed"));
        const auto json = w.settle({command, "--json"}).json();
        CHECK(json["under_way"]["remaining_rau"] == "30000000000000000000");
        CHECK(json["under_way"]["steps"].size() == 2);
    }
    CHECK_THAT(w.settle({"status"}).out, Contains("owed        nothing besides the settlement"));
    CHECK_THAT(w.settle({"--dry-run"}).out, Contains("nothing more is owed"));

    const ToolRun unstick = w.settle({"unstick", "--dry-run"});
    CHECK_THAT(unstick.out, Contains("30 IOTX would stay owed") &&
                                Contains("drop the step that needs it: pay 30 IOTX for epoch 0"));
    const auto json = w.settle({"unstick", "--dry-run", "--json"}).json();
    CHECK(json["stays_owed_rau"] == "30000000000000000000");
    CHECK(json["also_dropped"].size() == 1);
}

TEST_CASE("given weights that are final, when it is asked what is owed, then the payment is shown as next") {
    const WaitingWeights w;
    w.end_weights();
    for (const std::string command : {"status", "--dry-run"}) {
        const ToolRun run = w.settle({command});
        INFO(run.out << run.err);
        CHECK_THAT(run.out, Contains("1. set the weights (no money) for epoch 0: final_ok, nonce 0, 0x") &&
                                Contains("2. pay 30 IOTX for epoch 0: planned") &&
                                Contains("next        the weights are read back"));
    }
    const ToolRun unstick = w.settle({"unstick", "--dry-run"});
    CHECK(unstick.code == 0);
    CHECK_THAT(unstick.out, Contains("has no nonce yet and was not sent: nothing blocks the nonce") &&
                                !Contains("--empty would"));
    const ToolRun order = w.settle({"unstick", "--yes", "--empty"});
    CHECK(order.code == 0);
    CHECK_THAT(order.err, Contains("nothing blocks the nonce"));
}

TEST_CASE("given only weights became final, when the payment waits, then settle says that nothing was paid") {
    WaitingWeights w;
    w.chain.set_rules([](FakeChainRules& rules) { rules.suggested_price = "\"0x48c27395000\""; });  // 5000 Gwei
    w.blocks_come = true;
    const ToolRun run = w.settle({});
    INFO(run.out << run.err);
    CHECK(run.code == 75);
    CHECK_THAT(run.out, Contains("set the weights for epoch 0"));
    CHECK_THAT(run.err, Contains("ioswarm: nothing was paid: gas_price"));
}

TEST_CASE("given a run pays an epoch, when a later one is held, then settle says that nothing more was paid") {
    SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    w.blocks_come = false;
    w.chain.set_rules([](FakeChainRules& rules) { rules.mine_after_send = false; });
    REQUIRE(w.settle({"--timeout", "1s"}).code == 75);
    w.close_epoch(1, {"a"}, U256(1'000'000'000'000'000'000) * 600);
    SECTION("paid") {
        w.blocks_come = true;
        const ToolRun run = w.settle({});
        INFO(run.out << run.err);
        CHECK(run.code == 75);
        CHECK_THAT(run.out, Contains("paid 10 IOTX for epoch 0"));
        CHECK_THAT(run.err, Contains("ioswarm: nothing more was paid: over_settlement_limit"));
    }
    SECTION("but when its transaction is cancelled, then nothing was paid") {
        w.chain.forget_pool();
        REQUIRE(w.settle({"unstick", "--yes", "--empty", "--timeout", "1s"}).code == 75);
        w.blocks_come = true;
        const ToolRun run = w.settle({});
        INFO(run.out << run.err);
        CHECK(run.code == 75);
        CHECK_THAT(run.out, Contains("cancelled: epoch 0"));
        CHECK_THAT(run.err, Contains("ioswarm: nothing was paid: over_settlement_limit"));
    }
}

TEST_CASE("given a later epoch, when a settlement is under way, then the dry run shows both") {
    const WaitingWeights w;
    w.close_epoch(1, {"a"});
    const ToolRun run = w.settle({"--dry-run"});
    INFO(run.out << run.err);
    CHECK(run.code == 0);
    CHECK_THAT(run.out,
               Contains("2. pay 30 IOTX for epoch 0: planned") && Contains("after that, this would be"));
    CHECK_THAT(w.settle({"status"}).out, Contains("owed        10 IOTX: 1 payout of epoch 1, besides the"));
}

TEST_CASE("given a halt, when a dry run is made, then it says that nothing is paid until it is ended") {
    const WaitingWeights w;
    w.halt();
    const ToolRun run = w.settle({"--dry-run"});
    INFO(run.out << run.err);
    CHECK(run.code == 1);
    CHECK_THAT(run.out, Contains("HALTED") && Contains("somebody used nonce 0") &&
                            Contains("nothing is signed or sent until 'ioswarm settle resume'"));
    CHECK(w.settle({"--dry-run", "--json"}).json()["halt"]["reason"] == "foreign_transaction");
    const ToolRun unstick = w.settle({"unstick", "--dry-run"});
    CHECK_THAT(unstick.out,
               Contains("both orders are refused until 'ioswarm settle resume'") && !Contains("--empty would"));
}

TEST_CASE("a dry run works while another settler has the data directory") {
    const WaitingWeights w;
    const auto other = w.open_store();
    const ToolRun run = w.settle({"--dry-run"});
    INFO(run.out << run.err);
    CHECK(run.code == 0);
    CHECK(w.settle({"unstick", "--dry-run"}).code == 0);
}

TEST_CASE("given settlement.push false, when it is paid, then the commands say credited and how to claim") {
    SettleWorld w;
    w.close_epoch(0, {"a"});
    w.config = w.dir.write("c.yaml", w.yaml("maxPerSettlementIOTX: 500, maxPerDayIOTX: 900, push: false"));
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    const ToolRun run = w.settle({});
    INFO(run.out << run.err);
    CHECK(run.code == 0);
    CHECK_THAT(run.out, Contains("credited 10 IOTX for epoch 0 in transaction 0x") &&
                            Contains("until the agents claim it"));
    CHECK_THAT(
        w.settle({"status"}).out,
        Contains("  credited    0x") && Contains("ioswarm claim --contract " + to_checksum_hex(kSettledPool)));
    CHECK(w.settle({"status", "--json"}).json()["payouts"][0]["state"] == "credited");
}

TEST_CASE("given an agent whose wallet is the contract, when its state is shown, then the reason is named") {
    const SettleWorld w;
    w.close_epoch(0, {"a", "b"});
    {
        const auto ledger = *Ledger::open(w.data);
        REQUIRE(ledger->run([&](LedgerTx& tx) -> Status {
            EpochRow row{};
            row.epoch = 1;
            row.first_height = 101;
            row.last_height = 200;
            PayoutRow payout;
            payout.epoch = 1;
            payout.agent_id = "c";
            payout.amount_rau = 7;
            payout.notice = PayoutNotice::waiting;
            payout.wallet = kSettledPool;
            row.pool_rau = 7;
            if (Status added = tx.add_epoch(row, std::vector<PayoutRow>{payout}); !added) return added;
            auto numbers = tx.numbers();
            if (!numbers) return fail(numbers.error());
            numbers->epoch = 2;
            numbers->last_height = 200;
            return tx.set_numbers(*numbers);
        }));
    }
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    const ToolRun run = w.settle({});
    CHECK(run.code == 0);
    CHECK_THAT(run.out, Contains("paid 30 IOTX for epoch 0"));
    CHECK_THAT(run.err, Contains("agent c named") && Contains("the reward contract itself"));
    const ToolRun status = w.settle({"status"});
    INFO(status.out);
    CHECK_THAT(status.out, Contains("c (0.000000000000000007 IOTX; it named " + to_checksum_hex(kSettledPool) +
                                    ", which is the reward contract itself"));
    const auto json = w.settle({"status", "--json"}).json();
    CHECK(json["no_wallet"]["c"] == "7");
    CHECK(json["unusable_wallets"][0]["agent_id"] == "c");
    CHECK(w.settle({"audit"}).code == 0);
}
