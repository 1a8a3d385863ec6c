// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "core/sim/embedded_chain.hpp"
#include "test/support/fakes.hpp"

namespace ioswarm::test {

/// An embedded chain with a clock that the test moves.
struct ChainRig {
    ManualClock clock;
    std::unique_ptr<sim::EmbeddedChain> chain;

    explicit ChainRig(const sim::ChainSettings& settings) {
        auto made = sim::EmbeddedChain::create(settings, clock);
        REQUIRE(made);
        chain = *std::move(made);
        clock.on_change([this] { chain->poke(); });
    }
    /// Lets time pass and calls the chain once.
    void pass(std::chrono::nanoseconds time) {
        clock.advance(time);
        REQUIRE(chain->tip());
    }
    [[nodiscard]] std::vector<PoolActionPtr> pending() const {
        auto listed = chain->pending();
        REQUIRE(listed);
        return *std::move(listed);
    }
    [[nodiscard]] ExecutedBlock block(std::uint64_t height) const {
        auto got = chain->next(height, {});
        REQUIRE(got);
        return *std::move(got);
    }
    [[nodiscard]] std::uint64_t height() const { return chain->tip()->height; }
};

inline sim::ChainSettings chain_settings_of(std::uint64_t seed) {
    sim::ChainSettings out;
    out.seed = seed;
    out.accounts = 100;
    return out;
}

}  // namespace ioswarm::test
