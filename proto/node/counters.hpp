// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics/registry.hpp"

namespace ioswarm::proto {

/// What a NodeSource counts.
struct NodeCounters {
    explicit NodeCounters(const metrics::Registry& registry);

    metrics::Counter unreadable_actions;  ///< pool entries that are not an action and were left out
    /// Pool entries that are sent out although their results cannot be compared.
    metrics::Counter unhashable_actions;
    metrics::Counter stream_ends;      ///< block streams that ended for any reason
    metrics::Counter repeated_blocks;  ///< blocks that the stream sent again after they were taken
    metrics::Counter fetched_blocks;   ///< blocks fetched individually because the stream had missed them
    /// Stream messages dropped because too many waited; their blocks are fetched later.
    metrics::Counter dropped_messages;
    metrics::Counter stale_reads;   ///< account reads refused because the tip moved meanwhile
    metrics::Counter doubted_tips;  ///< how often a newest block far above the last one was doubted
    metrics::Counter web3_away;     ///< how often web3 stopped answering
    metrics::Gauge json_api;        ///< 1 if the gRPC API answers JSON
};

}  // namespace ioswarm::proto
