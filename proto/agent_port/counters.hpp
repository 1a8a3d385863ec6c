// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics/registry.hpp"

namespace ioswarm::proto {

/// The metrics of calls at the port for agents.
struct ServiceCounters {
    explicit ServiceCounters(const metrics::Registry& registry);

    metrics::Counter calls;
    // Calls that failed, by reason.
    metrics::Counter unauthenticated;
    metrics::Counter auth_limited;  ///< refused because their address failed too often
    metrics::Counter denied, too_large, bad_messages, busy, timed_out, cancelled;
    // Connections that were shut because of their calls, by reason.
    metrics::Counter too_many_calls, shut_for_resets;
    metrics::Counter batches_sent, batches_too_large;
    metrics::Counter health_checks;
    metrics::Counter diffs_sent;
    metrics::Counter diffs_refused;         ///< diffs too large for a message, and refused requests for diffs
    metrics::Counter diff_streams_stalled;  ///< streams ended because their client took no data
    metrics::Gauge task_streams_open, diff_streams_open, health_watches_open;
};

/// The metrics of connections.
struct AcceptorCounters {
    explicit AcceptorCounters(const metrics::Registry& registry);

    metrics::Counter accepted;
    metrics::Counter refused_full;         ///< at the limit of all connections, or no descriptor was left
    metrics::Counter refused_per_address;  ///< at the limit of one address
    /// While another connection from that address and port was open.
    metrics::Counter refused_same_port;
    metrics::Counter refused_barred;  ///< a connection of the address was shut shortly before
    metrics::Counter shut_abusive;    ///< exceeded one of ConnectionBounds
    metrics::Counter shut_memory;     ///< one of those with most bytes, when all together had too many
    metrics::Counter bodies_refused;  ///< connections whose messages were refused while they were arriving
    metrics::Counter goaways;         ///< connections of proxies that were asked to end
    /// How often a connection that carries agents was found to be flooded. Counted at most once per minute and
    /// connection.
    metrics::Counter floods;
    metrics::Counter flood_bytes;  ///< bytes of those floods, which belong to no call
    metrics::Counter memory_trims;
    metrics::Gauge open;
    metrics::Counter failed_auth_addresses_dropped;  ///< addresses replaced in the full table of failures
};

/// Reloads of the certificate. Only a port with TLS has them.
struct TlsCounters {
    explicit TlsCounters(const metrics::Registry& registry);

    metrics::Counter reloads, refused_reloads;
};

}  // namespace ioswarm::proto
