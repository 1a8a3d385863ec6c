// SPDX-License-Identifier: Apache-2.0
#include "core/sim/scenario.hpp"

#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "core/sim/embedded_chain.hpp"
#include "core/sim/prediction.hpp"
#include "core/sim/skipping_clock.hpp"
#include "test/support/fakes.hpp"

using namespace ioswarm;
using namespace ioswarm::sim;
using namespace std::chrono_literals;

namespace {

ScenarioSettings settings(std::uint64_t seed = 3) {
    ScenarioSettings out;
    out.chain.seed = seed;
    out.chain.block_time = 1s;
    out.chain.tps = 40;
    out.chain.accounts = 60;
    out.duration = 8s;
    return out;
}

FaultPlan faults(std::uint64_t seed = 3, std::uint32_t wrong = 0, std::uint32_t forged = 0) {
    FaultShares shares;
    shares.wrong = wrong;
    shares.forged = forged;
    return {shares, seed, 10, 1};
}

std::unique_ptr<const Scenario> scenario(const ScenarioSettings& settings, const FaultPlan& faults) {
    auto made = Scenario::create(settings, faults, {});
    REQUIRE(made);
    return *std::move(made);
}

}  // namespace

TEST_CASE("a scenario's figures equal those of the independent prediction", "[sim]") {
    const auto plan = faults(3, 100);
    auto with = settings();
    with.redundancy = 2;
    const auto made = scenario(with, plan);
    PredictionInput input;
    input.chain = made->chain();
    input.chain.resume_height = 0;
    input.height = made->idle_height();
    input.redundancy = 2;
    input.answered_wrongly = [&](const PoolAction& action) {
        return is_answered_wrongly(plan.wrong(), action.raw);
    };
    const auto predicted = predict(input);
    REQUIRE(predicted);
    CHECK(predicted->at_rest);
    const ScenarioFigures& figures = made->figures();
    CHECK(figures.blocks == 8);
    CHECK(figures.transactions == predicted->transactions);
    CHECK(figures.mined == predicted->mined);
    CHECK(figures.mined_and_failed == predicted->mined_and_failed);
    CHECK(figures.replaced == predicted->replaced);
    CHECK(figures.unaffordable == predicted->unaffordable);
    CHECK(figures.compared == predicted->compared);
    CHECK(figures.matched == predicted->matched);
    CHECK(predicted->mismatched > 20);
}

TEST_CASE("the embedded chain mines what the scenario planned, with actions signed in advance", "[sim]") {
    const auto made = scenario(settings(), faults());
    test::ManualClock clock;
    auto chain = EmbeddedChain::create(made->chain(), clock, {}, made->signed_ahead());
    REQUIRE(chain);
    (*chain)->release();
    std::map<Hash256, std::uint64_t> mined;
    std::set<const PoolAction*> listed;
    for (std::uint64_t height = made->first_height(); height <= made->idle_height(); ++height) {
        clock.advance(500ms);
        const auto pending = (*chain)->pending();
        REQUIRE(pending);
        for (const auto& action : *pending)
            listed.insert(action.get());
        clock.advance(500ms);
        const auto block = (*chain)->next(height, {});
        REQUIRE(block);
        for (const Receipt& receipt : block->receipts)
            mined[receipt.action_hash] = height;
    }
    CHECK((*chain)->pending()->empty());
    for (std::uint32_t i = 0; i < made->first_forged(); ++i) {
        const PlannedTx& tx = made->transactions()[i];
        CHECK(listed.contains(tx.action.get()));
        CHECK(mined.contains(*tx.action->hash) == (tx.fate == sim::Fate::mined));
        if (tx.fate == sim::Fate::mined) CHECK(mined[*tx.action->hash] == tx.height);
        CHECK(made->find(tx.action->raw_id) == i);
    }
    CHECK(listed.size() == made->first_forged());
}

TEST_CASE("the chain makes no block before it is allowed", "[sim]") {
    const auto made = scenario(settings(), faults());
    test::ManualClock clock;
    auto chain = EmbeddedChain::create(made->chain(), clock, {}, made->signed_ahead());
    REQUIRE(chain);
    (*chain)->allow(2);
    (*chain)->release();
    clock.advance(10s);
    CHECK((*chain)->tip()->height == 2);
    CHECK((*chain)->pending()->size() == 40);  // all arrivals of the slot, and no more
    (*chain)->allow(3);
    CHECK((*chain)->tip()->height == 3);
    clock.advance(10s);
    CHECK((*chain)->tip()->height == 3);
}

TEST_CASE("honest agents reject forged transactions, and the public agent's rules accept them", "[sim]") {
    auto with = settings();
    const auto honest = scenario(with, faults(3, 0, 300));
    REQUIRE(honest->figures().forged > 50);
    CHECK(honest->figures().forged_accepted == 0);
    with.rules = AgentRules::deployed;
    const auto field = scenario(with, faults(3, 0, 300));
    CHECK(field->figures().forged == honest->figures().forged);
    CHECK(field->figures().forged_accepted == field->figures().forged);

    std::set<Forgery> kinds;
    const auto answer = honest_rules(TaskLevel::l2_state_verify, {});
    for (std::size_t i = honest->first_forged(); i < honest->transactions().size(); ++i) {
        const PlannedTx& tx = honest->transactions()[i];
        kinds.insert(tx.forgery);
        TaskPackage task;
        task.tx_raw = tx.action->raw;
        // An account that can pay for everything except the unaffordable transaction. If the forgery is the
        // nonce, the account has used that nonce.
        const std::uint64_t nonce = tx.forgery == Forgery::nonce ? tx.action->nonce + 1 : 0;
        task.sender =
            AccountSnapshot{to_hex0x(tx.action->sender.view()), "1000000000000000000000000000", nonce, {}};
        CHECK_FALSE(answer(task).valid);
    }
    CHECK(kinds == std::set<Forgery>{Forgery::signature, Forgery::nonce, Forgery::balance});
}

TEST_CASE("the scenario decides which epochs pay, whatever its length", "[sim]") {
    for (int blocks = 1; blocks <= 25; ++blocks) {
        CAPTURE(blocks);
        auto with = settings();
        with.chain.tps = 5;
        with.duration = blocks * 1s;
        const auto made = scenario(with, faults());
        CHECK(made->figures().blocks == static_cast<std::uint64_t>(blocks));
        CHECK(made->figures().epochs_paid == made->figures().epochs_paid_at_most);
        CHECK(made->figures().epochs_paid >= 1);
    }
}

TEST_CASE("a run that is too large to prepare is refused", "[sim]") {
    auto with = settings();
    with.duration = 1000h;
    const auto made = Scenario::create(with, faults(), {});
    REQUIRE_FALSE(made);
    CHECK(made.error().code == ErrorCode::usage);
}
