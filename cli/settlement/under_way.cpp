// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/under_way.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/settlement/report.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/base/unix_time.hpp"

namespace ioswarm::cli {
namespace {

using settlement::AttemptKind;
using settlement::AttemptRow;
using settlement::HaltReason;
using settlement::IntentKind;
using settlement::IntentRow;
using settlement::IntentState;

/// Above the number of transactions of one settlement.
constexpr std::size_t kMaxSteps = 100;

/// `Source` is a SettlementStore or a SettlementView.
template <typename Source>
Result<UnderWay> read_steps(Source& source, const std::optional<IntentRow>& live, settlement::Halt halt) {
    UnderWay out;
    out.halt = std::move(halt);
    if (!live) return out;
    IOSWARM_TRY(auto rows, source.intents(live->settlement, kMaxSteps));
    for (IntentRow& row : rows) {
        if (row.settlement == live->settlement) out.steps.push_back(std::move(row));
    }
    const auto first =
        std::ranges::find_if(out.steps, [](const IntentRow& row) { return !is_final(row.state); });
    if (first == out.steps.end()) {
        out.steps.clear();  // it became final between two reads
        return out;
    }
    out.at = static_cast<std::size_t>(first - out.steps.begin());
    IOSWARM_TRY(auto attempts, source.attempts(first->id));
    out.attempts = std::move(attempts);
    return out;
}

std::string attempt_text(const AttemptRow& attempt) {
    return fmt::format("{} at {}, sent {}{}{}", to_hex0x(attempt.hash.view()), gwei_price(attempt.gas_price),
                       count_of(attempt.sends, "time"), attempt.kind == AttemptKind::noop ? ", empty" : "",
                       attempt.answer.empty() ? "" : ", last answer: " + escape_for_display(attempt.answer));
}

std::string next_of(const IntentRow& live) {
    switch (live.state) {
        case IntentState::planned:
            return live.kind == IntentKind::value
                       ? "the weights are read back from the contract, and then the payment is signed and sent"
                       : "it is signed and sent";
        case IntentState::reserved:
            return fmt::format("it is signed with nonce {} and sent", live.nonce.value_or(0));
        case IntentState::signed_:
            return "it is sent";
        case IntentState::sending:
        case IntentState::pooled:
            return "it is sent again, for a higher price if it takes long, until it is mined";
        case IntentState::mined:
            return "it is final when enough blocks are on top of it, or a second endpoint shows it";
        case IntentState::cancelling:
            return "it or the empty transaction with its nonce is mined, and that one counts";
        case IntentState::final_ok:
        case IntentState::final_reverted:
        case IntentState::cancelled:
            break;
    }
    return {};
}

}  // namespace

U256 UnderWay::remaining_rau() const {
    U256 out = 0;
    for (const IntentRow& step : steps) {
        if (!is_final(step.state)) out += step.value_rau;
    }
    return out;
}

Result<UnderWay> read_under_way(settlement::SettlementStore& store) {
    IOSWARM_TRY(const auto live, store.live_intent());
    IOSWARM_TRY(auto halt, store.halt());
    return read_steps(store, live, std::move(halt));
}

Result<UnderWay> read_under_way(settlement::SettlementView& view,
                                const settlement::SettlementSummary& summary) {
    return read_steps(view, summary.live, summary.halt);
}

std::string step_text(const IntentRow& step) {
    const std::string range = epoch_range(step.first_epoch, step.last_epoch);
    if (step.kind == IntentKind::weights) return fmt::format("set the weights (no money) for {}", range);
    return fmt::format("pay {} for {}", iotx_amount(step.value_rau), range);
}

std::string next_text(const UnderWay& under_way) {
    const IntentRow* const live = under_way.live();
    if (under_way.halt.reason != HaltReason::none)
        return "nothing is signed or sent until 'ioswarm settle resume' ends the halt";
    if (live == nullptr) return {};
    const std::size_t later = under_way.later_steps();
    if (later == 0) return next_of(*live);
    return fmt::format("{}; then {} more", next_of(*live), count_of(later, "transaction"));
}

std::string under_way_text(const UnderWay& under_way) {
    const IntentRow* const live = under_way.live();
    if (live == nullptr) return {};
    std::string out = fmt::format("under way   {} of settlement {} are not final yet, in {}\n",
                                  iotx_amount(under_way.remaining_rau()), live->settlement,
                                  count_of(under_way.steps.size(), "transaction"));
    for (std::size_t i = 0; i < under_way.steps.size(); ++i) {
        const IntentRow& step = under_way.steps[i];
        out += fmt::format("            {}. {}: {}", i + 1, step_text(step), settlement::to_string(step.state));
        if (step.nonce) out += fmt::format(", nonce {}", *step.nonce);
        if (is_final(step.state) && step.hash) out += fmt::format(", {}", to_hex0x(step.hash->view()));
        out += '\n';
        if (i != under_way.at) continue;
        for (const AttemptRow& attempt : under_way.attempts)
            out += fmt::format("               {}\n", attempt_text(attempt));
    }
    return out + fmt::format("next        {}\n", next_text(under_way));
}

std::string halt_text(const settlement::Halt& halt) {
    if (halt.reason == HaltReason::none) return {};
    return fmt::format(
        "HALTED      since {}: {} ({})\n            'ioswarm settle audit' tells more; 'ioswarm settle resume' "
        "goes on\n",
        rfc3339(time_of_unix_ms(halt.at_ms)), escape_for_display(halt.detail),
        settlement::to_string(halt.reason));
}

}  // namespace ioswarm::cli
