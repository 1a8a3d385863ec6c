// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

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

/// What /readyz?verbose lists: each part that was examined, also while all is well.
struct ReadyCheck {
    std::string part;
    std::string why;  ///< why the part is not ready; empty = it is
};

/// The coordinator's own parts and those `around` it, each with its reason of `reasons`. A part with two
/// reasons is listed twice.
[[nodiscard]] inline std::vector<ReadyCheck> ready_checks(const std::vector<std::string>& around,
                                                          const Reasons& reasons) {
    std::vector<ReadyCheck> out;
    std::vector<std::string> parts{"source", "dispatch", "blocks", "ledger"};
    parts.insert(parts.end(), around.begin(), around.end());
    for (const std::string& part : parts) {
        const bool is_ready = std::none_of(reasons.begin(), reasons.end(),
                                           [&](const Reason& reason) { return reason.part == part; });
        if (is_ready) out.push_back({part, {}});
    }
    for (const Reason& reason : reasons)
        out.push_back({reason.part, reason.why});
    return out;
}

}  // namespace ioswarm::cli
