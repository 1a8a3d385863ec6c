// SPDX-License-Identifier: Apache-2.0
#include <random>

#include <catch2/catch.hpp>

#include "test/contracts/pool.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

/// A model of the pool's state, calculated with the simplest rules.
struct Model {
    std::map<Address, U256> owed;
    std::map<Address, U256> paid;
    std::map<Address, bool> refuses;
    std::uint64_t epoch = 0;

    void pay(const Address& agent, const U256& amount) {
        if (refuses[agent])
            owed[agent] += amount;
        else
            paid[agent] += amount;
    }
};

class RandomRun {
  public:
    /// In the first `v2_steps` steps, settles only with the calls of version 2.
    RandomRun(std::uint64_t seed, int v2_steps) : random_(seed), v2_steps_(v2_steps) {
        for (int i = 0; i < 12; ++i)
            agents_.push_back(new_wallet());
    }

    void step() {
        switch (below(10)) {
            case 0:
            case 1:
            case 2:
            case 3:
                v2_steps_ > 0 ? settle_v2() : settle();
                break;
            case 4:
                claim();
                break;
            case 5:
                claim_for();
                break;
            case 6:
                batch();
                break;
            case 7:
                change_mind();
                break;
            case 8:
                repeat();
                break;
            default:
                settle_v2();
                break;
        }
        --v2_steps_;
        check();
    }

  private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    const Address& any() { return agents_[below(agents_.size())]; }

    /// May contain an agent twice and weights of 0.
    std::vector<Share> some_shares(bool send_now) {
        std::vector<Share> out;
        const std::uint64_t count = below(8);
        for (std::uint64_t i = 0; i < count; ++i)
            out.push_back({any(), below(5) * below(1'000'000'007), send_now && below(3) == 0});
        return out;
    }
    std::vector<Address> some_agents() {
        std::vector<Address> out;
        for (std::uint64_t i = below(6); i > 0; --i)
            out.push_back(any());
        return out;
    }
    static bool has_weight(const std::vector<Share>& shares) {
        return std::any_of(shares.begin(), shares.end(), [](const Share& share) { return share.weight != 0; });
    }
    U256 some_value() { return below(4) == 0 ? U256(below(5)) : U256(random_()) * below(1'000'000); }

    void settle() {
        const std::vector<Share> shares = some_shares(true);
        const U256 value = some_value();
        const bool good = value == 0 || has_weight(shares);
        const std::uint64_t epoch = model_.epoch + 1 + below(40);
        REQUIRE(pool_.settle(epoch, shares, value).ok == good);
        if (!good) return;
        model_.epoch = epoch;
        U256 total;
        for (const Share& share : shares)
            total += share.weight;
        U256 before;
        for (const Share& share : shares) {
            const U256 after = before + share.weight;
            const U256 amount = total == 0 ? U256(0) : value * after / total - value * before / total;
            before = after;
            if (share.send_now)
                model_.pay(share.agent, amount);
            else
                model_.owed[share.agent] += amount;
        }
    }

    /// Calls depositAndSettle, or depositSettleAndClaim for some of the agents.
    void settle_v2() {
        const std::vector<Share> shares = some_shares(false);
        const U256 value = some_value();
        const bool good = model_.epoch == 0 && (value == 0 || has_weight(shares));
        const std::vector<Address> claimees = below(2) == 0 ? some_agents() : std::vector<Address>{};
        const ChainReceipt receipt =
            claimees.empty() ? pool_.settle_v2(shares, value)
                             : pool_.send(pool_.call_of(settle_and_claim_v2_data(shares, claimees), value));
        REQUIRE(receipt.ok == good);
        if (!good) return;
        for (const auto& [agent, amount] : expected_shares(shares, value))
            model_.owed[agent] += amount;
        for (const Address& agent : claimees)
            take(agent);
    }

    void repeat() {
        if (model_.epoch == 0) return;
        REQUIRE_FALSE(pool_.settle(model_.epoch, {{any(), 1}}, 5).ok);
    }

    void take(const Address& agent) {
        const U256 amount = model_.owed[agent];
        model_.owed[agent] = 0;
        model_.pay(agent, amount);
    }

    void claim() {
        const Address agent = any();
        const bool good = model_.owed[agent] != 0 && !model_.refuses[agent];
        REQUIRE(pool_.claim(agent).ok == good);
        if (good) take(agent);
    }

    void claim_for() {
        const Address agent = any();
        const bool good = model_.owed[agent] != 0 && !model_.refuses[agent];
        const Bytes data = encode_call("claimFor(address)", {word(agent)});
        REQUIRE(pool_.send(pool_.call_of(any(), data)).ok == good);
        if (good) take(agent);
    }

    void batch() {
        const std::vector<Address> chosen = some_agents();
        const Bytes data = encode_call("batchClaimFor(address[])", {list(chosen)});
        REQUIRE(pool_.send(pool_.call_of(any(), data)).ok);
        for (const Address& agent : chosen)
            take(agent);
    }

    /// Makes a wallet start or stop refusing payments.
    void change_mind() {
        const Address agent = any();
        model_.refuses[agent] = !model_.refuses[agent];
        chain().set_code(agent, model_.refuses[agent] ? hex("5f5ffd") : Bytes{});
    }

    void check() {
        U256 owed;
        for (const Address& agent : agents_) {
            REQUIRE(pool_.claimable(agent) == model_.owed[agent]);
            REQUIRE(chain().balance(agent) == model_.paid[agent]);
            owed += model_.owed[agent];
        }
        REQUIRE(pool_.balance() == owed);
    }

    std::mt19937_64 random_;
    int v2_steps_;
    std::vector<Address> agents_;
    Pool pool_;
    Model model_;
};

}  // namespace

TEST_CASE("after every random step the balance equals the sum of all claims") {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        INFO("seed " << seed);
        RandomRun run(seed, seed % 2 == 0 ? 40 : 0);
        for (int step = 0; step < 60; ++step)
            run.step();
    }
}
