// SPDX-License-Identifier: Apache-2.0
// What the coordinator says about its own health: the alarms that stop dispatch or name a fault of the source,
// the status figures, and the reasons why it is not ready.
#include <utility>

#include <fmt/format.h>

#include "core/coordinator/coordinator.hpp"

namespace ioswarm {
namespace {

/// A source that reads the tip only now and then may be some blocks behind the one that follows the blocks.
constexpr std::uint64_t kBehindIsNormal = 12;

/// The coordinator is not ready if the source was not read for this long.
constexpr std::chrono::seconds kReadyFor{30};

}  // namespace

/// Answers that cannot be recorded are lost, because agents do not send them again. So no tasks are sent while
/// the ledger accepts no writes.
bool Coordinator::watch_ledger() {
    const Status ledger = payroll_.ready();
    engine_->set_on_hold(!ledger);
    if (ledger) {
        ledger_alarm_.clear("the ledger can be written again, so tasks are sent again");
        return true;
    }
    ledger_alarm_.raise(
        ledger.error().why,
        fmt::format("{}; no tasks are sent until the ledger can be written again", ledger.error().text()));
    return false;
}

void Coordinator::watch_tip() {
    const std::string fault = engine_->tip_fault();
    if (fault.empty())
        return tip_alarm_.clear("the newest block of the source is recent again, so tasks are sent again");
    // While the node cannot be reached, its newest block gets old. That the node cannot be reached was logged
    // already.
    if (source_outage_.is_out()) return tip_alarm_.raise_quietly(fault);
    tip_alarm_.raise(fault,
                     fault + " (is the node in step with the chain, and is the clock of this machine right?)");
}

void Coordinator::watch_accounts() {
    const std::optional<Error> fault = engine_->accounts_fault();
    if (!fault) {
        return accounts_alarm_.clear(
            engine_->reads_one_behind()
                ? "accounts can be read again, at the block before the newest"
                : "accounts can be read again, so tasks are sent at their levels again");
    }
    const std::string why = fmt::format(
        "no account could be read at the last {} blocks, so tasks are sent at L1", kTipsWithoutAccounts);
    // Anybody may read the reason. Other errors than this one may name an address.
    const bool is_height = fault->code == ErrorCode::out_of_range && !fault->why.empty();
    const std::string hint = fault->hint.empty() ? "" : fmt::format(" (hint: {})", fault->hint);
    accounts_alarm_.raise(is_height ? fmt::format("{}: {}", why, fault->why) : why,
                          fmt::format("{}: {}{}", why, fault->text(), hint));
}

void Coordinator::watch_blocks() {
    const auto tip = engine_->tip();
    if (!tip) return;
    if (ledger_alarm_.is_raised()) return block_watch_.reset();
    const std::uint64_t last = payroll_.last_height();
    const auto stuck = block_watch_.look(tip->height, last, clock_.steady());
    if (!stuck) return blocks_alarm_.clear(fmt::format("blocks are processed again, from block {} on", last));
    const std::string why =
        fmt::format("no block was processed for {} s after block {}, and the source is at block {}",
                    stuck->count(), last, tip->height);
    const std::string error = follower_.last_error();
    blocks_alarm_.raise(
        why,
        fmt::format("{} ({}); the next block is requested again and again, and until it comes no answer is "
                    "compared and no epoch ends",
                    why, error.empty() ? "the source does not give the next one" : error));
}

/// Raises an alarm if the source is behind the ledger. The block after the ledger's last one will then come
/// late, or never.
void Coordinator::compare_with_ledger(std::uint64_t tip) {
    const std::uint64_t last = payroll_.last_height();
    const std::uint64_t missing = last > tip ? last - tip : 0;
    counters_.blocks_behind_ledger.set(missing > kBehindIsNormal ? missing : 0);
    if (missing <= kBehindIsNormal)
        return behind_alarm_.clear(fmt::format("the node has caught up with the ledger at block {}", tip));
    behind_alarm_.raise(
        fmt::format("the ledger ends at block {} and the node is at block {}", last, tip),
        fmt::format(
            "the ledger ends at block {} and the node is at block {}: no answer is compared before block "
            "{}; wait for the node to catch up, or use another data directory if the node follows another "
            "chain",
            last, tip, last + 1));
}

StatusView Coordinator::status() const {
    StatusView view;
    engine_->describe(view);
    view.tasks_dispatched += received_before_;
    view.tasks_received = payroll_.tasks_received();
    return view;
}

void Coordinator::count_stops() const {
    counters_.ledger_stops.raise_to(ledger_alarm_.times());
    counters_.tip_stops.raise_to(tip_alarm_.times());
    counters_.block_stops.raise_to(blocks_alarm_.times());
    counters_.account_outages.raise_to(accounts_alarm_.times());
}

Reasons Coordinator::not_ready() const {
    Reasons reasons;
    const auto age = clock_.steady() - Clock::Steady(Clock::Steady::duration(polled_at_.load()));
    if (!polled_) {
        reasons.push_back({"source", "not read yet"});
    } else if (age > kReadyFor) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age);
        reasons.push_back({"source", fmt::format("last read {} s ago", seconds.count())});
    }
    if (const Status ledger = payroll_.ready(); !ledger) reasons.push_back({"ledger", ledger.error().why});
    for (const Alarm* alarm : {&tip_alarm_, &accounts_alarm_, &blocks_alarm_, &behind_alarm_})
        alarm->add_to(reasons);
    return reasons;
}

}  // namespace ioswarm
