// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/figures.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include "cli/settlement/file_check_due.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using cli::SettlementFigures;
using cli::SettleState;

namespace {

U256 figures_iotx(std::uint64_t amount) {
    return U256(amount) * 1'000'000'000 * 1'000'000'000;
}

/// Epochs 0 to 4 are closed. Each owes agent a 10 IOTX.
SettleState figures_state(std::vector<std::string> states) {
    SettleState out;
    out.running_epoch = states.size();
    for (std::uint64_t epoch = 0; epoch < states.size(); ++epoch) {
        cli::PayoutLine line;
        line.epoch = epoch;
        line.agent_id = "a";
        if (states[epoch] != "no wallet") line.wallet = Address{{1}};
        line.amount_rau = figures_iotx(10);
        line.state = states[epoch];
        out.table.push_back(line);
    }
    return out;
}

}  // namespace

TEST_CASE("what is not final is the backlog, and everything before it is paid", "[figures]") {
    const SettlementFigures figures =
        cli::figures_of(figures_state({"paid", "credited", "no wallet", "pooled", "owed"}));
    CHECK(figures.paid_through == 2U);
    CHECK(figures.unpaid_payouts == 2);
    CHECK(figures.unpaid_rau == figures_iotx(20));
    CHECK(figures.epoch_cost_rau == figures_iotx(10));
    CHECK(cli::settlement_line(figures) == "paid to epoch 2");
    CHECK_FALSE(cli::figures_of(figures_state({"owed"})).paid_through);
    CHECK(cli::settlement_line(cli::figures_of(figures_state({"owed"}))) == "nothing paid");
}

TEST_CASE("the balance pays what is owed first, then epochs like the newest ones with their gas", "[figures]") {
    SettleState state = figures_state({"paid", "paid", "owed"});
    state.summary.paid_intents = 2;
    state.summary.gas_rau = figures_iotx(4);  // 2 IOTX of gas per settlement
    SettlementFigures figures = cli::figures_of(state);
    CHECK_FALSE(figures.epochs_left());
    figures.balance_rau = figures_iotx(10);
    CHECK(figures.epochs_left() == 0U);
    figures.balance_rau = figures_iotx(10 + 36);
    CHECK(figures.epochs_left() == 3U);
    CHECK_FALSE(SettlementFigures{}.epochs_left());
}

TEST_CASE("a halt and a hold are shown with their reason", "[figures]") {
    SettleState state = figures_state({"paid", "owed"});
    state.summary.hold.reason = settlement::HoldReason::gas_price;
    state.summary.hold.detail = "gas costs 3000 Gwei";
    state.summary.hold_ms = 1'767'225'600'000;
    CHECK(cli::settlement_line(cli::figures_of(state)) ==
          "paid to epoch 0, settlement waits since 2026-01-01T00:00:00Z: gas costs 3000 Gwei");
    CHECK_THAT(cli::settlement_json(cli::figures_of(state)),
               Contains(R"("state":"waits")") && Contains(R"("unpaid_iotx":"10")"));
    state.summary.halt.reason = settlement::HaltReason::reverted;
    state.summary.halt.detail = "failed 3 times";
    CHECK(cli::settlement_line(cli::figures_of(state)) == "paid to epoch 0, SETTLEMENT HALTED: failed 3 times");
    CHECK_THAT(cli::settlement_json(cli::figures_of(state)), Contains(R"("halted":"failed 3 times")"));
    CHECK(cli::settlement_json(std::nullopt).empty());
}

TEST_CASE("settlement.db is examined whole at first, once per hour, and when another file took its place",
          "[figures]") {
    using Check = settlement::SettlementStore::FileCheck;
    const test::TempDir dir;
    const std::string file = dir.write("settlement.db", "one");
    cli::FileCheckDue due;
    const Clock::Steady start{1h};
    CHECK(due.look(file, start).check == Check::whole);
    CHECK(due.look(file, start).check == Check::whole);  // the first look did not pass
    due.passed(due.look(file, start));
    CHECK(due.look(file, start + 59min).check == Check::schema);
    due.passed(due.look(file, start + 59min));
    CHECK(due.look(file, start + 60min).check == Check::whole);
    // The new file is made first, so that it cannot get the number of the old one.
    std::filesystem::rename(dir.write("other", "two"), file);
    CHECK(due.look(file, start + 1min).check == Check::whole);
}
