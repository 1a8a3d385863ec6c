// SPDX-License-Identifier: Apache-2.0
#include "core/net/http_counters.hpp"

namespace ioswarm {

HttpServerCounters::HttpServerCounters(const metrics::Registry& registry)
    : connections(registry.counter("http_connections",
                                   {"ioswarm_http_connections_total", "Connections to the monitoring API."})),
      requests(registry.counter("http_requests",
                                {"ioswarm_http_requests_total", "Requests to the monitoring API."})),
      timed_out(registry.counter("http_timed_out", {"ioswarm_http_timed_out_total",
                                                    "Connections to the monitoring API that were too slow."})),
      shed(registry.counter(
          "http_shed", {"ioswarm_http_shed_total", "Connections to the monitoring API shut to make room."})) {}

}  // namespace ioswarm
