// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/serve_settlement.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include "cli/contracts/signer_key.hpp"
#include "cli/settlement/options.hpp"
#include "cli/settlement/report.hpp"

namespace ioswarm::cli {
namespace {

using settlement::SettlerStep;

/// Pause when nothing is owed. A closed epoch ends the pause early. It also covers changes that no epoch
/// reports, such as an agent that names its wallet late.
constexpr std::chrono::milliseconds kIdle{10'000};
/// Pause before trying again after an error, or when settlement.db is missing or in use by another settler.
constexpr std::chrono::milliseconds kReopen{15'000};
constexpr std::chrono::milliseconds kHeld{10'000};

}  // namespace

Result<std::unique_ptr<ServeSettlement>> ServeSettlement::make(const ServeConfig& config, const Clock& clock,
                                                               Log log) {
    const auto limits = settlement_limits(config);
    if (!limits) return fail(limits.error());
    // serve cannot ask for a password.
    std::istringstream in;
    std::ostringstream out;
    Io io{in, out, out};
    auto key = load_signer_key(config, {}, io);
    if (!key) return fail(std::move(key).error());
    return std::unique_ptr<ServeSettlement>(
        new ServeSettlement(config, *std::move(key), *limits, clock, std::move(log)));
}

ServeSettlement::ServeSettlement(const ServeConfig& config, PrivateKey key, settlement::SettlementLimits limits,
                                 const Clock& clock, Log log)
    : config_(config), key_(std::move(key)), limits_(std::move(limits)), clock_(clock), log_(std::move(log)) {}

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

/// Logs each problem once, until it changes or ends.
void ServeSettlement::trouble(std::string why) {
    if (!why.empty() && why != told_) log_.error("settlement: {}", why);
    if (why.empty() && !told_.empty()) log_.info("settlement: it goes on");
    told_ = why;
    const std::lock_guard lock(mutex_);
    why_not_ = std::move(why);
}

std::unique_ptr<SettlerParts> ServeSettlement::open(const std::stop_token& stop) {
    auto store = open_settlement(config_);
    if (!store) {
        trouble("nothing is paid: " + store.error().text() +
                (store.error().hint.empty() ? "" : "; " + store.error().hint));
        return nullptr;
    }
    settlement::SettlerSettings settings;
    settings.limits = limits_;
    auto parts = SettlerParts::make(config_, std::move(*store), key_, settings, clock_, log_, stop);
    if (!parts) {
        trouble("nothing is paid: " + parts.error().text());
        return nullptr;
    }
    return std::move(*parts);
}

std::chrono::milliseconds ServeSettlement::take_step(std::unique_ptr<SettlerParts>& parts) {
    const auto step = parts->settler().step();
    if (!step) {
        if (step.error().code != ErrorCode::cancelled) trouble("nothing is paid: " + step.error().text());
        parts.reset();
        return kReopen;
    }
    switch (step->state) {
        case SettlerStep::State::again:
            return std::chrono::milliseconds(0);
        case SettlerStep::State::idle:
            trouble("");
            return kIdle;
        case SettlerStep::State::waiting:
            trouble("");
            return step->wait;
        case SettlerStep::State::held: {
            // Waiting until more is owed is not a problem. Real problems are logged once.
            const settlement::Hold& hold = step->hold;
            const std::string hint = hold_hint(hold.reason);
            const bool is_trouble = !hint.empty() || hold.reason == settlement::HoldReason::endpoint;
            trouble(is_trouble ? "nothing is paid now: " + hold.detail + (hint.empty() ? "" : "; " + hint)
                               : "");
            return std::max(step->wait, kHeld);
        }
        case SettlerStep::State::halted: {
            const auto halt = parts->store().halt();
            trouble(
                "it has halted: " + (halt ? halt->detail : std::string()) +
                "; stop serve, look at 'ioswarm settle audit', and end the halt with 'ioswarm settle resume'");
            return kReopen;
        }
    }
    return kReopen;
}

void ServeSettlement::run(const std::stop_token& stop) {
    std::unique_ptr<SettlerParts> parts;
    while (!stop.stop_requested()) {
        if (!parts) parts = open(stop);
        const std::chrono::milliseconds pause = parts ? take_step(parts) : kReopen;
        if (pause.count() > 0) wait(pause, stop);
    }
}

}  // namespace ioswarm::cli
