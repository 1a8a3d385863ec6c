// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/counters.hpp"

namespace ioswarm {

LedgerCounters::LedgerCounters(const metrics::Registry& registry)
    : operations(registry.counter(
          "ledger_operations", {"ioswarm_ledger_operations_total", "Operations that the ledger committed."})),
      commits(registry.counter("ledger_commits", {"ioswarm_ledger_commits_total", "Commits of the ledger."})),
      failed_commits(registry.counter("ledger_failed_commits", {"ioswarm_ledger_failed_commits_total",
                                                                "Commits of the ledger that failed."})),
      commit_time(registry.histogram({"ioswarm_ledger_commit_seconds", "Duration of one commit of the ledger."},
                                     metrics::disk_seconds())),
      refused(registry.counter("ledger_refused", {"ioswarm_ledger_refused_total",
                                                  "Operations refused because the ledger's queue was full."})),
      checkpoints(registry.counter("ledger_checkpoints",
                                   {"ioswarm_ledger_checkpoints_total", "WAL checkpoints of the ledger."})),
      failed_checkpoints(registry.counter(
          "ledger_failed_checkpoints",
          {"ioswarm_ledger_failed_checkpoints_total", "Failed WAL checkpoints of the ledger."})) {}

}  // namespace ioswarm
