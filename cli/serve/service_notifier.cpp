// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/service_notifier.hpp"

#include <systemd/sd-daemon.h>

#include <ctime>
#include <string>

#include <fmt/format.h>

namespace ioswarm::cli {
namespace {

/// A failure is ignored. It means that no systemd is there to receive the message.
void tell(const std::string& state) {
    static_cast<void>(sd_notify(0, state.c_str()));
}

}  // namespace

ServiceNotifier::ServiceNotifier() {
    std::uint64_t interval_us = 0;
    if (sd_watchdog_enabled(0, &interval_us) > 0) watchdog_ = std::chrono::microseconds(interval_us);
}

void ServiceNotifier::ready() const {
    tell("READY=1");
}

void ServiceNotifier::reloading() const {
    // systemd 253 and later need the time of this message, measured with CLOCK_MONOTONIC.
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1'000));
}

void ServiceNotifier::stopping() const {
    tell("STOPPING=1");
}

void ServiceNotifier::status(std::string_view line) const {
    tell(fmt::format("STATUS={}", line));
}

void ServiceNotifier::alive(Time now) {
    if (!watchdog_) return;
    if (told_at_ && now - *told_at_ < *watchdog_ / 2) return;
    told_at_ = now;
    tell("WATCHDOG=1");
}

}  // namespace ioswarm::cli
