// SPDX-License-Identifier: Apache-2.0
#include "core/sim/prediction.hpp"

#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "core/sim/agent_rules.hpp"
#include "core/sim/embedded_chain.hpp"
#include "test/support/fakes.hpp"

using namespace ioswarm;
using namespace ioswarm::sim;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

constexpr WrongShare kShare{77, 60};

bool answered_wrongly(const PoolAction& action) {
    return is_answered_wrongly(kShare, action.raw);
}

/// A coordinator in a few lines: it reads the pool, asks an agent once per action, and compares when the block
/// comes.
struct Observed {
    std::map<Hash256, bool> answers;  // hash → valid
    std::uint64_t compared = 0;
    std::uint64_t matched = 0;
    std::uint64_t failed = 0;
};

Observed observe(const ChainSettings& settings, std::uint64_t height) {
    ManualClock clock;
    auto chain = EmbeddedChain::create(settings, clock);
    REQUIRE(chain);
    Observed out;
    const auto poll = [&] {
        const auto listed = (*chain)->pending();
        for (const auto& action : *listed) {
            out.answers.emplace(*action->hash, !answered_wrongly(*action));
        }
    };
    for (std::uint64_t next = 1; next <= height; ++next) {
        for (int i = 0; i < 5; ++i) {
            // The last poll of a slot comes right before its block.
            clock.advance(i < 4 ? settings.block_time / 4 - 1ms : 4ms);
            if (i < 4) poll();
        }
        const auto block = (*chain)->next(next, {});
        REQUIRE(block);
        for (const Receipt& receipt : block->receipts) {
            const auto answer = out.answers.find(receipt.action_hash);
            if (answer == out.answers.end()) continue;
            ++out.compared;
            if (answer->second) ++out.matched;
            if (receipt.status != kReceiptSuccess) ++out.failed;
        }
    }
    return out;
}

}  // namespace

TEST_CASE("the predicted figures equal those that an observer of the chain counts") {
    ChainSettings settings;
    settings.seed = 21;
    settings.accounts = 100;
    settings.last_slot = 40;
    for (const std::uint64_t height : {10U, 30U, 46U}) {
        INFO("height " << height);
        const Observed observed = observe(settings, height);
        const auto predicted = predict({settings, height, 1, answered_wrongly});
        REQUIRE(predicted);
        CHECK(predicted->compared == observed.compared);
        CHECK(predicted->matched == observed.matched);
        CHECK(predicted->mismatched == observed.compared - observed.matched);
        CHECK(predicted->mismatched > 0);
        CHECK(predicted->false_negatives == predicted->mismatched);
        CHECK(predicted->false_positives == 0);
        CHECK(predicted->nonce_race_excluded == 0);
        CHECK(predicted->mined_and_failed == observed.failed);
        CHECK(predicted->accuracy_pct() ==
              Approx(100.0 * static_cast<double>(observed.matched) / static_cast<double>(observed.compared)));
        CHECK(predicted->at_rest == (height == 46));
        CHECK(predicted->transactions ==
              predicted->mined + predicted->replaced + predicted->unaffordable + predicted->pending);
        CHECK(observed.answers.size() <= predicted->tasks_at_most);
        if (predicted->at_rest) {
            CHECK(predicted->tasks_at_least == observed.answers.size());
            CHECK(predicted->tasks_at_most == observed.answers.size());
        }
    }
}

TEST_CASE("without wrong answers every comparison matches, also for reverts and staking errors") {
    ChainSettings settings;
    settings.resume_height = 12;  // the height at which the chain is resumed does not matter
    const auto predicted = predict({settings, 500, 1, {}});
    REQUIRE(predicted);
    CHECK(predicted->mined_and_failed > 100);
    CHECK(predicted->matched == predicted->compared);
    CHECK(predicted->accuracy_pct() == 100.0);
    CHECK_FALSE(predicted->at_rest);
    CHECK(predict({settings, 2, 1, {}})->accuracy_pct() == 0);
}

TEST_CASE("with redundancy each answer counts") {
    ChainSettings settings;
    settings.accounts = 50;
    const auto once = predict({settings, 20, 1, answered_wrongly});
    const auto thrice = predict({settings, 20, 3, answered_wrongly});
    REQUIRE(once);
    REQUIRE(thrice);
    CHECK(thrice->transactions == once->transactions);
    CHECK(thrice->compared == 3 * once->compared);
    CHECK(thrice->mismatched == 3 * once->mismatched);
    CHECK(thrice->tasks_at_least == 3 * once->tasks_at_least);
}

TEST_CASE("the agents' pool of an epoch is the reward without the cut, exact to the rau") {
    // 800 IOTX minus 10% are 720 IOTX.
    CHECK(agent_pool_rau(iotx_to_rau({800, 0}), {10, 0}) == iotx_to_rau({720, 0}));
    CHECK(agent_pool_rau(iotx_to_rau({5, 1}), {10, 0}) == iotx_to_rau({45, 2}));
    CHECK(agent_pool_rau(U256(7), {333, 1}) == U256(5));  // 33.3% of 7 rau is 2.331, cut to 2
    CHECK(agent_pool_rau(U256(7), {100, 0}) == U256(0));
    CHECK(agent_pool_rau(U256(7), {1001, 1}).error().code == ErrorCode::config);
}

TEST_CASE("a height that is too far is refused at once") {
    CHECK(predict({ChainSettings{}, 1'000'000'000'000, 1, {}}).error().code == ErrorCode::config);
}
