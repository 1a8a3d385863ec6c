// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics/registry.hpp"

namespace ioswarm {

/// What an HttpServer counts.
struct HttpServerCounters {
    explicit HttpServerCounters(const metrics::Registry& registry);

    metrics::Counter connections;
    metrics::Counter requests;   ///< requests whose headers were complete, including malformed ones
    metrics::Counter timed_out;  ///< clients that were too slow to send a request or to take the answer
    metrics::Counter shed;       ///< connections closed because of a limit on connections
};

}  // namespace ioswarm
