// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/settlement/parts.hpp"
#include "cli/settlement/state.hpp"
#include "settlement/plan.hpp"
#include "settlement/rows.hpp"

namespace ioswarm::cli {

// The output of `ioswarm settle` and its subcommands. Amounts are IOTX in text, and strings with rau in JSON.

/// For example "12.5 IOTX".
[[nodiscard]] std::string iotx_amount(const U256& rau);
/// For example "1125 Gwei".
[[nodiscard]] std::string gwei_price(const U256& rau_per_gas);
/// For example "1 payout", "3 payouts".
[[nodiscard]] std::string count_of(std::uint64_t count, std::string_view thing);
using settlement::epoch_range;
/// What an operator can do about a hold. Empty: the hold ends by itself.
[[nodiscard]] std::string hold_hint(settlement::HoldReason reason);

/// One line per intent that became final in the run. Empty when none did.
[[nodiscard]] std::string run_text(const SettlerRun& run);
[[nodiscard]] std::string run_json(const SettlerRun& run, const settlement::Halt& halt);

[[nodiscard]] std::string state_text(const SettleState& state);
[[nodiscard]] std::string state_json(const SettleState& state);

/// What is under way, and the calls that would be sent after it with the amounts that they would pay.
[[nodiscard]] std::string plan_text(const settlement::Plan& plan,
                                    const settlement::SettlementIdentity& identity, const UnderWay& under_way);
[[nodiscard]] std::string plan_json(const settlement::Plan& plan,
                                    const settlement::SettlementIdentity& identity, const UnderWay& under_way);

/// What the two orders of `settle unstick` would do.
struct UnstickChoices {
    std::string refused;  ///< why both orders would be refused; empty: they would not
    U256 min_price;       ///< the gas price would be in this range, in rau per gas
    U256 max_price;
    bool can_raise = false;                           ///< whether --raise-price would do something
    std::vector<settlement::IntentRow> also_dropped;  ///< steps that --empty would drop as well
    U256 stays_owed_rau;                              ///< the money of what --empty would replace and drop
};
/// The choices for a settlement that is under way, with this cap of the gas price.
[[nodiscard]] UnstickChoices unstick_choices(const UnderWay& under_way, const U256& max_price);
/// The answers of `settle unstick --dry-run`.
[[nodiscard]] std::string unstick_plan_text(const UnderWay& under_way, const UnstickChoices& choices);
[[nodiscard]] std::string unstick_plan_json(const UnderWay& under_way, const UnstickChoices& choices);

}  // namespace ioswarm::cli
