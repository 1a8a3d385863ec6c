// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/status_line.hpp"

#include <condition_variable>
#include <mutex>
#include <string_view>

#include <fmt/format.h>

#include "core/base/text.hpp"

namespace ioswarm::cli {

namespace {

/// "accuracy 99.50% (50 compared)".
std::string share(std::string_view name, std::uint64_t part, std::uint64_t whole, std::string_view counted) {
    if (whole == 0) return fmt::format("{} unknown", name);
    return fmt::format("{} {:.2f}% ({} {})", name, static_cast<double>(part) * 100 / static_cast<double>(whole),
                       whole, counted);
}

/// Blocks of the running epoch that have been executed.
std::uint64_t blocks_in(const EpochView& epoch, std::uint64_t height) {
    return epoch.start_height == 0 || height < epoch.start_height ? 0 : height - epoch.start_height + 1;
}

}  // namespace

std::string status_line(const Monitor& monitor, std::uint64_t epoch_blocks) {
    const StatusView status = monitor.status();
    const ShadowTotals shadow = monitor.shadow();
    const EpochView epoch = monitor.epoch();
    const std::string age = status.source_age ? go_duration(*status.source_age) + " old" : "age unknown";
    return fmt::format("status: block {} ({}), agents {}/{}, tasks {}/{}, {}, {}, epoch {} ({}/{} blocks)",
                       status.height, age, status.agents_live, status.agents_total, status.tasks_received,
                       status.tasks_dispatched,
                       share("coverage", status.coverage.handed_out, status.coverage.mined, "mined"),
                       share("accuracy", shadow.matched, shadow.compared, "compared"), epoch.epoch,
                       blocks_in(epoch, status.height), epoch_blocks);
}

std::string diffs_line(const DiffsView& diffs) {
    std::string out = fmt::format("diffs to {}, subscribers {}", diffs.tip, diffs.subscribers.size());
    if (!diffs.alarm.empty()) out += fmt::format(", NO DIFFS COME IN: {}", diffs.alarm);
    return out;
}

LogFields status_fields(const Monitor& monitor, std::uint64_t epoch_blocks) {
    const StatusView status = monitor.status();
    const ShadowTotals shadow = monitor.shadow();
    const EpochView epoch = monitor.epoch();
    LogFields out{{"event", "status"}, {"height", status.height}};
    if (status.source_age) out.emplace_back("source_age_s", std::int64_t{status.source_age->count()});
    const auto add_share = [&](const char* name, std::uint64_t part, std::uint64_t whole) {
        if (whole > 0) out.emplace_back(name, static_cast<double>(part) / static_cast<double>(whole));
    };
    out.emplace_back("agents_live", status.agents_live);
    out.emplace_back("agents_total", status.agents_total);
    out.emplace_back("tasks_received", status.tasks_received);
    out.emplace_back("tasks_dispatched", status.tasks_dispatched);
    out.emplace_back("mined", status.coverage.mined);
    add_share("coverage", status.coverage.handed_out, status.coverage.mined);
    out.emplace_back("compared", shadow.compared);
    add_share("accuracy", shadow.matched, shadow.compared);
    out.emplace_back("epoch", epoch.epoch);
    out.emplace_back("epoch_done_blocks", blocks_in(epoch, status.height));
    out.emplace_back("epoch_blocks", epoch_blocks);
    return out;
}

void add_diffs_fields(const DiffsView& diffs, LogFields& fields) {
    fields.emplace_back("diffs_tip", diffs.tip);
    fields.emplace_back("diffs_subscribers", diffs.subscribers.size());
    if (!diffs.alarm.empty()) fields.emplace_back("diffs_alarm", diffs.alarm);
}

StatusReporter::StatusReporter(std::function<StatusText()> line, std::chrono::milliseconds interval, Log log)
    : thread_([line = std::move(line), interval, log = std::move(log)](const std::stop_token& stop) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          while (true) {
              never.wait_for(lock, stop, interval, [] { return false; });
              if (stop.stop_requested()) return;
              const StatusText status = line();
              log.info(status.fields, "{}", status.text);
          }
      }) {}

}  // namespace ioswarm::cli
