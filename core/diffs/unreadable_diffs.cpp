// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/unreadable_diffs.hpp"

#include <utility>

#include <fmt/format.h>

namespace ioswarm {

void UnreadableDiffs::failed(std::uint64_t height, const Error& error, Time now) {
    count_.add();
    const bool is_damage = error.code == ErrorCode::data_loss;
    {
        const auto faults = faults_.lock();
        auto known = faults->find(height);
        if (known != faults->end() && now - known->second.logged < kRepeat) {
            known->second.is_over = false;
            return;
        }
        if (known == faults->end() && faults->size() >= kMaxHeights) {
            // Drop what nobody has asked for lately.
            std::erase_if(*faults, [&](const auto& entry) { return now - entry.second.logged >= kRepeat; });
            if (faults->size() >= kMaxHeights) return;
        }
        (*faults)[height] = Fault{is_damage, false, now};
    }
    log_.error("diff streams end at height {}: {}{}{}", height, error.text(), error.hint.empty() ? "" : "; ",
               error.hint);
}

void UnreadableDiffs::worked(std::uint64_t first, std::uint64_t last) {
    const auto faults = faults_.lock();
    for (auto& [height, fault] : *faults) {
        if (!fault.is_damage || (first <= height && height <= last)) fault.is_over = true;
    }
}

void UnreadableDiffs::add_reasons(const DiffRange& held, Reasons& reasons) const {
    const auto faults = faults_.lock();
    std::size_t count = 0;
    std::uint64_t lowest = 0;
    for (const auto& [height, fault] : *faults) {
        if (fault.is_over || !held.holds(height))
            continue;  // it was pruned meanwhile, or the log was restarted
        if (count++ == 0) lowest = height;
    }
    if (count == 0) return;
    const std::string others = count > 1 ? fmt::format(" and {} more", count - 1) : "";
    reasons.push_back(
        {"state diffs", fmt::format("the log cannot be read at height {}{}; the program's log says why, and "
                                    "agents that need it must load a newer snapshot",
                                    lowest, others)});
}

}  // namespace ioswarm
