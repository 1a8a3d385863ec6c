// SPDX-License-Identifier: Apache-2.0
// find_settled(): tells which payouts the settlements of a v3 pool paid.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "contracts/reward_pool.hpp"
#include "core/base/try.hpp"
#include "settlement/init.hpp"
#include "settlement/log_pages.hpp"
#include "settlement/plan_parts.hpp"
#include "settlement/pool.hpp"

namespace ioswarm::settlement {
namespace {

using contracts::ChainLog;
using contracts::EpochState;
using contracts::PoolEvent;

/// A settlement on the chain.
struct SeenSettlement {
    std::uint64_t id = 0;
    std::uint64_t block = 0;
    contracts::MinedTransaction transaction;
    std::map<Address, U256> shares;  ///< the amount per wallet; never 0
};

tl::unexpected<Error> cannot_rebuild(std::string which, std::string why) {
    return fail(
        ErrorCode::failed_precondition, "cannot find out what is paid already", std::move(which),
        std::move(why),
        "look up the last settlement, and run settle init with --from-epoch and the first epoch that is "
        "not paid");
}

/// Shares out the value as the contract does: each share is the difference of two rounded running sums.
std::map<Address, U256> shares_of(const std::vector<contracts::PoolEntry>& entries, const U256& value) {
    U256 total = 0;
    for (const contracts::PoolEntry& entry : entries)
        total += entry.weight;
    std::map<Address, U256> out;
    U256 so_far = 0;
    U256 paid = 0;
    for (const contracts::PoolEntry& entry : entries) {
        so_far += entry.weight;
        const U256 reached = total == 0 ? U256(0) : U256(value * so_far / total);
        if (reached != paid) out[entry.wallet] += reached - paid;
        paid = reached;
    }
    return out;
}

/// One settled id, with its block and transaction. settled_ids() returns them oldest first. It reads from the
/// tip backwards, until the ids are too low for any epoch that ends at `lowest_height` or later.
struct SettledId {
    std::uint64_t id = 0;
    std::uint64_t block = 0;
    Hash256 transaction;
};
Result<std::vector<SettledId>> settled_ids(contracts::ChainClient& chain, const Address& contract,
                                           std::uint64_t lowest_height) {
    IOSWARM_TRY(const auto tip, chain.tip());
    LogPages pages(contract, contracts::epoch_settled_topic());
    std::vector<SettledId> newest_first;
    std::uint64_t last = tip;
    for (bool more = true; more;) {
        IOSWARM_TRY(auto page, pages.backward(chain, 0, last));
        for (auto log = page.logs.rbegin(); log != page.logs.rend(); ++log) {
            const auto event = contracts::read_pool_event(*log);
            if (!event || event->kind != PoolEvent::Kind::epoch_settled) continue;
            newest_first.push_back({event->epoch, log->block, log->transaction});
            // The ids of one settlement lie within 32 of each other, and so do the ids of settlements that were
            // mined out of order.
            if (event->epoch + 2 * kMaxParts <= lowest_height) more = false;
        }
        if (page.first_block == 0) more = false;
        last = page.first_block == 0 ? 0 : page.first_block - 1;
    }
    std::ranges::reverse(newest_first);
    return newest_first;
}

Result<SeenSettlement> read_settlement(contracts::ChainClient& chain, const SettlementIdentity& identity,
                                       const SettledId& settled) {
    const std::string which = fmt::format("id {} in block {}", settled.id, settled.block);
    IOSWARM_TRY(auto transaction, chain.transaction_in(settled.block, settled.transaction));
    if (!transaction) return cannot_rebuild(which, "the node does not show its transaction");
    SeenSettlement out;
    out.id = settled.id;
    out.block = settled.block;
    out.transaction = std::move(*transaction);
    const auto call = contracts::read_settle_epoch_call(out.transaction.data);
    if (out.transaction.to != identity.contract || !call || call->epoch != settled.id)
        return cannot_rebuild(which, "it was not settled by a plain call of the contract");
    out.shares = shares_of(call->entries, out.transaction.value);
    return out;
}

/// Assigns the ledger's payouts to the settlements that paid them.
class Matcher {
  public:
    explicit Matcher(std::vector<LedgerPayouts::Kept> kept) : kept_(std::move(kept)), taken_(kept_.size()) {
        for (std::size_t i = 0; i < kept_.size(); ++i) {
            const OwedPayout& payout = kept_[i].payout;
            if (payout.amount_rau != 0 && payout.wallet) by_wallet_[*payout.wallet].push_back(i);
            if (epochs_.empty() || epochs_.back().first != payout.epoch)
                epochs_.emplace_back(payout.epoch, payout.last_height);
        }
    }

    /// Returns the payouts that the settlement paid, if any of them is still waiting.
    [[nodiscard]] Result<std::optional<SettledBefore>> match(const SeenSettlement& seen,
                                                             const SettlementIdentity& identity) {
        IOSWARM_TRY(const auto found, payouts_of(seen));
        bool any_waits = false;
        for (const std::size_t at : found) {
            taken_[at] = true;
            any_waits = any_waits || kept_[at].waiting;
        }
        if (!any_waits) return std::optional<SettledBefore>{};
        return std::optional<SettledBefore>(row_of(seen, identity, found));
    }

  private:
    using Places = std::vector<std::size_t>;  ///< indexes into kept_, ascending

    /// A settlement pays everything owed up to some epoch. For each wallet these are the newest payouts up to
    /// that epoch that no earlier settlement paid. Returns nothing when they do not add up to the settlement's
    /// amounts.
    [[nodiscard]] std::optional<Places> up_to(const SeenSettlement& seen, std::uint64_t newest_epoch) const {
        Places out;
        for (const auto& [wallet, amount] : seen.shares) {
            const auto places = by_wallet_.find(wallet);
            if (places == by_wallet_.end()) return std::nullopt;
            U256 sum = 0;
            for (auto at = places->second.rbegin(); at != places->second.rend() && sum < amount; ++at) {
                if (taken_[*at] || kept_[*at].payout.epoch > newest_epoch) continue;
                sum += kept_[*at].payout.amount_rau;
                out.push_back(*at);
            }
            if (sum != amount) return std::nullopt;
        }
        std::ranges::sort(out);
        return out;
    }

    [[nodiscard]] Result<Places> payouts_of(const SeenSettlement& seen) const {
        std::set<Places> found;
        for (const auto& [epoch, last_height] : epochs_) {
            if (last_height > seen.id + kMaxParts - 1) continue;
            auto places = up_to(seen, epoch);
            if (!places) continue;
            // The usual case: the id is the height of the last block of the newest paid epoch.
            if (last_height == seen.id) return std::move(*places);
            found.insert(std::move(*places));
        }
        if (found.size() == 1) return *found.begin();
        if (!touches_waiting(seen)) return Places{};
        return cannot_rebuild(
            fmt::format("id {} in block {}, transaction {}", seen.id, seen.block,
                        to_hex0x(seen.transaction.hash.view())),
            found.empty() ? "no set of payouts adds up to what it paid"
                          : "several sets of payouts add up to what it paid, and which it was cannot be told");
    }

    /// Whether one of the settlement's wallets has a waiting payout that it may have paid.
    [[nodiscard]] bool touches_waiting(const SeenSettlement& seen) const {
        return std::ranges::any_of(seen.shares, [&](const auto& share) {
            const auto places = by_wallet_.find(share.first);
            if (places == by_wallet_.end()) return false;
            return std::ranges::any_of(places->second, [&](std::size_t at) {
                return !taken_[at] && kept_[at].waiting &&
                       kept_[at].payout.last_height <= seen.id + kMaxParts - 1;
            });
        });
    }

    [[nodiscard]] SettledBefore row_of(const SeenSettlement& seen, const SettlementIdentity& identity,
                                       const Places& places) const {
        SettledBefore out;
        out.hash = seen.transaction.hash;
        out.block = seen.block;
        for (const std::size_t at : places) {
            const OwedPayout& payout = kept_[at].payout;
            out.planned.payouts.push_back({payout.epoch, payout.agent_id, *payout.wallet, payout.amount_rau});
        }
        IntentRow& intent = out.planned.intent;
        intent.kind = IntentKind::settle;
        intent.pool_epoch = seen.id;
        intent.first_epoch = out.planned.payouts.front().epoch;
        intent.last_epoch = out.planned.payouts.back().epoch;
        intent.to = identity.contract;
        intent.value_rau = seen.transaction.value;
        intent.data = seen.transaction.data;
        intent.gas_limit = seen.transaction.gas_limit;
        intent.payouts_hash = payouts_hash(out.planned.payouts);
        return out;
    }

    std::vector<LedgerPayouts::Kept> kept_;  // by (epoch, agent)
    std::vector<bool> taken_;
    std::map<Address, Places> by_wallet_;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> epochs_;  // (epoch, last height), ascending
};

/// Asks the contract about each waiting epoch. An id that the contract knows as settled must be among those
/// found in the logs.
Status check_known_ids(RewardPool& pool, const std::vector<OwedPayout>& waiting,
                       const std::vector<SettledId>& found, std::uint64_t last_epoch) {
    std::set<std::uint64_t> ids;
    for (const SettledId& one : found)
        ids.insert(one.id);
    const auto missing = [](std::uint64_t id) {
        return cannot_rebuild(fmt::format("id {}", id),
                              "the contract says that it is settled, and the node's logs do not show it");
    };
    if (!ids.contains(last_epoch)) return missing(last_epoch);
    std::set<std::uint64_t> asked;
    for (const OwedPayout& payout : waiting) {
        const std::uint64_t id = payout.last_height;
        if (id > last_epoch || ids.contains(id) || !asked.insert(id).second) continue;
        IOSWARM_TRY(const auto state, pool.epoch_state(id));
        if (state == EpochState::settled) return missing(id);
    }
    return {};
}

}  // namespace

Result<std::vector<SettledBefore>> find_settled(contracts::ChainClient& chain, LedgerPayouts& ledger,
                                                const SettlementIdentity& identity) {
    IOSWARM_TRY(auto facts, ledger.read(identity.first_epoch));
    use_payable_wallets(facts.waiting, identity.contract);
    RewardPool pool(chain, identity);
    IOSWARM_TRY(const auto state, pool.facts());
    std::vector<SettledBefore> out;
    if (!may_be_settled(facts.waiting, state.last_epoch)) return out;
    std::uint64_t lowest_height = ~std::uint64_t{0};
    for (const OwedPayout& payout : facts.waiting) {
        if (payout.wallet || payout.unusable_wallet)
            lowest_height = std::min(lowest_height, payout.last_height);
    }
    IOSWARM_TRY(const auto ids, settled_ids(chain, identity.contract, lowest_height));
    IOSWARM_DO(check_known_ids(pool, facts.waiting, ids, state.last_epoch));
    IOSWARM_TRY(auto kept, ledger.all(0));
    for (LedgerPayouts::Kept& one : kept)
        use_payable_wallets({&one.payout, 1}, identity.contract);
    Matcher matcher(std::move(kept));
    for (const SettledId& id : ids) {
        IOSWARM_TRY(const auto seen, read_settlement(chain, identity, id));
        IOSWARM_TRY(auto row, matcher.match(seen, identity));
        if (row) out.push_back(std::move(*row));
    }
    return out;
}

}  // namespace ioswarm::settlement
