// SPDX-License-Identifier: Apache-2.0
#pragma once

// Figures that the text report and the JSON report share.

#include <cstdint>
#include <map>
#include <string>

#include "cli/sim/report.hpp"

namespace ioswarm::cli {

/// `part` / `whole`, 0 if the whole is 0.
[[nodiscard]] double ratio(std::uint64_t part, std::uint64_t whole);

/// The agents of one region and their accepted answers.
struct RegionFigures {
    std::uint64_t agents = 0;
    std::uint64_t answers = 0;
};
[[nodiscard]] std::map<std::string, RegionFigures> regions_of(const SimReport& report);

/// The mean time that an agent's check of one task took, in microseconds.
[[nodiscard]] double mean_us(const sim::AgentTally& tally);

/// What the agents would cost, at the price and length of a month that the simulation of iotex-core assumes: a
/// small virtual machine for $5 a month of 30 days.
struct AgentCost {
    double dollars_per_month = 0;
    double millions_per_month = 0;
    [[nodiscard]] double dollars_per_million() const {
        return millions_per_month == 0 ? 0 : dollars_per_month / millions_per_month;
    }
};
inline constexpr double kDollarsPerAgentMonth = 5;
[[nodiscard]] AgentCost cost_of(const SimReport& report);

}  // namespace ioswarm::cli
