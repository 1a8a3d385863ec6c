// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/u256.hpp"
#include "settlement/rows.hpp"
#include "settlement/store.hpp"
#include "settlement/view.hpp"

namespace ioswarm::cli {

/// The settlement that is not final yet, and whether the settler has halted.
struct UnderWay {
    /// All intents that were planned together, in the order of sending; some may be final. Empty: nothing is
    /// under way.
    std::vector<settlement::IntentRow> steps;
    std::size_t at = 0;                            ///< index of the first step that is not final
    std::vector<settlement::AttemptRow> attempts;  ///< of that step
    settlement::Halt halt;

    /// Null when nothing is under way.
    [[nodiscard]] const settlement::IntentRow* live() const { return steps.empty() ? nullptr : &steps[at]; }
    /// The money of the steps that are not final.
    [[nodiscard]] U256 remaining_rau() const;
    /// The number of steps after the first one that is not final.
    [[nodiscard]] std::size_t later_steps() const { return steps.empty() ? 0 : steps.size() - at - 1; }
};

[[nodiscard]] Result<UnderWay> read_under_way(settlement::SettlementStore& store);
[[nodiscard]] Result<UnderWay> read_under_way(settlement::SettlementView& view,
                                              const settlement::SettlementSummary& summary);

/// For example "set the weights (no money) for epoch 3", "pay 12.5 IOTX for epochs 3 to 5".
[[nodiscard]] std::string step_text(const settlement::IntentRow& step);
/// What the next run of the settler does. Empty when nothing is under way and the settler has not halted.
[[nodiscard]] std::string next_text(const UnderWay& under_way);
/// All steps with their transactions, and what is next. Empty when nothing is under way.
[[nodiscard]] std::string under_way_text(const UnderWay& under_way);
/// The halt, and what ends it. Empty when the settler has not halted.
[[nodiscard]] std::string halt_text(const settlement::Halt& halt);

}  // namespace ioswarm::cli
