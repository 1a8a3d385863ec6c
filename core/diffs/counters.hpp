// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics/registry.hpp"

namespace ioswarm {

/// State diffs that the feed refused, and requests for diffs that the port for agents refused, together.
[[nodiscard]] metrics::Counter count_refused_diffs(const metrics::Registry& registry);

/// What the feed of state diffs counts.
struct DiffFeedCounters {
    explicit DiffFeedCounters(const metrics::Registry& registry);

    metrics::Counter appended, commits, pruned;
    metrics::Histogram append_time;  ///< of each group of diffs that was written
    metrics::Counter repeated;       ///< diffs that the source gave again
    metrics::Counter holes;          ///< how often the source skipped a height
    metrics::Counter refused;        ///< wrong answers of the source
    metrics::Counter source_errors, store_errors;
    metrics::Counter alarms;  ///< how often the feed stopped for good
};

/// What the hub measures.
struct DiffHubCounters {
    explicit DiffHubCounters(const metrics::Registry& registry);

    metrics::Histogram
        delivery_time;            ///< from DiffHub::on_appended() to the hand-over to a stream's connection
    metrics::Counter unreadable;  ///< failed reads of the log
};

}  // namespace ioswarm
