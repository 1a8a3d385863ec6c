// SPDX-License-Identifier: Apache-2.0
// The answers of `ioswarm settle unstick --dry-run`.
#include <algorithm>

#include <fmt/format.h>

#include "cli/settlement/report.hpp"
#include "contracts/gas.hpp"

namespace ioswarm::cli {
namespace {

using settlement::AttemptRow;
using settlement::IntentKind;
using settlement::IntentRow;

std::string why_refused(const UnderWay& under_way) {
    const IntentRow* const live = under_way.live();
    if (live == nullptr) return "no transaction is under way: nothing blocks the nonce";
    if (under_way.halt.reason != settlement::HaltReason::none)
        return "the settler has halted: both orders are refused until 'ioswarm settle resume' ends the halt";
    if (!live->nonce) {
        return fmt::format(
            "the next transaction ({}) has no nonce yet and was not sent: nothing blocks the nonce",
            step_text(*live));
    }
    return {};
}

std::string empty_text(const UnderWay& under_way, const UnstickChoices& choices, const std::string& price) {
    std::string out =
        fmt::format("--empty would replace it by an empty transaction for {} per gas; {} would stay owed\n",
                    price, iotx_amount(choices.stays_owed_rau));
    for (const IntentRow& step : choices.also_dropped)
        out += fmt::format("  it would also drop the step that needs it: {}\n", step_text(step));
    const std::size_t others = under_way.later_steps() - choices.also_dropped.size();
    if (others > 0) out += fmt::format("  {} after it would go on\n", count_of(others, "transaction"));
    return out;
}

}  // namespace

UnstickChoices unstick_choices(const UnderWay& under_way, const U256& max_price) {
    UnstickChoices out;
    out.refused = why_refused(under_way);
    out.max_price = max_price;
    const IntentRow* const live = under_way.live();
    if (live == nullptr) return out;
    U256 paid_now = 0;
    for (const AttemptRow& attempt : under_way.attempts) {
        out.min_price = std::max(out.min_price, contracts::bumped_price(attempt.gas_price));
        paid_now = std::max(paid_now, attempt.gas_price);
    }
    out.min_price = std::min(out.min_price, max_price);
    out.can_raise = out.refused.empty() && !under_way.attempts.empty() && paid_now < max_price;
    out.stays_owed_rau = live->value_rau;
    if (live->kind != IntentKind::weights) return out;
    // Without its weights the value step of version 2 is not sent.
    for (std::size_t i = under_way.at + 1; i < under_way.steps.size(); ++i) {
        const IntentRow& step = under_way.steps[i];
        if (step.kind != IntentKind::value) continue;
        out.also_dropped.push_back(step);
        out.stays_owed_rau += step.value_rau;
    }
    return out;
}

std::string unstick_plan_text(const UnderWay& under_way, const UnstickChoices& choices) {
    std::string out = halt_text(under_way.halt) + under_way_text(under_way);
    if (!choices.refused.empty()) return out + choices.refused + "\nnothing was sent (--dry-run)\n";
    const std::string price = choices.min_price == 0
                                  ? fmt::format("at most {}", gwei_price(choices.max_price))
                                  : fmt::format("at least {} and at most {}", gwei_price(choices.min_price),
                                                gwei_price(choices.max_price));
    if (choices.can_raise) {
        out += fmt::format("--raise-price would send it again for {} per gas\n", price);
    } else if (under_way.attempts.empty()) {
        out += "--raise-price would be refused: nothing is signed yet\n";
    } else {
        out += fmt::format(
            "--raise-price would be refused: its price is that of settlement.maxGasPriceGwei ({}) already\n",
            gwei_price(choices.max_price));
    }
    return out + empty_text(under_way, choices, price) + "nothing was sent (--dry-run)\n";
}

}  // namespace ioswarm::cli
