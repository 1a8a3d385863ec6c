// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics/registry.hpp"

namespace ioswarm {

/// What an HttpServer counts. Thread-safe. The registry must outlive it.
struct HttpServerCounters {
    explicit HttpServerCounters(const metrics::Registry& registry);

    metrics::Counter connections;  ///< accepted since the start
    metrics::Counter requests;     ///< requests whose headers were read to their end; malformed ones count too
    metrics::Counter timed_out;    ///< clients that were too slow to send a request or to take the answer
    metrics::Counter shed;         ///< connections closed to make room for others
};

}  // namespace ioswarm
