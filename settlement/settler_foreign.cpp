// SPDX-License-Identifier: Apache-2.0
// Checks before a halt is ended. Somebody else who used the key may have settled with it, for example from a
// copy of this data directory. settlement.db has no row for such a settlement, so `settle resume` would pay the
// same payouts a second time.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "contracts/reward_pool.hpp"
#include "core/base/try.hpp"
#include "settlement/init.hpp"
#include "settlement/log_pages.hpp"
#include "settlement/settler_impl.hpp"

namespace ioswarm::settlement {
namespace {

constexpr std::size_t kIntentsAtOnce = 500;

/// The settlements that settlement.db knows of.
struct OwnSettlements {
    std::uint64_t newest_id = 0;      ///< v3: of those that are final
    std::uint64_t newest_block = 0;   ///< of the newest transaction that is final; 0: none is
    std::set<Hash256> hashes;         ///< transactions that are final
    std::vector<std::uint64_t> open;  ///< intents that are not final
};

Result<OwnSettlements> own_settlements(SettlementStore& store) {
    OwnSettlements out;
    for (std::uint64_t next = 0;;) {
        IOSWARM_TRY(const auto some, store.intents(next, kIntentsAtOnce));
        if (some.empty()) return out;
        for (const IntentRow& intent : some) {
            next = intent.id + 1;
            if (!is_final(intent.state)) out.open.push_back(intent.id);
            if (intent.state == IntentState::final_ok)
                out.newest_id = std::max(out.newest_id, intent.pool_epoch);
            if (intent.hash) out.hashes.insert(*intent.hash);
            out.newest_block = std::max(out.newest_block, intent.block);
        }
    }
}

}  // namespace

tl::unexpected<Error> Settler::Impl::settled_elsewhere(const std::string& what) const {
    const bool can_tell = identity.pool == PoolVersion::v3;
    return fail(
        ErrorCode::failed_precondition, "cannot end the halt", to_hex0x(identity.contract.view()),
        what +
            " by a transaction that is not in settlement.db, perhaps from a copy of this data directory: "
            "what is owed here may be paid already",
        std::string("stop every other settler that has this key, move settlement.db away, and run ") +
            (can_tell ? "'ioswarm settle init --rebuild': it asks the contract what was paid"
                      : "'ioswarm settle init --from-epoch N' with the first epoch that is not paid"));
}

Status Settler::Impl::refuse_settled_elsewhere(const IntentRow& live, bool is_own) {
    return identity.pool == PoolVersion::v3 ? refuse_unknown_id(live, is_own)
                                            : refuse_unknown_deposit(live, is_own);
}

Status Settler::Impl::refuse_unknown_id(const IntentRow& live, bool is_own) {
    IOSWARM_TRY(const auto own, own_settlements(store));
    IOSWARM_TRY(const auto facts, pool.facts());
    const std::uint64_t known = is_own ? std::max(own.newest_id, live.pool_epoch) : own.newest_id;
    if (facts.last_epoch <= known) return {};
    IOSWARM_TRY(const auto ledger, payouts.read(identity.first_epoch));
    if (!ledger.altered.empty()) return fail(altered_ledger(ledger.altered));
    IOSWARM_TRY(auto paid, store.covered(identity.first_epoch));
    for (const std::uint64_t open : own.open) {
        if (is_own && open == live.id) continue;
        IOSWARM_TRY(const auto covered, store.payouts_of(open));
        for (const CoveredPayout& one : covered)
            paid.erase({one.epoch, one.agent_id});
    }
    std::vector<OwedPayout> owed = ledger.waiting;
    std::erase_if(owed, [&](const OwedPayout& one) { return paid.contains({one.epoch, one.agent_id}); });
    if (!may_be_settled(owed, facts.last_epoch)) return {};
    return settled_elsewhere(fmt::format("the contract has settled id {}", facts.last_epoch));
}

Result<bool> Settler::Impl::settled_by_another(const IntentRow& intent,
                                               const std::vector<AttemptRow>& attempts) {
    IOSWARM_TRY(const auto tip, chain.tip());
    LogPages pages(identity.contract, contracts::epoch_settled_topic());
    for (std::uint64_t first = first_block_of(attempts); first <= tip;) {
        IOSWARM_TRY(const auto page, pages.forward(chain, first, tip));
        for (const contracts::ChainLog& one : page.logs) {
            const auto event = contracts::read_pool_event(one);
            if (!event || event->kind != contracts::PoolEvent::Kind::epoch_settled) continue;
            if (event->epoch != intent.pool_epoch) continue;
            return std::ranges::none_of(
                attempts, [&](const AttemptRow& attempt) { return attempt.hash == one.transaction; });
        }
        first = page.last_block + 1;
    }
    return false;
}

/// Whether the wallet had made the transaction already when settlement.db was made.
Result<bool> Settler::Impl::is_older_than_file(contracts::ChainEndpoint& endpoint,
                                               const contracts::ChainLog& settled) {
    IOSWARM_TRY(const auto made, endpoint.transaction_in(settled.block, settled.transaction));
    return made && made->from == identity.wallet && made->nonce < identity.first_nonce;
}

Status Settler::Impl::refuse_unknown_deposit(const IntentRow& live, bool is_own) {
    IOSWARM_TRY(const auto own, own_settlements(store));
    IOSWARM_TRY(const auto attempts, store.attempts(live.id));
    std::set<Hash256> known = own.hashes;
    for (const AttemptRow& one : attempts) {
        if (is_own) known.insert(one.hash);
    }
    // Without any transaction of its own, the settler looks at everything since the contract was made.
    const std::uint64_t first = own.newest_block != 0 ? own.newest_block
                                : attempts.empty()    ? identity.pool_from_block
                                                      : first_block_of(attempts);
    // Every endpoint is asked. One that has lost its logs would hide what a copy of this directory paid.
    for (std::size_t i = 0; i < chain.endpoint_count(); ++i) {
        IOSWARM_TRY(const auto block, unknown_settlement(chain.endpoint(i), first, known));
        if (block) return settled_elsewhere(fmt::format("the contract was settled in block {}", *block));
    }
    return {};
}

/// The block of the first settlement from `first` on that is none of the known transactions.
Result<std::optional<std::uint64_t>> Settler::Impl::unknown_settlement(contracts::ChainEndpoint& endpoint,
                                                                       std::uint64_t first,
                                                                       const std::set<Hash256>& known) {
    IOSWARM_TRY(const auto tip, endpoint.tip());
    LogPages pages(identity.contract, contracts::settled_topic());
    while (first <= tip) {
        IOSWARM_TRY(const auto page, pages.forward(endpoint, first, tip));
        for (const contracts::ChainLog& one : page.logs) {
            if (known.contains(one.transaction)) continue;
            IOSWARM_TRY(const auto older, is_older_than_file(endpoint, one));
            if (!older) return std::optional(one.block);
        }
        first = page.last_block + 1;
    }
    return std::optional<std::uint64_t>();
}

}  // namespace ioswarm::settlement
