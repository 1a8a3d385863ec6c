// SPDX-License-Identifier: Apache-2.0
// `ioswarm settle` with a bit that flipped in serve's file: nothing is paid, and the message says what to do.
#include <catch2/catch.hpp>

#include "core/sqlite/sqlite.hpp"
#include "test/cli/settlement/settle_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint64_t kOneIotx = 1'000'000'000'000'000'000;

/// Epoch 0 is paid, and epoch 1 is owed to carl, who earned 10 IOTX.
struct OwingWorld : SettleWorld {
    OwingWorld() {
        close_epoch(0, {"anna-01"});
        REQUIRE(settle({"init", "--yes"}).code == 0);
        REQUIRE(settle({}).code == 0);
        close_epoch(1, {"carl-01"});
    }
    void edit(const std::string& sql) const {
        auto database =
            sqlite::Database::open(data + "/ledger.db", sqlite::Database::Mode::read_write, "ledger");
        REQUIRE(database);
        REQUIRE(database->execute(sql));
    }
    /// '1' and '3' differ in one bit.
    void damage() const { edit("UPDATE payouts SET amount_rau = '30000000000000000000' WHERE epoch = 1"); }
    void mend() const { edit("UPDATE payouts SET amount_rau = '10000000000000000000' WHERE epoch = 1"); }
    [[nodiscard]] U256 carl_has() const { return chain.balance(wallet_of("carl-01")); }
};

}  // namespace

TEST_CASE("an amount with a flipped bit halts settle, which names the epoch and pays after a backup",
          "[settle]") {
    const OwingWorld w;
    w.damage();
    const ToolRun run = w.settle({});
    INFO(run.err);
    CHECK(run.code == 1);
    CHECK_THAT(run.err,
               Contains("halted") && Contains("ledger_differs") && Contains("epoch 1 is not what it was"));
    CHECK_THAT(run.err, Contains("ioswarm ledger check") && Contains("backup"));
    CHECK(w.settle({}).code == 1);
    CHECK(w.carl_has() == 0);

    const ToolRun audit = w.settle({"audit"});
    CHECK(audit.code == 1);
    CHECK_THAT(audit.out + audit.err, Contains("I3") && Contains("epoch 1 is not what it was"));

    // The halt cannot be ended while the damage is there.
    CHECK(w.settle({"resume", "--yes"}).code == 1);
    CHECK(w.settle({}).code == 1);
    CHECK(w.carl_has() == 0);

    w.mend();
    CHECK(w.settle({"resume", "--yes"}).code == 0);
    const ToolRun paid = w.settle({});
    INFO(paid.err);
    CHECK(paid.code == 0);
    CHECK(w.carl_has() == U256(kOneIotx) * 10);
}

TEST_CASE("a dry run and settle init refuse a ledger with a flipped bit", "[settle]") {
    const OwingWorld w;
    w.damage();
    const ToolRun dry = w.settle({"--dry-run"});
    INFO(dry.err);
    CHECK(dry.code == 1);
    CHECK_THAT(dry.err, Contains("epoch 1 is not what it was"));

    std::filesystem::remove(w.data + "/settlement.db");
    for (const std::vector<std::string>& how :
         {std::vector<std::string>{"init", "--yes"}, {"init", "--rebuild", "--yes"}}) {
        const ToolRun init = w.settle(how);
        INFO(init.err);
        CHECK(init.code == 1);
        CHECK_THAT(init.err, Contains("epoch 1 is not what it was") && Contains("backup"));
    }
    CHECK_FALSE(std::filesystem::exists(w.data + "/settlement.db"));
    CHECK(w.carl_has() == 0);
}

TEST_CASE("an owed payout that looks paid after a bit flipped is not forgotten", "[settle]") {
    const OwingWorld w;
    w.edit("UPDATE payouts SET notice = 0 WHERE epoch = 1");
    const ToolRun run = w.settle({});
    INFO(run.err);
    CHECK(run.code == 1);
    CHECK_THAT(run.err, Contains("epoch 1, agent carl-01"));
}
