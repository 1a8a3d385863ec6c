// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics/registry.hpp"

namespace ioswarm {

/// What the ledger counts.
struct LedgerCounters {
    explicit LedgerCounters(const metrics::Registry& registry);

    metrics::Counter operations;
    metrics::Counter commits, failed_commits;
    metrics::Histogram commit_time;                    ///< of commits that succeeded
    metrics::Counter refused;                          ///< operations refused because the queue was full
    metrics::Counter checkpoints, failed_checkpoints;  ///< a failed one is tried again after the next interval
};

}  // namespace ioswarm
