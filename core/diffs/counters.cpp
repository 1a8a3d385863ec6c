// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/counters.hpp"

namespace ioswarm {

metrics::Counter count_refused_diffs(const metrics::Registry& registry) {
    return registry.counter("diffs_refused",
                            {"ioswarm_diffs_refused_total",
                             "State diffs of the source, or requests for diffs, that were refused."});
}

DiffFeedCounters::DiffFeedCounters(const metrics::Registry& registry)
    : appended(registry.counter("diffs_appended",
                                {"ioswarm_diffs_appended_total", "State diffs added to the log."})),
      commits(registry.counter("diffs_commits", {"ioswarm_diff_commits_total", "Commits of the diff log."})),
      pruned(registry.counter(
          "diffs_pruned", {"ioswarm_diffs_pruned_total", "State diffs removed because they were old enough."})),
      append_time(registry.histogram(
          {"ioswarm_diff_append_seconds", "Duration of adding one group of state diffs to the log."},
          metrics::disk_seconds())),
      repeated(registry.counter("diffs_repeated",
                                {"ioswarm_diffs_repeated_total", "State diffs that the source gave again."})),
      holes(registry.counter("diffs_holes",
                             {"ioswarm_diff_holes_total", "Times that a state diff was missing."})),
      refused(count_refused_diffs(registry)),
      source_errors(registry.counter(
          "diffs_source_errors", {"ioswarm_diff_source_errors_total", "Errors of the source of state diffs."})),
      store_errors(registry.counter("diffs_store_errors",
                                    {"ioswarm_diff_store_errors_total", "Failed writes of the diff log."})),
      alarms(registry.counter("diffs_alarms", {"ioswarm_diff_alarms_total",
                                               "Times that taking in state diffs stopped with an alarm."})) {}

DiffHubCounters::DiffHubCounters(const metrics::Registry& registry)
    : delivery_time(registry.histogram(
          {"ioswarm_diff_delivery_seconds",
           "From a state diff's being in the log to its being handed to a subscriber's stream."},
          metrics::network_seconds())),
      unreadable(registry.counter(
          "diffs_unreadable",
          {"ioswarm_diffs_unreadable_total",
           "Failed reads of the diff log for an agent's stream, for example of a damaged diff."})) {}

}  // namespace ioswarm
