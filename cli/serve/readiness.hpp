// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>

#include "core/ports/monitor.hpp"

namespace ioswarm::cli {

/// Returns the reasons of the parts around the coordinator (ports, node, diffs, settlement) why the daemon is
/// not ready. Empty = they are ready. Thread-safe.
using NotReady = std::function<Reasons()>;

/// All reasons why the daemon is not ready: the coordinator's own, then those of the parts around it.
/// `around` may be null: there are no such parts then.
[[nodiscard]] inline Reasons all_reasons(const Monitor& coordinator, const NotReady& around) {
    Reasons reasons = coordinator.not_ready();
    if (!around) return reasons;
    for (Reason& reason : around())
        reasons.push_back(std::move(reason));
    return reasons;
}

}  // namespace ioswarm::cli
