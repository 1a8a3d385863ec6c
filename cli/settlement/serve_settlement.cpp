// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/serve_settlement.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include "cli/contracts/signer_key.hpp"
#include "cli/settlement/options.hpp"
#include "cli/settlement/report.hpp"
#include "core/base/try.hpp"
#include "settlement/schema.hpp"

namespace ioswarm::cli {
namespace {

using settlement::SettlerStep;

std::string nothing_is_paid(const std::string& why, const std::string& hint) {
    return "nothing is paid: " + why + (hint.empty() ? "" : "; " + hint);
}

std::string nothing_is_paid(const Error& error) {
    return nothing_is_paid(error.text(), error.hint);
}

/// True if the settler waits because the configuration says so: not enough is owed yet. Every other reason is a
/// problem that /readyz must show.
bool is_wanted(settlement::HoldReason reason) {
    switch (reason) {
        case settlement::HoldReason::none:
        case settlement::HoldReason::too_few_epochs:
        case settlement::HoldReason::below_min_payout:
        case settlement::HoldReason::no_wallets:
            return true;
        default:
            return false;
    }
}

}  // namespace

Result<std::unique_ptr<ServeSettlement>> ServeSettlement::make(const ServeConfig& config, const Clock& clock,
                                                               Log log, SettlementPauses pauses) {
    if (!config.settlement_enabled) return std::unique_ptr<ServeSettlement>();
    IOSWARM_TRY(const auto limits, settlement_limits(config));
    // serve cannot ask for a password.
    std::istringstream in;
    std::ostringstream out;
    Io io{in, out, out};
    auto key = load_signer_key(config, {}, io);
    if (!key) return fail(std::move(key).error());
    return std::unique_ptr<ServeSettlement>(
        new ServeSettlement(config, *key, limits, clock, std::move(log), pauses));
}

ServeSettlement::ServeSettlement(const ServeConfig& config, const PrivateKey& key,
                                 settlement::SettlementLimits limits, const Clock& clock, Log log,
                                 SettlementPauses pauses)
    : config_(config),
      key_(key),
      limits_(std::move(limits)),
      clock_(clock),
      log_(std::move(log)),
      pauses_(pauses) {}

ServeSettlement::~ServeSettlement() {
    request_stop();
}

void ServeSettlement::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void ServeSettlement::request_stop() {
    thread_.request_stop();
}

void ServeSettlement::epoch_closed(std::uint64_t) {
    const std::lock_guard lock(mutex_);
    is_woken_ = true;
    wake_.notify_all();
}

void ServeSettlement::add_reasons(Reasons& reasons) const {
    const std::lock_guard lock(mutex_);
    if (!why_not_.empty()) reasons.push_back({"settlement", why_not_});
}

void ServeSettlement::wait(std::chrono::milliseconds time, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, time, [this] { return is_woken_; });
    is_woken_ = false;
}

void ServeSettlement::show(std::string why) {
    const std::lock_guard lock(mutex_);
    why_not_ = std::move(why);
}

void ServeSettlement::trouble(std::string_view kind, const std::string& why, Report report) {
    show(why);  // before the log, so that whoever reads the line finds the reason in /readyz
    if (report == Report::log && kind != logged_) {
        log_.error("settlement: {}", why);
        logged_ = kind;
    }
}

void ServeSettlement::no_trouble() {
    show("");
    if (!logged_.empty()) log_.info("settlement: goes on");
    logged_.clear();
}

/// Gas would be too large a share of the value, so the settler waits until more is owed. The configuration asks
/// for that, so serve stays ready. The log tells the operator.
void ServeSettlement::wait_for_more(const settlement::Hold& hold) {
    show("");
    const std::string_view kind = settlement::to_string(hold.reason);
    if (kind != logged_) log_.info("settlement: waits: {}", hold.detail);
    logged_ = kind;
}

std::unique_ptr<SettlerParts> ServeSettlement::open(const std::stop_token& stop) {
    const FileCheckDue::Look due =
        file_check_.look(settlement::settlement_file(config_.data_dir), clock_.steady());
    auto store = open_settlement(config_, due.check);
    if (!store) {
        trouble(store.error().text(), nothing_is_paid(store.error()));
        return nullptr;
    }
    file_check_.passed(due);
    settlement::SettlerSettings settings;
    settings.limits = limits_;
    settings.poll = pauses_.poll;
    auto parts = SettlerParts::make(config_, std::move(*store), &key_, settings, clock_, log_, stop);
    if (!parts) {
        trouble(parts.error().text(), nothing_is_paid(parts.error()));
        return nullptr;
    }
    return std::move(*parts);
}

std::chrono::milliseconds ServeSettlement::take_step(std::unique_ptr<SettlerParts>& parts) {
    const auto step = parts->settler().step();
    if (!step) {
        if (step.error().code != ErrorCode::cancelled)
            trouble(step.error().text(), nothing_is_paid(step.error()));
        parts.reset();
        return pauses_.reopen;
    }
    const settlement::Hold& hold = step->hold;
    const std::string why = nothing_is_paid(hold.detail, hold_hint(hold.reason));
    switch (step->state) {
        case SettlerStep::State::again:
            return std::chrono::milliseconds(0);
        case SettlerStep::State::idle:
            no_trouble();
            return pauses_.idle;
        case SettlerStep::State::waiting:
            if (is_wanted(hold.reason)) {
                no_trouble();
            } else {
                trouble(settlement::to_string(hold.reason), why, Report::show_only);
            }
            if (hold.reason == settlement::HoldReason::nonce_free) {
                // Release the wallet's lock for a while, because the command that uses the nonce needs it.
                parts.reset();
                return pauses_.reopen * 4;
            }
            return step->wait;
        case SettlerStep::State::held:
            if (is_wanted(hold.reason)) {
                no_trouble();
                return std::max(step->wait, pauses_.held);
            }
            if (hold.reason == settlement::HoldReason::gas_share) {
                wait_for_more(hold);
            } else {
                trouble(settlement::to_string(hold.reason), why);
            }
            // Close settlement.db: no transaction is in progress, and commands such as `settle --epoch` may
            // need it.
            parts.reset();
            return std::max(step->wait, pauses_.held);
        case SettlerStep::State::halted: {
            const auto halt = parts->store().halt();
            trouble("halted",
                    nothing_is_paid("the settler has halted: " + (halt ? halt->detail : std::string()),
                                    "see 'ioswarm settle status' and 'ioswarm settle audit'; "
                                    "'ioswarm settle resume' ends the halt, while serve is running"));
            // Release the lock of settlement.db, because `settle resume` needs it.
            parts.reset();
            return pauses_.reopen;
        }
    }
    return pauses_.reopen;
}

void ServeSettlement::run(const std::stop_token& stop) {
    std::unique_ptr<SettlerParts> parts;
    while (!stop.stop_requested()) {
        if (!parts) parts = open(stop);
        const std::chrono::milliseconds pause = parts ? take_step(parts) : pauses_.reopen;
        if (pause.count() > 0) wait(pause, stop);
    }
}

}  // namespace ioswarm::cli
