// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics/registry.hpp"

namespace ioswarm {

/// The metrics of the ledger.
struct LedgerCounters {
    explicit LedgerCounters(const metrics::Registry& registry);

    metrics::Counter operations;
    metrics::Counter commits, failed_commits;
    metrics::Histogram commit_time;                    ///< of commits that succeeded
    metrics::Counter refused;                          ///< operations refused because the queue was full
    metrics::Counter checkpoints, failed_checkpoints;  ///< of the WAL
};

}  // namespace ioswarm
