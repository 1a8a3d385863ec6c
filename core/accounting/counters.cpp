// SPDX-License-Identifier: Apache-2.0
#include "core/accounting/counters.hpp"

namespace ioswarm {

PayrollCounters::PayrollCounters(const metrics::Registry& registry)
    : answers_repeated(registry.counter(
          "answers_repeated", {"ioswarm_answers_repeated_total", "Answers that an agent had given already."})),
      wallet_changes_too_soon(registry.counter(
          "wallet_changes_too_soon",
          {"ioswarm_wallet_changes_refused_total", "Changes of an agent's wallet that came too soon."})),
      answers_held(
          registry.gauge("answers_held", {"ioswarm_answers_held", "Answers that wait for their block."})),
      notices_unmarked(registry.gauge(
          "notices_unmarked",
          {"ioswarm_payout_notices_unmarked",
           "Payout notices that agents have taken and that the ledger does not have as taken yet."})) {}

}  // namespace ioswarm
