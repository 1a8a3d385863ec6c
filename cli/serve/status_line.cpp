// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/status_line.hpp"

#include <condition_variable>
#include <mutex>
#include <string_view>

#include <fmt/format.h>

#include "core/base/text.hpp"

namespace ioswarm::cli {

namespace {

/// For example "accuracy 99.50% of 50".
std::string share(std::string_view name, std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return fmt::format("{} unknown", name);
    return fmt::format("{} {:.2f}% of {}", name, static_cast<double>(part) * 100 / static_cast<double>(whole),
                       whole);
}

}  // namespace

std::string status_line(const Monitor& monitor) {
    const StatusView status = monitor.status();
    const ShadowTotals shadow = monitor.shadow();
    const EpochView epoch = monitor.epoch();
    const std::string lag = status.source_age ? go_duration(*status.source_age) : "unknown";
    return fmt::format("height {}, lag {}, agents {} of {} live, tasks {} sent {} answered, {}, {}, epoch {}",
                       status.height, lag, status.agents_live, status.agents_total, status.tasks_dispatched,
                       status.tasks_received,
                       share("coverage", status.coverage.handed_out, status.coverage.mined),
                       share("accuracy", shadow.matched, shadow.compared), epoch.epoch);
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
