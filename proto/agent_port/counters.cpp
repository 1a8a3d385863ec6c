// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/counters.hpp"

#include "core/auth/counters.hpp"
#include "core/diffs/counters.hpp"

namespace ioswarm::proto {
namespace {

constexpr metrics::Family kCallsFailed{"ioswarm_calls_failed_total", "Calls of agents that failed, by reason.",
                                       "reason"};
constexpr metrics::Family kConnectionsRefused{
    "ioswarm_connections_refused_total", "Connections refused on the port for agents, by reason.", "reason"};
constexpr metrics::Family kConnectionsShut{"ioswarm_connections_shut_total",
                                           "Connections of agents that were shut, by reason.", "reason"};
constexpr metrics::Family kTlsReloads{"ioswarm_tls_reloads_total", "Reloads of the TLS certificate, by result.",
                                      "result"};

}  // namespace

ServiceCounters::ServiceCounters(const metrics::Registry& registry)
    : calls(registry.counter("calls", {"ioswarm_calls_total", "Calls of agents."})),
      unauthenticated(registry.counter("calls_unauthenticated", kCallsFailed, "unauthenticated")),
      auth_limited(registry.counter("calls_auth_limited", kCallsFailed, "auth_limited")),
      denied(registry.counter("calls_denied", kCallsFailed, "denied")),
      too_large(registry.counter("calls_too_large", kCallsFailed, "too_large")),
      bad_messages(registry.counter("calls_bad_message", kCallsFailed, "bad_message")),
      busy(registry.counter("calls_busy", kCallsFailed, "busy")),
      timed_out(registry.counter("calls_timed_out", kCallsFailed, "timed_out")),
      cancelled(registry.counter("calls_cancelled", kCallsFailed, "cancelled")),
      too_many_calls(registry.counter("connections_shut_too_many_calls", kConnectionsShut, "too_many_calls")),
      shut_for_resets(registry.counter("connections_shut_resets", kConnectionsShut, "resets")),
      batches_sent(
          registry.counter("batches_sent", {"ioswarm_batches_sent_total", "Batches written to task streams."})),
      batches_too_large(registry.counter(
          "batches_too_large", {"ioswarm_batches_too_large_total", "Batches that were too large to send."})),
      health_checks(registry.counter(
          "health_checks", {"ioswarm_grpc_health_checks_total", "Health checks on the port for agents."})),
      diffs_sent(
          registry.counter("diffs_sent", {"ioswarm_diffs_sent_total", "State diffs written to streams."})),
      diffs_refused(count_refused_diffs(registry)),
      diff_streams_stalled(registry.counter(
          "diff_streams_stalled",
          {"ioswarm_diff_streams_stalled_total", "Diff streams ended because the agent took nothing."})),
      task_streams_open(registry.gauge("task_streams_open", {"ioswarm_task_streams", "Open task streams."})),
      diff_streams_open(
          registry.gauge("diff_streams_open", {"ioswarm_diff_streams", "Open streams of state diffs."})),
      health_watches_open(
          registry.gauge("health_watches_open",
                         {"ioswarm_grpc_health_watches", "Open health watches on the port for agents."})) {}

AcceptorCounters::AcceptorCounters(const metrics::Registry& registry)
    : accepted(registry.counter("connections_accepted", {"ioswarm_connections_accepted_total",
                                                         "Connections accepted on the port for agents."})),
      refused_full(registry.counter("connections_refused_full", kConnectionsRefused, "full")),
      refused_per_address(
          registry.counter("connections_refused_per_address", kConnectionsRefused, "per_address")),
      refused_same_port(registry.counter("connections_refused_same_port", kConnectionsRefused, "same_port")),
      refused_barred(registry.counter("connections_refused_barred", kConnectionsRefused, "barred")),
      shut_abusive(registry.counter("connections_shut_abusive", kConnectionsShut, "abusive")),
      shut_memory(registry.counter("connections_shut_memory", kConnectionsShut, "memory")),
      bodies_refused(registry.counter(
          "connections_bodies_refused",
          {"ioswarm_connection_bodies_refused_total", "Message bodies refused before they were read."})),
      goaways(registry.counter("connections_goaway",
                               {"ioswarm_connection_goaways_total", "Connections that were asked to end."})),
      floods(registry.counter("connections_flooded", {"ioswarm_connection_floods_total",
                                                      "Connections that sent more than they may."})),
      flood_bytes(registry.counter("connections_flood_bytes", {"ioswarm_connection_flood_bytes_total",
                                                               "Bytes that flooding connections sent."})),
      memory_trims(registry.counter("memory_trims", {"ioswarm_memory_trims_total",
                                                     "Times that freed memory was given back to the system."})),
      open(registry.gauge("connections_open", {"ioswarm_connections", "Connections of agents."})),
      failed_auth_addresses_dropped(
          registry.counter("failed_auth_addresses_dropped", kLimitAddressesDropped, "agents_failed_auth")) {}

TlsCounters::TlsCounters(const metrics::Registry& registry)
    : reloads(registry.counter("tls_reloads", kTlsReloads, "ok")),
      refused_reloads(registry.counter("tls_reloads_refused", kTlsReloads, "refused")) {}

}  // namespace ioswarm::proto
