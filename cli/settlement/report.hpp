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

/// Lists the calls that would be sent and the amounts that would be paid.
[[nodiscard]] std::string plan_text(const settlement::Plan& plan,
                                    const settlement::SettlementIdentity& identity);
[[nodiscard]] std::string plan_json(const settlement::Plan& plan,
                                    const settlement::SettlementIdentity& identity);

/// The answer of `settle unstick --dry-run --json`: the live intent, its transactions, and the range of the gas
/// price that would replace them, in rau per gas.
[[nodiscard]] std::string unstick_plan_json(const settlement::IntentRow& live,
                                            const std::vector<settlement::AttemptRow>& attempts,
                                            const U256& least_price, const U256& most_price);
/// The same when no intent is live.
[[nodiscard]] std::string nothing_to_unstick_json();

}  // namespace ioswarm::cli
