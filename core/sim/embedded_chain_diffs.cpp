// SPDX-License-Identifier: Apache-2.0
// The state diffs of the embedded chain.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/sim/embedded_chain.hpp"

#include "core/base/try.hpp"

namespace ioswarm::sim {

EmbeddedChain::Changes EmbeddedChain::changes_of(const ModelBlock& block) const {
    auto out = std::make_shared<std::vector<ChangedAccount>>();
    const std::vector<AccountChange> changes = model_.last_changes();
    out->reserve(block.forgotten.size() + changes.size());
    for (const ForgottenContract& forgotten : block.forgotten)
        out->push_back({maker_.created_address(forgotten.contract), forgotten.last, {}});
    for (const AccountChange& change : changes)
        out->push_back({address_of(change.account), change.before, change.after});
    return out;
}

StateDiff EmbeddedChain::diff_of(std::uint64_t height, const Changes& changes) const {
    if (height != 1) return make_diff(height, *changes);
    std::vector<ChangedAccount> all;
    const auto& addresses = maker_.addresses();
    all.reserve(addresses.size() + changes->size());
    for (std::uint32_t index = 0; index < addresses.size(); ++index)
        all.push_back({addresses[index], {}, model_.genesis_account(index)});
    all.insert(all.end(), changes->begin(), changes->end());
    return make_diff(height, all);
}

Result<StateDiff> EmbeddedChain::next_diff(std::uint64_t height, std::stop_token stop) {
    constexpr const char* kWhat = "cannot read the state diff";
    std::unique_lock lock(mutex_);
    advance();
    std::uint64_t wanted = height;
    if (wanted == 0) wanted = blocks_.empty() ? model_.height() + 1 : blocks_.front().height;
    IOSWARM_DO(wait_for(wanted, stop, lock, kWhat));
    IOSWARM_TRY(const auto stored, stored_at(wanted, kWhat));
    const Changes changes = stored->changes;
    lock.unlock();
    return diff_of(wanted, changes);
}

}  // namespace ioswarm::sim
