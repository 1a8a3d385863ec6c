// SPDX-License-Identifier: Apache-2.0
#include "cli/status_line.hpp"

#include <condition_variable>
#include <mutex>

#include <fmt/format.h>

#include "core/base/text.hpp"

namespace ioswarm::cli {

std::string status_line(const Monitor& monitor) {
    const StatusView status = monitor.status();
    const ShadowTotals shadow = monitor.shadow();
    const EpochView epoch = monitor.epoch();
    const std::string lag = status.source_age ? go_duration(*status.source_age) : "unknown";
    const std::string accuracy =
        shadow.compared == 0
            ? "accuracy unknown"
            : fmt::format("accuracy {:.2f}% of {}",
                          static_cast<double>(shadow.matched) * 100 / static_cast<double>(shadow.compared),
                          shadow.compared);
    return fmt::format("height {}, lag {}, agents {} of {} live, tasks {} sent {} answered, {}, epoch {}",
                       status.height, lag, status.agents_live, status.agents_total, status.tasks_dispatched,
                       status.tasks_received, accuracy, epoch.epoch);
}

std::string diffs_line(const DiffsView& diffs) {
    std::string out = fmt::format("diffs to {}, {} readers", diffs.tip, diffs.subscribers.size());
    if (!diffs.alarm.empty()) out += fmt::format(", NO DIFFS COME IN: {}", diffs.alarm);
    return out;
}

StatusReporter::StatusReporter(std::function<std::string()> line, std::chrono::milliseconds interval, Log log)
    : thread_([line = std::move(line), interval, log = std::move(log)](const std::stop_token& stop) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          while (true) {
              never.wait_for(lock, stop, interval, [] { return false; });
              if (stop.stop_requested()) return;
              log.info("{}", line());
          }
      }) {}

}  // namespace ioswarm::cli
