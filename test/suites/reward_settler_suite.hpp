// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "core/ports/reward_settler.hpp"

namespace ioswarm::test {

/// The contract of core/ports/reward_settler.hpp. `seen` returns the epochs that the settler will process; it
/// is empty if that cannot be asked. Call inside a TEST_CASE.
inline void reward_settler_contract(RewardSettler& settler,
                                    const std::function<std::vector<std::uint64_t>()>& seen) {
    SECTION("it may be told from any thread, of the same epoch twice, out of order") {
        std::vector<std::jthread> threads;
        for (std::uint64_t i = 0; i < 4; ++i) {
            threads.emplace_back([&settler, i] {
                settler.epoch_closed(7 - i);
                settler.epoch_closed(7);
            });
        }
        threads.clear();
        if (seen) {
            const auto epochs = seen();
            for (std::uint64_t epoch = 4; epoch <= 7; ++epoch) {
                CHECK(std::find(epochs.begin(), epochs.end(), epoch) != epochs.end());
            }
        }
    }
}

}  // namespace ioswarm::test
