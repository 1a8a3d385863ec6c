// SPDX-License-Identifier: Apache-2.0
// Stands in for the planner's own function while the library is linked without it.
#include <array>

#include "settlement/plan.hpp"

namespace ioswarm::settlement {

__attribute__((weak)) const char* to_string(HoldReason value) noexcept {
    static constexpr std::array kNames{
        "none",         "too_few_epochs",        "below_min_payout", "no_wallets", "gas_price",
        "gas_share",    "over_settlement_limit", "over_day_limit",   "balance",    "pool_epoch",
        "pool_weights", "pool_damaged",          "too_large",        "simulation", "endpoint"};
    return kNames.at(static_cast<std::size_t>(value));
}

}  // namespace ioswarm::settlement
