// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_lag.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ioswarm {

DiffLag::DiffLag(DiffLagSettings settings, const Clock& clock, Log log)
    : settings_(settings), clock_(clock), alarm_("state diffs", std::move(log)) {}

void DiffLag::note(std::uint64_t chain_tip, std::uint64_t log_tip) {
    bool is_stalled = false;
    std::uint64_t gap = 0;
    {
        auto state = state_.lock();
        state->chain_tip = std::max(state->chain_tip, chain_tip);
        gap = state->chain_tip > log_tip ? state->chain_tip - log_tip : 0;
        const Clock::Steady now = clock_.steady();
        if (gap < settings_.blocks) {
            state->since.reset();
        } else if (!state->since || gap < state->smallest_gap) {
            state->since = now;
            state->smallest_gap = gap;
        }
        is_stalled = state->since && now - *state->since >= settings_.time;
    }
    if (is_stalled) {
        const std::string ends =
            fmt::format("the log ends at height {}, the chain is {} blocks ahead", log_tip, gap);
        alarm_.raise(
            "the node has stopped sending state diffs: " + ends,
            fmt::format("the node has stopped sending state diffs: {} and the log has not caught up for {} s. "
                        "Agents at L4 cannot follow the chain (hint: look at the ioswarm module of the node "
                        "that node.diffs names, and at the way to it)",
                        ends, std::chrono::duration_cast<std::chrono::seconds>(settings_.time).count()));
    } else if (gap < settings_.blocks) {
        alarm_.clear(fmt::format("state diffs: the log has caught up with the chain, at height {}", log_tip));
    }
}

void DiffLag::add_reasons(std::uint64_t log_tip, Reasons& reasons) {
    if (!alarm_.is_raised()) return;
    note(0, log_tip);
    alarm_.add_to(reasons);
}

}  // namespace ioswarm
