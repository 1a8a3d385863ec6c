// SPDX-License-Identifier: Apache-2.0
#include "core/sim/chain_model.hpp"

#include <map>
#include <set>

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace ioswarm::sim;

namespace {

ChainSettings model_settings(std::uint64_t seed) {
    ChainSettings out;
    out.seed = seed;
    out.accounts = 200;
    return out;
}

/// The visible parts of a plan, as text.
std::string text(const TxPlan& plan) {
    return std::to_string(plan.id) + " " + std::to_string(plan.sender) + ">" + std::to_string(plan.target) +
           " nonce " + std::to_string(plan.nonce) + " kind " + std::to_string(static_cast<int>(plan.kind)) +
           " enc " + std::to_string(static_cast<int>(plan.encoding)) + "/" + std::to_string(plan.tx_type) +
           " value " + to_decimal(plan.value_rau) + " gas " + std::to_string(plan.gas_limit) + "@" +
           std::to_string(plan.fee_cap_rau) + "+" + std::to_string(plan.tip_cap_rau) + " arg " +
           std::to_string(plan.argument) + " status " + std::to_string(plan.status) + " used " +
           std::to_string(plan.gas_used);
}

std::string text(const ModelBlock& block) {
    std::string out = "block " + std::to_string(block.height) + "\n";
    for (const TxPlan& plan : block.mined)
        out += text(plan) + "\n";
    for (const TxPlan& plan : block.replaced)
        out += "replaced " + text(plan) + "\n";
    for (const TxPlan& plan : block.unaffordable)
        out += "unaffordable " + text(plan) + "\n";
    return out;
}

struct Totals {
    std::uint64_t arrived = 0;
    std::uint64_t mined = 0;
    std::uint64_t replaced = 0;
    std::uint64_t unaffordable = 0;
    std::map<std::uint64_t, std::uint64_t> by_status;
    std::map<TxKind, std::uint64_t> by_kind;
};

Totals run(ChainModel& model, std::uint64_t blocks) {
    Totals out;
    for (std::uint64_t i = 0; i < blocks; ++i) {
        const ModelBlock block = model.close_slot();
        out.mined += block.mined.size();
        out.replaced += block.replaced.size();
        out.unaffordable += block.unaffordable.size();
        for (const TxPlan& plan : block.mined) {
            ++out.by_status[plan.status];
            ++out.by_kind[plan.kind];
        }
    }
    out.arrived = model.arrivals();
    return out;
}

}  // namespace

TEST_CASE("the same seed gives the same chain, another seed another chain") {
    ChainModel a(model_settings(7));
    ChainModel b(model_settings(7));
    ChainModel c(model_settings(8));
    std::string a_text;
    std::string b_text;
    std::string c_text;
    for (int i = 0; i < 100; ++i) {
        a_text += text(a.close_slot());
        b_text += text(b.close_slot());
        c_text += text(c.close_slot());
    }
    CHECK(a_text.size() > 100'000);
    CHECK((a_text == b_text));
    CHECK((a_text != c_text));
}

TEST_CASE("a slot's block is the same whether its arrivals are taken one by one or together") {
    ChainModel stepped(model_settings(7));
    ChainModel whole(model_settings(7));
    for (int i = 0; i < 30; ++i) {
        for (std::uint32_t n = 0; n < stepped.slot_arrivals() / 3 * static_cast<std::uint32_t>(i % 4); ++n) {
            stepped.arrive();
        }
        REQUIRE(text(stepped.close_slot()) == text(whole.close_slot()));
    }
}

TEST_CASE("transactions arrive from the third slot on, at tps per second with fractions added up") {
    ChainSettings settings = model_settings(1);
    settings.tps = 3;
    settings.block_time = std::chrono::milliseconds(500);
    ChainModel model(settings);
    CHECK(model.slot_arrivals() == 0);
    (void)model.close_slot();
    CHECK(model.slot_arrivals() == 0);
    (void)model.close_slot();
    std::uint64_t arrivals = 0;
    for (int i = 0; i < 100; ++i) {
        arrivals += model.slot_arrivals();
        (void)model.close_slot();
    }
    CHECK(arrivals >= 150);
    CHECK(arrivals <= 155);  // a replacement comes one slot after its original, even if that slot is shorter
}

TEST_CASE("each transaction is pending for one to four whole slots") {
    ChainModel model(model_settings(3));
    std::map<std::uint64_t, std::uint64_t> slots_waited;
    for (int i = 0; i < 300; ++i) {
        const ModelBlock block = model.close_slot();
        for (const TxPlan& plan : block.mined) {
            REQUIRE(block.height >= plan.slot + 2);
            REQUIRE(block.height <= plan.slot + 5);
            ++slots_waited[block.height - plan.slot];
        }
        for (const TxPlan& plan : block.unaffordable)
            REQUIRE(block.height >= plan.slot + 2);
        for (const TxPlan& plan : block.replaced)
            REQUIRE(block.height == plan.slot + 2);
    }
    CHECK(slots_waited.size() >= 3);
}

TEST_CASE("every outcome occurs, in the shares that the seed fixes") {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
        ChainModel model(model_settings(seed));
        const Shares shares = shares_of(seed);
        const Totals totals = run(model, 2000);
        const auto permille = [&](std::uint64_t count) {
            return 1000.0 * static_cast<double>(count) / static_cast<double>(totals.arrived);
        };
        INFO("seed " << seed);
        CHECK(totals.arrived > 99'000);
        CHECK(totals.arrived == totals.mined + totals.replaced + totals.unaffordable + model.pool().size());
        // A little less than the share of draws, because scenes bring two or three arrivals per draw.
        CHECK(permille(totals.by_status.at(106)) == Approx(shares.reverted).epsilon(0.15));
        CHECK(permille(totals.by_status.at(0)) == Approx(shares.transfer_to_contract).epsilon(0.2));
        const std::uint64_t staking_errors =
            totals.by_status.at(202) + totals.by_status.at(203) + totals.by_status.at(205);
        CHECK(permille(staking_errors) == Approx(shares.staking_error).epsilon(0.2));
        CHECK(permille(totals.unaffordable) == Approx(shares.unaffordable).epsilon(0.3));
        CHECK(permille(totals.replaced) >= shares.replaced * 0.8);
        CHECK(permille(totals.by_kind.at(TxKind::creation)) == Approx(shares.creation).epsilon(0.2));
        CHECK(totals.by_kind.at(TxKind::candidate_register) > 0);
        CHECK(totals.by_kind.size() == 7);
        for (const auto& [status, count] : totals.by_status) {
            CHECK(std::set<std::uint64_t>{0, 1, 106, 202, 203, 205}.contains(status));
        }
    }
}

TEST_CASE("replaced and unaffordable transactions are never mined, but their replacements are") {
    ChainModel model(model_settings(5));
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> mined;  // (sender, nonce) → id
    std::vector<TxPlan> replaced;
    std::set<std::uint64_t> never;
    for (int i = 0; i < 1000; ++i) {
        const ModelBlock block = model.close_slot();
        for (const TxPlan& plan : block.mined) {
            REQUIRE(mined.emplace(std::pair{plan.sender, plan.nonce}, plan.id).second);
            REQUIRE_FALSE(never.contains(plan.id));
        }
        for (const TxPlan& plan : block.unaffordable)
            never.insert(plan.id);
        for (const TxPlan& plan : block.replaced) {
            never.insert(plan.id);
            if (i < 990) replaced.push_back(plan);
        }
    }
    REQUIRE(replaced.size() > 100);
    for (const TxPlan& plan : replaced) {
        const auto instead = mined.find({plan.sender, plan.nonce});
        REQUIRE(instead != mined.end());
        CHECK(instead->second > plan.id);
    }
}

TEST_CASE("accounts at an older height are those of the time when it was the tip") {
    ChainModel model(model_settings(9));
    std::map<std::uint64_t, std::vector<ModelAccount>> history;
    const std::uint32_t count = model.first_contract() + kGenesisContracts + 40;
    for (int i = 0; i < 60; ++i) {
        (void)model.close_slot();
        auto& now = history[model.height()];
        for (std::uint32_t index = 0; index < count; ++index)
            now.push_back(model.account(index, model.height()));
    }
    CHECK_FALSE(model.holds(61));
    CHECK_FALSE(model.holds(52));
    for (std::uint64_t height = 53; height <= 60; ++height) {
        REQUIRE(model.holds(height));
        for (std::uint32_t index = 0; index < count; ++index) {
            const ModelAccount then = model.account(index, height);
            const ModelAccount& was = history[height][index];
            REQUIRE(then.balance_rau == was.balance_rau);
            REQUIRE(then.nonce == was.nonce);
            REQUIRE(then.has_code == was.has_code);
        }
    }
}

TEST_CASE("after the last slot the pending transactions are finished, and nothing else is mined") {
    ChainSettings settings = model_settings(4);
    settings.last_slot = 50;
    ChainModel model(settings);
    const Totals totals = run(model, 56);
    CHECK(model.pool().empty());
    CHECK(totals.replaced > 0);
    CHECK(totals.arrived == totals.mined + totals.replaced + totals.unaffordable);
    CHECK(model.close_slot().mined.empty());
    CHECK(model.arrivals() == totals.arrived);
}

TEST_CASE("small and busy chains continue, with less than tps when the accounts cannot send more") {
    for (const std::uint32_t accounts : {2U, 16U}) {
        ChainSettings settings = model_settings(6);
        settings.accounts = accounts;
        settings.tps = 2000;
        ChainModel model(settings);
        (void)run(model, 200);
        CHECK(model.pool().size() <= accounts * kMaxPendingPerAccount);
        CHECK_FALSE(model.close_slot().mined.empty());
    }
}

TEST_CASE("settings out of range are refused with their name") {
    const auto refused = [](auto change) {
        ChainSettings settings;
        change(settings);
        const Status checked = check(settings);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code == ErrorCode::config);
        return checked.error().which;
    };
    CHECK(check(ChainSettings{}));
    CHECK(refused([](ChainSettings& s) { s.block_time = std::chrono::seconds(26); }) == "chain.blockTime");
    CHECK(refused([](ChainSettings& s) { s.block_time = std::chrono::milliseconds(9); }) == "chain.blockTime");
    CHECK(refused([](ChainSettings& s) { s.tps = 4'000'000'000; }) == "chain.tps");
    CHECK(refused([](ChainSettings& s) { s.accounts = 1; }) == "chain.accounts");
    CHECK(refused([](ChainSettings& s) { s.accounts = 100'001; }) == "chain.accounts");
    CHECK(refused([](ChainSettings& s) { s.resume_height = 48'000'000; }) == "resume height");
}
