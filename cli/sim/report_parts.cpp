// SPDX-License-Identifier: Apache-2.0
#include "cli/sim/report_parts.hpp"

namespace ioswarm::cli {
namespace {

constexpr double kSecondsPerMonth = 86'400.0 * 30;

}  // namespace

double ratio(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::map<std::string, RegionFigures> regions_of(const SimReport& report) {
    std::map<std::string, RegionFigures> out;
    for (const SimReport::Row& row : report.agents) {
        ++out[row.region].agents;
        out[row.region].answers += row.tally.answers;
    }
    return out;
}

double mean_us(const sim::AgentTally& tally) {
    return tally.tasks == 0 ? 0 : static_cast<double>(tally.compute_us) / static_cast<double>(tally.tasks);
}

AgentCost cost_of(const SimReport& report) {
    return {kDollarsPerAgentMonth * report.options.agents,
            report.run.answers_per_second() * kSecondsPerMonth / 1e6};
}

}  // namespace ioswarm::cli
