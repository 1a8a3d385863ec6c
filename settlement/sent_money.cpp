// SPDX-License-Identifier: Apache-2.0
#include "settlement/sent_money.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "contracts/reward_pool.hpp"
#include "core/base/try.hpp"
#include "core/sqlite/rows.hpp"
#include "settlement/store_rows.hpp"
#include "settlement/view.hpp"

namespace ioswarm::settlement {
namespace {

SentTo wallets_sent_to(BytesView data) {
    SentTo out;
    if (const auto call = contracts::read_settle_epoch_call(data)) {
        out.emplace();
        for (const contracts::PoolEntry& entry : call->entries) {
            if (entry.send_now) out->insert(entry.wallet);
        }
    } else if (const auto claimees = contracts::read_claimees(data)) {
        out.emplace(claimees->begin(), claimees->end());
    } else if (std::ranges::equal(data, contracts::deposit_and_settle_call({}, {}))) {
        out.emplace();  // version 2: deposits, and sends to nobody
    }
    return out;
}

Result<SentTo> read_sent_to(sqlite::Database& database, std::uint64_t intent) {
    IOSWARM_TRY(auto row, database.prepare("SELECT data FROM intent WHERE id = ?1"));
    IOSWARM_TRY(const bool found, row.bind_u64(1, intent).step());
    if (!found) return SentTo{};
    SentTo out = wallets_sent_to(row.blob(0));
    row.reset();
    return out;
}

}  // namespace

bool only_credits(const IntentRow& intent) {
    if (intent.kind == IntentKind::weights) return false;
    const SentTo sent_to = wallets_sent_to(intent.data);
    return sent_to && sent_to->empty();
}

Result<bool> SentMoney::is_kept(std::uint64_t intent, const Address& wallet, bool push_failed) {
    IOSWARM_TRY(const SentTo* const wallets, sent_to(intent));
    // Data that are not a call of ours count as sent, so that no wallet is told to claim what it already has.
    const bool is_sent = !push_failed && (!*wallets || (*wallets)->contains(wallet));
    if (is_sent) return false;
    IOSWARM_TRY(const bool later, is_sent_later(intent, wallet));
    return !later;
}

Result<const SentTo*> SentMoney::sent_to(std::uint64_t intent) {
    constexpr std::size_t kMaxCached = 64;
    auto known = sent_to_.find(intent);
    if (known == sent_to_.end()) {
        IOSWARM_TRY(auto wallets, read_sent_to(database_, intent));
        if (sent_to_.size() >= kMaxCached) sent_to_.clear();
        known = sent_to_.emplace(intent, std::move(wallets)).first;
    }
    return &known->second;
}

Result<bool> SentMoney::is_sent_later(std::uint64_t intent, const Address& wallet) {
    if (!pool_) {
        IOSWARM_TRY(const auto identity, read_identity(database_));
        pool_ = identity.pool;
    }
    if (*pool_ == PoolVersion::v3) return false;
    IOSWARM_DO(read_pushes());
    const auto newest = newest_push_.find(wallet);
    return newest != newest_push_.end() && newest->second > intent;
}

/// Reads the intents that became final since the last call. Intents become final in the order of their ids, so
/// none with a smaller id appears later.
Status SentMoney::read_pushes() {
    constexpr std::uint64_t kIntentsAtOnce = 64;  // keeps the read transactions short
    for (;;) {
        IOSWARM_TRY(auto row, database_.prepare("SELECT id, data FROM intent WHERE id > ?1 AND kind = 'value' "
                                                "AND state = 'final_ok' ORDER BY id LIMIT ?2"));
        row.bind_u64(1, pushes_read_).bind_u64(2, kIntentsAtOnce);
        std::vector<std::pair<std::uint64_t, SentTo>> some;
        IOSWARM_DO(sqlite::for_each_row(row, [&]() -> Status {
            some.emplace_back(row.u64(0), wallets_sent_to(row.blob(1)));
            return {};
        }));
        for (auto& intent : some) {
            const std::uint64_t id = intent.first;
            SentTo& wallets = intent.second;  // clang 14 cannot capture a structured binding
            if (wallets && !wallets->empty()) {
                IOSWARM_TRY(auto refused, database_.prepare("SELECT wallet FROM refused WHERE intent = ?1"));
                refused.bind_u64(1, id);
                IOSWARM_DO(sqlite::for_each_row(refused, [&]() -> Status {
                    IOSWARM_TRY(const auto wallet, refused.fixed<Address>(0));
                    wallets->erase(wallet);
                    return {};
                }));
                for (const Address& wallet : *wallets)
                    newest_push_[wallet] = id;
            }
            pushes_read_ = id;
        }
        if (some.size() < kIntentsAtOnce) return {};
    }
}

}  // namespace ioswarm::settlement
