// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace ioswarm::cli {

/// Tells systemd how serve is doing, as a unit of Type=notify wants it. Without NOTIFY_SOCKET in the
/// environment all calls do nothing. No call waits. All but alive() are thread-safe.
class ServiceNotifier {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// Reads NOTIFY_SOCKET and WATCHDOG_USEC of the environment.
    ServiceNotifier();

    void ready() const;      ///< reports that the ports and stores are open
    void reloading() const;  ///< followed by ready()
    void stopping() const;
    /// One line that `systemctl status` shows.
    void status(std::string_view line) const;

    /// Called after each round of the dispatch loop, and by nothing else, so that systemd restarts a serve
    /// whose dispatch hangs. Tells systemd twice per watchdog interval, at most.
    void alive(Time now);

  private:
    std::optional<std::chrono::microseconds> watchdog_;  ///< nothing: systemd does not watch
    std::optional<Time> told_at_;                        ///< last WATCHDOG=1; of the thread that calls alive()
};

}  // namespace ioswarm::cli
