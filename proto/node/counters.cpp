// SPDX-License-Identifier: Apache-2.0
#include "proto/node/counters.hpp"

namespace ioswarm::proto {
namespace {

constexpr metrics::Family kActionsSkipped{"ioswarm_node_actions_skipped_total",
                                          "Pool transactions of the node that were left out, by reason.",
                                          "reason"};

}  // namespace

NodeCounters::NodeCounters(const metrics::Registry& registry)
    : unreadable_actions(registry.counter("node_actions_unreadable", kActionsSkipped, "unreadable")),
      unhashable_actions(registry.counter("node_actions_unhashable", kActionsSkipped, "unhashable")),
      stream_ends(registry.counter(
          "node_stream_ends", {"ioswarm_node_stream_ends_total", "Times that the node's block stream ended."})),
      repeated_blocks(registry.counter(
          "node_blocks_repeated", {"ioswarm_node_blocks_repeated_total", "Blocks that the node gave again."})),
      fetched_blocks(registry.counter("node_blocks_fetched", {"ioswarm_node_blocks_fetched_total",
                                                              "Blocks fetched from the node one by one."})),
      dropped_messages(registry.counter("node_messages_dropped", {"ioswarm_node_messages_dropped_total",
                                                                  "Messages of the node that were dropped."})),
      stale_reads(registry.counter(
          "node_reads_stale",
          {"ioswarm_node_stale_reads_total", "Reads of accounts that were older than the block asked for."})),
      doubted_tips(registry.counter("node_tips_doubted",
                                    {"ioswarm_node_tips_doubted_total",
                                     "Times that the node told a newest block far above the last one."})),
      web3_away(registry.counter("node_web3_away", {"ioswarm_node_web3_outages_total",
                                                    "Times that the node's web3 API did not answer."})),
      json_api(registry.gauge("node_api_is_json",
                              {"ioswarm_node_api_is_json", "1 when blocks come over the node's JSON API."})) {}

}  // namespace ioswarm::proto
