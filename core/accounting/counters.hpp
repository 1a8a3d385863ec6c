// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics/registry.hpp"

namespace ioswarm {

/// What the payroll counts.
struct PayrollCounters {
    explicit PayrollCounters(const metrics::Registry& registry);

    metrics::Counter answers_repeated;  ///< an agent's second answer to an action
    metrics::Counter wallet_changes_too_soon;
    metrics::Gauge answers_held;
    metrics::Gauge
        notices_unmarked;  ///< payouts that agents were told of and that the ledger has not marked yet
};

}  // namespace ioswarm
